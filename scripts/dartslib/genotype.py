"""Genotypes: reading them in all their notations, and checking them.

`load_genotype` is what the scripts call. A genotype comes as the project's JSON, as a run
directory, as the name of a published one, or as a text file in the field's `Genotype(...)`
notation.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dartslib.cli import UserError, nearest, reason
from dartslib.operations import OPERATIONS

FORMAT = "darts-genotype"
VERSION = 1
FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")

# The same relative place in the source tree and under <prefix>/share/darts.
BUILT_IN_DIRECTORY = Path(__file__).resolve().parents[2] / "configs" / "genotypes"


@dataclass(frozen=True)
class Edge:
    """An operation and the state it reads: 0 is c_{k-2}, 1 is c_{k-1}, i + 2 is node i."""

    operation: str
    source: int


@dataclass(frozen=True)
class Cell:
    """A discrete cell; `targets` are the nodes that its edges go into. `concat` lists states."""

    edges: tuple[Edge, ...]
    targets: tuple[int, ...]
    concat: tuple[int, ...]

    @property
    def nodes(self) -> int:
        """The number of intermediate nodes."""
        return self.targets[-1] + 1

    def edges_by_node(self) -> Iterator[tuple[int, Edge]]:
        """Yield every edge after the index of the node it goes into."""
        yield from zip(self.targets, self.edges, strict=True)


@dataclass(frozen=True)
class Genotype:
    """A normal and a reduction cell under a name."""

    name: str
    normal: Cell
    reduce: Cell
    provenance: dict[str, Any] = field(default_factory=dict)


def built_in_names() -> list[str]:
    """Return the names of the published genotypes that come with the project."""
    return sorted(path.stem for path in BUILT_IN_DIRECTORY.glob("*.json"))


def find_genotype(given: str) -> Path:
    """Find the file that `given` means: a file, a run directory, or a built-in name."""
    path = Path(given)
    if path.is_file():
        return path
    if path.is_dir() and (path / "genotype.json").is_file():
        return path / "genotype.json"
    if given in built_in_names():
        return BUILT_IN_DIRECTORY / f"{given}.json"
    if path.is_dir():
        raise UserError(f"{given}: a directory without genotype.json (has its search ended?)")
    names = built_in_names()
    raise UserError(
        f"{given}: no such file, and no built-in genotype{nearest(given, names)} "
        f"(built in: {', '.join(names)})"
    )


def load_genotype(given: str) -> Genotype:
    """Read and check the genotype that `given` means (see `find_genotype`)."""
    path = find_genotype(given)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(reason(error)) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file") from None
    return parse_genotype(text, str(path), default_name=path.stem)


def parse_genotype(text: str, where: str, default_name: str) -> Genotype:
    """Parse a genotype in either notation; `where` opens the error messages."""
    if "Genotype(" in text and not text.lstrip().startswith("{"):
        record = _parse_notation(text, where)
    else:
        record = _parse_json(text, where)
    return genotype_from(record, where, default_name)


def genotype_from(record: dict[str, Any], where: str, default_name: str = "") -> Genotype:
    """Check what a JSON object with the fields of a genotype says."""
    _require_fields(record, where)
    count = record.get("edges_per_node", 2)
    if type(count) is not int or count < 1:
        raise UserError(f"{where}: 'edges_per_node' is not a whole number from 1 up")
    cells = [_check_cell(record, kind, count, where) for kind in ("normal", "reduce")]
    name, provenance = record.get("name"), record.get("provenance")
    return Genotype(
        name=name if isinstance(name, str) and name else default_name,
        normal=cells[0],
        reduce=cells[1],
        provenance=provenance if isinstance(provenance, dict) else {},
    )


def _parse_json(text: str, where: str) -> dict[str, Any]:
    """Parse the JSON notation as far as its format, version and fields."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise UserError(f"{where}: not a genotype: expected a JSON object")
    if record.get("format") != FORMAT:
        raise UserError(
            f"{where}: not a genotype: 'format' is {record.get('format')!r}, expected '{FORMAT}'"
        )
    if record.get("version") != VERSION:
        raise UserError(
            f"{where}: genotype version {record.get('version')!r}, this program reads {VERSION}"
        )
    return record


