"""The field's notation `Genotype(normal=[('sep_conv_3x3', 1), ...], ...)`.

A file may hold more than that: the search log or the genotypes.py that it comes from. What counts
is every `NAME = Genotype(...)` outside comments and strings, and other names for one of them,
`NAME = OTHER`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from dartslib.cell import INPUTS, is_list, split_by_node
from dartslib.cli import UserError, nearest

CELLS = ("normal", "reduce")
FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
EDGES_PER_NODE = 2  # in a flat list
MOST_STATES = 1000

TOKEN = re.compile(
    r"""(?P<skipped>\#[^\n]*|'{3}.*?'{3}|"{3}.*?"{3}"""
    r"""|(?<!\w)'(?:\\.|[^'\\\n])*'|(?<!\w)"(?:\\.|[^"\\\n])*")"""  # it's no string in "it's"
    r"""|(?P<call>\bGenotype[^\S\n]*\()|(?P<word>\w+)|(?P<end>\n)|(?P<other>[^\s\w])""",
    re.DOTALL,
)


@dataclass(frozen=True)
class Found:
    """A `Genotype(...)` in a text: its name, or "", and where it begins and ends."""

    name: str
    start: int
    end: int


def parse_notation(text: str, where: str, name: str = "") -> dict[str, Any]:
    """Return the fields of the genotype called `name`, or of the only one, not yet checked.

    A cell's edges come as one list a node.
    """
    found, names = find_genotypes(text)
    chosen = choose(text, found, names, where, name)
    record = _fields(text[chosen.start : chosen.end], where)
    for kind in CELLS:
        if kind in record:
            by_state = _says_what_it_enters(record[kind])
            record[kind] = _nodes_of(record[kind], f"{where}: {kind}")
            if by_state:
                _leave_out_empty_nodes(record, kind)
    return record


def _nodes_of(edges: Any, where: str) -> Any:
    """Split the edges by node and leave pairs of them: operation and state that they leave.

    FairDARTS writes (operation, state that the edge enters, state that it leaves), and so as many
    edges a node as it likes; where the first edge's number is that of an input, which nothing
    enters, a third number says something else, and is passed over.
    """
    if _is_per_node(edges):
        return [[_pair(edge) for edge in node] if is_list(node) else node for node in edges]
    if not _says_what_it_enters(edges):
        pairs = [_pair(edge) for edge in edges] if is_list(edges) else edges
        return split_by_node(pairs, EDGES_PER_NODE, where)
    nodes: list[list[Any]] = []
    for edge in edges:
        last = max(len(nodes) - 1 + INPUTS, INPUTS)
        if not (_is_triple(edge) and last <= edge[1] <= MOST_STATES and type(edge[2]) is int):
            raise UserError(
                f"{where}: edges of (operation, state, state) have to come node by node"
            )
        while len(nodes) <= edge[1] - INPUTS:
            nodes.append([])
        nodes[-1].append((edge[0], edge[2]))
    return nodes


def _says_what_it_enters(edges: Any) -> bool:
    """Say whether edges are written as FairDARTS writes them."""
    return bool(is_list(edges) and edges and _is_triple(edges[0]) and edges[0][1] >= INPUTS)


def _leave_out_empty_nodes(record: dict[str, Any], kind: str) -> None:
    """Leave out what FairDARTS's network does.

    A node that no edge enters is not concatenated, and edges from it are not there.
    """
    nodes, concat = record[kind], record.get(f"{kind}_concat")

    def is_empty(state: int) -> bool:
        return INPUTS <= state < INPUTS + len(nodes) and not nodes[state - INPUTS]

    for edges in nodes:
        edges[:] = [edge for edge in edges if not is_empty(edge[1])]
    if is_list(concat):
        record[f"{kind}_concat"] = [
            state
            for state in concat
            if type(state) is not int or not (is_empty(state) or state >= INPUTS + len(nodes))
        ]


def _is_triple(edge: Any) -> bool:
    """Say whether an edge has a third number."""
    return (
        is_list(edge)
        and len(edge) == 3
        and type(edge[1]) is int
        and isinstance(edge[2], int | float)
    )


