"""Reading the records that a search leaves in its run directory.

A run may be going on or may have been killed: a cut-off last line is skipped with a warning.
After a resumed run an epoch may occur twice; the later record counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslib.cell import INPUTS, nodes_of
from dartslib.cli import UserError, reason, require, warn
from dartslib.method import EDGE_WEIGHTS, SOFTMAX, Weights, operation_weights

if TYPE_CHECKING:
    import numpy as np

CELL_TYPES = ("normal", "reduce")
FIGURE = "method."


@dataclass(frozen=True)
class Metrics:
    """The epoch records of metrics.jsonl in the order of their epochs.

    Figures of the search method have keys such as "method.tau".
    """

    records: list[dict[str, Any]]

    def column(self, key: str) -> list[float]:
        """Return one quantity over the epochs; NaN where a record lacks it."""
        values = [record.get(key) for record in self.records]
        return [float(v) if isinstance(v, int | float) else math.nan for v in values]

    @property
    def method_figures(self) -> list[str]:
        """The names of the method's figures, in the order in which they first appear."""
        keys = (key for record in self.records for key in record)
        return list(dict.fromkeys(key[len(FIGURE) :] for key in keys if key.startswith(FIGURE)))


@dataclass(frozen=True)
class Alphas:
    """The history of alpha, and of what else a method's theta knows of edges.

    `primitives[cell type]` names what every edge offers. `weights[cell type]` is how much each of
    it weighs, epochs x edges x columns; rows of edges that offer less than others end in zeros.
    `edge_weights[cell type]` is how much each edge weighs in its node, epochs x edges; empty for
    methods without.
    """

    epochs: list[int]
    primitives: dict[str, list[list[str]]]
    weights: dict[str, np.ndarray]
    weights_of: str = SOFTMAX.of
    edge_weights: dict[str, np.ndarray] = field(default_factory=dict)
    edge_weights_of: str = ""

    @property
    def names(self) -> list[str]:
        """All operations that an edge offers, in the order in which they first appear."""
        sets = [names for cell in CELL_TYPES for names in self.primitives[cell]]
        return list(dict.fromkeys(name for names in sets for name in names))

    def offered(self, cell: str, edge: int) -> np.ndarray:
        """Return an edge's weights of what it offers, epochs x operations."""
        return self.weights[cell][:, edge, : len(self.primitives[cell][edge])]

    @property
    def nodes(self) -> int:
        """The number of intermediate nodes that the number of edges stands for."""
        return nodes_of(self.weights["normal"].shape[1])


def largest(weights: np.ndarray) -> float:
    """Return the largest weight, 1 where a diverged search left only NaN."""
    finite = weights[weights == weights]
    return float(finite.max()) if finite.size else 1.0


def read_metrics(run: Path) -> Metrics:
    """Read the epochs of RUN/metrics.jsonl; a run without a finished epoch is an error."""
    path = run / "metrics.jsonl"
    epochs: dict[int, dict[str, Any]] = {}
    for number, record in _records(path):
        if record.get("kind") == "epoch":
            figures = record.get("method")
            pairs = figures.items() if isinstance(figures, dict) else ()
            named = {FIGURE + name: value for name, value in pairs}
            epochs[_epoch(record, path, number)] = record | named
    if not epochs:
        raise UserError(f"{path}: no finished epoch yet")
    return Metrics([epochs[epoch] for epoch in sorted(epochs)])


@dataclass(frozen=True)
class _Theta:
    """What one record of alphas.jsonl holds; `edges_of` names what it has for each edge."""

    primitives: dict[str, list[list[str]]]
    alphas: dict[str, np.ndarray]
    edges_of: str
    edges: dict[str, np.ndarray]


def read_alphas(run: Path) -> Alphas:
    """Read RUN/alphas.jsonl, check the matrices and make weights of them as the method does."""
    np = require("numpy")
    path = run / "alphas.jsonl"
    epochs: dict[int, _Theta] = {}
    first: _Theta | None = None
    for number, record in _records(path):
        where = f"{path}, line {number}"
        theta = _theta(record, where)
        first = first or theta
        if (theta.primitives, theta.edges_of) != (first.primitives, first.edges_of):
            raise UserError(f"{where}: other edges or primitives than before")
        epochs[_epoch(record, path, number)] = theta
    if first is None:
        raise UserError(f"{path}: no record yet")
    thetas = [epochs[epoch] for epoch in sorted(epochs)]
    made, edges_made = operation_weights(run), EDGE_WEIGHTS.get(first.edges_of)
    weights = {c: made.compute(np.stack([theta.alphas[c] for theta in thetas])) for c in CELL_TYPES}
    if edges_made is None:
        return Alphas(sorted(epochs), first.primitives, weights, made.of)
    edges = {
        c: _by_node(np.stack([theta.edges[c] for theta in thetas]), edges_made) for c in CELL_TYPES
    }
    return Alphas(sorted(epochs), first.primitives, weights, made.of, edges, edges_made.of)