def _parse_notation(text: str, where: str) -> dict[str, Any]:
    """Parse `Genotype(normal=[...], ...)`, which may be assigned to a name.

    The syntax tree is read, nothing is evaluated: the file may come from anywhere.
    """
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        detail = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"{where}: not in the notation Genotype(...): {detail}") from None
    if len(body) != 1:
        raise UserError(f"{where}: expected one Genotype(...), found {len(body)} statements")
    statement = body[0]
    call = statement.value if isinstance(statement, ast.Assign | ast.Expr) else None
    if not (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Genotype"
        and len(call.args) <= len(FIELDS)
    ):
        raise UserError(f"{where}: expected Genotype(normal=[...], normal_concat=[...], ...)")
    record = {name: _literal(node, where) for name, node in zip(FIELDS, call.args, strict=False)}
    record |= {k.arg: _literal(k.value, where) for k in call.keywords if k.arg in FIELDS}
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        record["name"] = statement.targets[0].id
    return record


def _literal(node: ast.expr, where: str) -> Any:
    """Read a literal, or `range(...)` of integer literals."""
    try:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "range" and not node.keywords:
                return range(*(ast.literal_eval(argument) for argument in node.args))
            if node.func.id == "list" and len(node.args) == 1 and not node.keywords:
                return _literal(node.args[0], where)
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise UserError(
            f"{where}: line {node.lineno}: expected a list or range(...) of plain values"
        ) from None


def _require_fields(record: dict[str, Any], where: str) -> None:
    """Check that all four lists are there."""
    for name in FIELDS:
        if name not in record:
            raise UserError(f"{where}: '{name}' is missing")


def _check_cell(record: dict[str, Any], kind: str, per_node: int, where: str) -> Cell:
    """Check one cell's edges and concatenation and give them types."""
    edges, concat = record[kind], record[f"{kind}_concat"]
    if not isinstance(edges, list | tuple):
        raise UserError(f"{where}: '{kind}' is not a list of edges")
    targets = _targets(len(edges), per_node)
    if len(targets) != len(edges) or not edges:
        wanted = "two" if per_node == 2 else str(per_node)
        raise UserError(
            f"{where}: '{kind}' has {len(edges)} edges, a cell has {wanted} for each node"
        )
    checked = tuple(
        _check_edge(edge, node, f"{where}: {kind}[{index}]")
        for index, (node, edge) in enumerate(zip(targets, edges, strict=True))
    )
    return Cell(
        checked, targets, _check_concat(concat, targets[-1] + 1, f"{where}: '{kind}_concat'")
    )


def _targets(edges: int, per_node: int) -> tuple[int, ...]:
    """Say which node each edge goes into; the first nodes may have fewer states to read."""
    targets: list[int] = []
    node = 0
    while len(targets) < edges:
        targets += [node] * min(per_node, node + 2)
        node += 1
    return tuple(targets)


def _check_edge(edge: Any, node: int, where: str) -> Edge:
    """Check one edge into `node`."""
    if not (
        isinstance(edge, list | tuple)
        and len(edge) == 2
        and isinstance(edge[0], str)
        and type(edge[1]) is int
    ):
        raise UserError(f'{where}: an edge is an operation and a source: ["skip_connect", 0]')
    operation, source = edge
    if operation not in OPERATIONS:
        raise UserError(
            f"{where}: unknown operation '{operation}'{nearest(operation, OPERATIONS)} "
            f"(known: {', '.join(OPERATIONS)})"
        )
    if not 0 <= source < node + 2:
        relation = "itself" if source == node + 2 else f"source {source}"
        raise UserError(
            f"{where}: an edge into node {node} from {relation}, allowed are 0 to {node + 1}"
        )
    return Edge(operation, source)


def _check_concat(concat: Any, nodes: int, where: str) -> tuple[int, ...]:
    """Check the states whose concatenation is the cell's output."""
    if not isinstance(concat, list | tuple | range) or not concat:
        raise UserError(f"{where} is not a list of nodes")
    for state in concat:
        if type(state) is not int or not 2 <= state < nodes + 2:
            raise UserError(f"{where} names {state!r}, the nodes of this cell are 2 to {nodes + 1}")
    if len(set(concat)) != len(concat):
        raise UserError(f"{where} names a node twice")
    return tuple(concat)