def _pair(edge: Any) -> Any:
    """Leave out an edge's third number."""
    return tuple(edge[:2]) if _is_triple(edge) else edge


def find_genotypes(text: str) -> tuple[list[Found], dict[str, Found]]:
    """Find all genotypes, and which of them every name means in the end."""
    found: list[Found] = []
    names: dict[str, Found] = {}
    word = target = ""  # the word just read, and the one before the `=` just read
    at = 0
    while match := TOKEN.search(text, at):
        kind, at = match.lastgroup, match.end()
        if kind == "call":
            at = _end_of_call(text, at)
            found.append(Found(target, match.start(), at))
            if target:
                names[target] = found[-1]
        elif kind == "word" and target and match[0] in names and _ends_here(text, at):
            names[target] = names[match[0]]
        if kind == "skipped":
            continue
        target = word if match[0] == "=" else ""
        word = match[0] if kind == "word" else ""
    return found, names


def _end_of_call(text: str, at: int) -> int:
    """Return where the bracket closes that was opened before `at`."""
    depth = 1
    while depth and (match := TOKEN.search(text, at)):
        at = match.end()
        if match["other"]:
            depth += (match[0] in "([{") - (match[0] in ")]}")
        elif match["call"]:
            depth += 1
    return len(text) if depth else at


def _ends_here(text: str, at: int) -> bool:
    """Say whether nothing but a comment follows on the line."""
    return re.match(r"[^\S\n]*(#|\n|$)", text[at:]) is not None


def choose(text: str, found: list[Found], names: dict[str, Found], where: str, name: str) -> Found:
    """Return the genotype called `name`, or the only one."""
    if not found:
        raise UserError(f"{where}: neither JSON nor the notation Genotype(normal=[...], ...)")
    if name:
        if name not in names:
            raise UserError(
                f"{where}: no genotype '{name}'{nearest(name, names)} "
                f"(there: {', '.join(names) or 'one without a name'})"
            )
        return names[name]
    if len(found) > 1 and not any(one.name for one in found):
        first, last = (text.count("\n", 0, one.start) + 1 for one in (found[0], found[-1]))
        raise UserError(
            f"{where}: {len(found)} genotypes without a name, in lines {first} to {last}; "
            "is it the log of a run? Its result is its genotype.json"
        )
    if len(found) > 1:
        listed = (
            f"{one.name or '(no name)'} (line {text.count(chr(10), 0, one.start) + 1})"
            for one in found
        )
        raise UserError(
            f"{where}: {len(found)} genotypes: {', '.join(listed)}; say which: {where}:NAME"
        )
    return found[0]


def _fields(call_text: str, where: str) -> dict[str, Any]:
    """Parse `Genotype(...)`.

    The syntax tree is read, nothing is evaluated: the file may come from anywhere.
    """
    try:
        call = ast.parse(call_text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        detail = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"{where}: not in the notation Genotype(...): {detail}") from None
    assert isinstance(call, ast.Call)
    if len(call.args) > len(FIELDS):
        raise UserError(f"{where}: Genotype(...) of more than {len(FIELDS)} fields")
    record = {name: _literal(node, where) for name, node in zip(FIELDS, call.args, strict=False)}
    for keyword in call.keywords:
        if keyword.arg not in FIELDS:
            raise UserError(f"{where}: unknown field '{keyword.arg}'")
        record[keyword.arg] = _literal(keyword.value, where)
    return record


def _literal(node: ast.expr, where: str) -> Any:
    """Read a literal, or `range(...)` of integer literals."""
    try:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "range" and not node.keywords:
                return list(range(*(ast.literal_eval(argument) for argument in node.args)))
            if node.func.id == "list" and len(node.args) == 1 and not node.keywords:
                return _literal(node.args[0], where)
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise UserError(
            f"{where}: expected a list or range(...) of plain values in Genotype(...)"
        ) from None


def _is_per_node(edges: Any) -> bool:
    """Say whether a list of edges has one list a node."""
    return is_list(edges) and any(
        is_list(item) and (not item or is_list(item[0])) for item in edges
    )
