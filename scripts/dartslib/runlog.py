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

from dartslib.cell import nodes_of
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

    def broken(self) -> dict[str, int]:
        """Return the quantities that are NaN or infinite in an epoch, with the first such epoch."""
        found: dict[str, int] = {}
        for record in self.records:
            for key, value in record.items():
                if value is None or (isinstance(value, float) and not math.isfinite(value)):
                    found.setdefault(key, record["epoch"])
        return found

    @property
    def validates(self) -> bool:
        """Tell whether w was never trained on the images that are called validation's."""
        return all(record.get("valid_images") != "trained on" for record in self.records)


@dataclass(frozen=True)
class Alphas:
    """The history of alpha.

    `primitives[cell type]` names what every edge offers. `weights[cell type]` is the softmax over
    it, epochs x edges x columns; rows of edges that offer less than others end in zeros.
    """

    epochs: list[int]
    primitives: dict[str, list[list[str]]]
    weights: dict[str, np.ndarray]

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

    def broken(self) -> int | None:
        """Return the first epoch after which alpha is not finite, if there is one."""
        np = require("numpy")
        for index, epoch in enumerate(self.epochs):
            if any(not np.isfinite(self.weights[cell][index]).all() for cell in CELL_TYPES):
                return epoch
        return None

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
    """Read RUN/alphas.jsonl, check the matrices and take their softmax over what edges offer."""
    np = require("numpy")
    path = run / "alphas.jsonl"
    epochs: dict[int, dict[str, np.ndarray]] = {}
    primitives: dict[str, list[list[str]]] = {}
    for number, record in _records(path):
        where = f"{path}, line {number}"
        sets = {cell: _primitives(record, cell, where) for cell in CELL_TYPES}
        primitives = primitives or sets
        if len(sets["normal"]) != len(sets["reduce"]):
            raise UserError(
                f"{where}: 'normal' has {len(sets['normal'])} edges, 'reduce' {len(sets['reduce'])}"
            )
        if sets != primitives:
            raise UserError(f"{where}: other edges or primitives than before")
        epochs[_epoch(record, path, number)] = {
            cell: _matrix(record[cell], sets[cell], cell, where) for cell in CELL_TYPES
        }
    if not primitives:
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
        try:
            values = np.array(row, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.empty(0)
        if values.shape != (len(names),):
            raise UserError(f"{where}: '{cell}', edge {edge}: {len(names)} numbers expected")
        matrix[edge, : len(names)] = values
    return matrix
