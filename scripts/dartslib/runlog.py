"""Reading the records that a search leaves in its run directory.

A run may be going on or may have been killed: a cut-off last line is skipped with a warning.
After a resumed run an epoch may occur twice; the later record counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslib.cli import UserError, reason, require, warn

if TYPE_CHECKING:
    import numpy as np

CELL_TYPES = ("normal", "reduce")


@dataclass(frozen=True)
class Metrics:
    """The epoch records of metrics.jsonl in the order of their epochs."""

    records: list[dict[str, Any]]

    def column(self, key: str) -> list[float]:
        """Return one quantity over the epochs; NaN where a record lacks it."""
        values = [record.get(key) for record in self.records]
        return [float(v) if isinstance(v, int | float) else math.nan for v in values]


@dataclass(frozen=True)
class Alphas:
    """The history of alpha: `weights[cell type]` is its softmax, epochs x edges x primitives."""

    epochs: list[int]
    primitives: list[str]
    weights: dict[str, np.ndarray]

    @property
    def nodes(self) -> int:
        """The number of intermediate nodes that the number of edges stands for."""
        return nodes_of(self.weights["normal"].shape[1])

    def largest(self, cell: str) -> float:
        """Return the largest weight of a cell type, 1 where a diverged search left only NaN."""
        weights = self.weights[cell]
        finite = weights[weights == weights]
        return float(finite.max()) if finite.size else 1.0


def read_metrics(run: Path) -> Metrics:
    """Read the epochs of RUN/metrics.jsonl; a run without a finished epoch is an error."""
    path = run / "metrics.jsonl"
    epochs: dict[int, dict[str, Any]] = {}
    for number, record in _records(path):
        if record.get("kind") == "epoch":
            epochs[_epoch(record, path, number)] = record
    if not epochs:
        raise UserError(f"{path}: no finished epoch yet")
    return Metrics([epochs[epoch] for epoch in sorted(epochs)])


def read_alphas(run: Path) -> Alphas:
    """Read RUN/alphas.jsonl, check the matrices and take their softmax over the primitives."""
    np = require("numpy")
    path = run / "alphas.jsonl"
    epochs: dict[int, dict[str, np.ndarray]] = {}
    primitives: list[str] | None = None
    shape: tuple[int, ...] | None = None
    for number, record in _records(path):
        where = f"{path}, line {number}"
        names = record.get("primitives")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserError(f"{where}: 'primitives' is not a list of names")
        primitives = names if primitives is None else primitives
        matrices = {cell: _matrix(record.get(cell), names, cell, where) for cell in CELL_TYPES}
        for matrix in matrices.values():
            shape = matrix.shape if shape is None else shape
            if names != primitives or matrix.shape != shape:
                raise UserError(f"{where}: other edges or primitives than before")
        epochs[_epoch(record, path, number)] = matrices
    if primitives is None:
        raise UserError(f"{path}: no record yet")
    order = sorted(epochs)
    weights = {cell: softmax(np.stack([epochs[e][cell] for e in order])) for cell in CELL_TYPES}
    return Alphas(order, primitives, weights)


def softmax(values: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    np = require("numpy")
    with np.errstate(invalid="ignore"):  # a diverged search: NaN and infinity become NaN
        exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)


def nodes_of(edges: int) -> int:
    """Invert edges = 2 + 3 + ... over the nodes; 0 where no number of nodes fits."""
    nodes = (math.isqrt(9 + 8 * edges) - 3) // 2
    return nodes if nodes * (nodes + 3) // 2 == edges else 0


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


def _matrix(value: Any, primitives: list[str], cell: str, where: str) -> np.ndarray:
    """Check and convert one alpha matrix, edges x primitives; null stands for NaN."""
    np = require("numpy")
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.ndim != 2 or matrix.shape[1] != len(primitives):
        raise UserError(f"{where}: '{cell}' is not a matrix of edges x {len(primitives)} numbers")
    if not nodes_of(len(matrix)):
        raise UserError(
            f"{where}: '{cell}' has {len(matrix)} edges, "
            "a cell with 1, 2, 3, 4, ... nodes has 2, 5, 9, 14, ..."
        )
    return matrix
