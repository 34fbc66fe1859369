"""A genotype's cell, and the rules it has to keep (those of `src/cell/genotype.cpp`).

Any name may stand for an operation: which there are is up to the program that searches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dartslib.cli import UserError

INPUTS = 2  # states before the first node: the outputs of the two cells before


@dataclass(frozen=True)
class Edge:
    """An operation and the state it reads: 0 is c_{k-2}, 1 is c_{k-1}, i + 2 is node i."""

    operation: str
    source: int


@dataclass(frozen=True)
class Cell:
    """A discrete cell: the edges into every intermediate node; `concat` lists states.

    A node without edges computes nothing: no edge reads it and `concat` does not name it.
    """

    nodes: tuple[tuple[Edge, ...], ...]
    concat: tuple[int, ...]

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, node after node."""
        return tuple(edge for edges in self.nodes for edge in edges)

    def edges_by_node(self) -> Iterator[tuple[int, Edge]]:
        """Yield every edge after the index of the node it goes into."""
        for node, edges in enumerate(self.nodes):
            for edge in edges:
                yield node, edge


def state_name(state: int) -> str:
    """Name a state of a cell as the paper's figures do: c_{k-2}, c_{k-1}, then nodes from 0."""
    return ("c_{k-2}", "c_{k-1}")[state] if state < INPUTS else str(state - INPUTS)


def first_edge(node: int) -> int:
    """Return the number of the first edge into a node: that of all edges into those before."""
    return node * (node + 3) // 2


def nodes_of(edges: int) -> int:
    """Invert edges = 2 + 3 + ... over the nodes; 0 where no number of nodes fits."""
    nodes = (math.isqrt(9 + 8 * edges) - 3) // 2
    return nodes if nodes * (nodes + 3) // 2 == edges else 0


def is_list(value: Any) -> bool:
    """Say whether this is a list, in JSON or in the notation."""
    return isinstance(value, list | tuple)


def split_by_node(edges: Any, per_node: int, where: str) -> list[Any]:
    """Split a flat list of edges; the first nodes may have fewer states to read."""
    if not is_list(edges):
        raise UserError(f"{where}: not a list of edges")
    nodes: list[Any] = []
    rest = list(edges)
    while rest:
        count = min(per_node, len(nodes) + INPUTS)
        if len(rest) < count:
            raise UserError(
                f"{where}: {len(edges)} edges, but every node has {per_node}; "
                "where their numbers differ, write one list a node"
            )
        nodes.append(rest[:count])
        rest = rest[count:]
    return nodes


def assemble_cell(nodes: Any, concat: Any, where: str) -> Cell:
    """Check a cell, given one list of edges a node, and give it types."""
    if not is_list(nodes) or not all(map(is_list, nodes)):
        raise UserError(f"{where}: not a list of nodes, each a list of edges")
    if not any(nodes):
        raise UserError(f"{where}: has no edges")
    checked = tuple(
        tuple(_check_edge(edge, node, nodes, where) for edge in edges)
        for node, edges in enumerate(nodes)
    )
    return Cell(checked, _check_concat(concat, nodes, f"{where}_concat"))


def _node_text(node: int) -> str:
    return f"node {node} (state {node + INPUTS})"


def _check_edge(edge: Any, node: int, nodes: Sequence[Any], where: str) -> Edge:
    """Check one edge into `node`."""
    if not (is_list(edge) and len(edge) == 2 and isinstance(edge[0], str) and type(edge[1]) is int):
        raise UserError(
            f"{where}: {_node_text(node)}: an edge is an operation and the state that it "
            'comes from: ["skip_connect", 0]'
        )
    operation, source = edge
    if not operation:
        raise UserError(f"{where}: {_node_text(node)}: an edge's operation has no name")
    if not 0 <= source < node + INPUTS:
        raise UserError(
            f"{where}: {_node_text(node)} can only read states 0 to {node + INPUTS - 1}, "
            f"but an edge comes from state {source}"
        )
    if source >= INPUTS and not nodes[source - INPUTS]:
        raise UserError(
            f"{where}: an edge into {_node_text(node)} comes from {_node_text(source - INPUTS)}, "
            "which has no edges; leave that edge out"
        )
    return Edge(operation, source)


def _check_concat(concat: Any, nodes: Sequence[Any], where: str) -> tuple[int, ...]:
    """Check the states whose concatenation is the cell's output."""
    if not is_list(concat) or not all(type(state) is int for state in concat):
        raise UserError(f"{where}: not a list of states")
    if not concat:
        raise UserError(f"{where}: names no state; the output would be empty")
    for state in concat:
        if not INPUTS <= state < len(nodes) + INPUTS:
            raise UserError(
                f"{where}: state {state} is not an intermediate node; "
                f"this cell has states {INPUTS} to {len(nodes) + INPUTS - 1}"
            )
        if not nodes[state - INPUTS]:
            raise UserError(
                f"{where}: names {_node_text(state - INPUTS)}, which has no edges; leave it out"
            )
    if len(set(concat)) != len(concat):
        raise UserError(f"{where}: names a state twice")
    return tuple(concat)