def _theta(record: dict[str, Any], where: str) -> _Theta:
    """Check and convert a record of alphas.jsonl."""
    sets = {cell: _primitives(record, cell, where) for cell in CELL_TYPES}
    edges = len(sets["normal"])
    if edges != len(sets["reduce"]):
        raise UserError(f"{where}: 'normal' has {edges} edges, 'reduce' {len(sets['reduce'])}")
    alphas = {cell: _matrix(record[cell], sets[cell], cell, where) for cell in CELL_TYPES}
    others = record.get("theta")
    for name in EDGE_WEIGHTS:
        keys = {cell: f"{name}_{cell}" for cell in CELL_TYPES}
        if isinstance(others, dict) and all(key in others for key in keys.values()):
            numbers = {
                cell: _row(others[key], edges, f"{where}: '{key}'") for cell, key in keys.items()
            }
            return _Theta(sets, alphas, name, numbers)
    return _Theta(sets, alphas, "", {})


def _by_node(values: np.ndarray, made: Weights) -> np.ndarray:
    """Make weights of each node's edges for themselves; epochs x edges."""
    np = require("numpy")
    nodes = nodes_of(values.shape[1])
    borders = np.cumsum([INPUTS + node for node in range(nodes)])[:-1]
    return np.concatenate(
        [made.compute(part) for part in np.split(values, borders, axis=1)], axis=1
    )


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number and the object of every line of a JSON Lines file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(reason(error)) from None
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("not a JSON object")
        except ValueError as error:
            if number < len(lines):
                raise UserError(f"{path}, line {number}: {error}") from None
            warn(f"{path}: the last line is cut off and is skipped")
            return
        yield number, record


def _epoch(record: dict[str, Any], path: Path, number: int) -> int:
    """Return a record's epoch."""
    epoch = record.get("epoch")
    if type(epoch) is not int:
        raise UserError(f"{path}, line {number}: 'epoch' is not a whole number")
    return epoch


def _is_names(value: Any) -> bool:
    """Tell whether a value is a list of names."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _primitives(record: dict[str, Any], cell: str, where: str) -> list[list[str]]:
    """Return what every edge of a cell type offers, from one list for all or a list for each."""
    rows, given = record.get(cell), record.get("primitives")
    if not isinstance(rows, list) or not nodes_of(len(rows)):
        edges = len(rows) if isinstance(rows, list) else "no"
        raise UserError(
            f"{where}: '{cell}' has {edges} edges, "
            "a cell with 1, 2, 3, 4, ... nodes has 2, 5, 9, 14, ..."
        )
    if isinstance(given, dict):
        given = given.get(cell)
    if _is_names(given):
        return [given] * len(rows)
    if not isinstance(given, list) or not all(_is_names(names) for names in given):
        raise UserError(f"{where}: 'primitives' is not a list of names, or one for each edge")
    if len(given) != len(rows):
        raise UserError(f"{where}: 'primitives' of {len(given)} edges, '{cell}' has {len(rows)}")
    return given


def _matrix(rows: list[Any], primitives: list[list[str]], cell: str, where: str) -> np.ndarray:
    """Check and convert one alpha matrix, edges x columns; null stands for NaN."""
    np = require("numpy")
    matrix = np.full((len(rows), max(map(len, primitives))), -np.inf)
    for edge, (row, names) in enumerate(zip(rows, primitives, strict=True)):
        matrix[edge, : len(names)] = _row(row, len(names), f"{where}: '{cell}', edge {edge}")
    return matrix


def _row(row: Any, count: int, where: str) -> np.ndarray:
    """Check and convert a list of so many numbers."""
    np = require("numpy")
    try:
        values = np.array(row, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (count,):
        raise UserError(f"{where}: {count} numbers expected")
    return values
