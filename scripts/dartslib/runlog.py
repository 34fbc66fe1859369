"""Reading the records that a search leaves in its run directory.

After a resumed run an epoch may occur twice; the later record counts.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslib.cell import INPUTS, nodes_of
from dartslib.cli import UserError, as_utf8, require, warn
from dartslib.method import EDGE_WEIGHTS, SOFTMAX, Weights, operation_weights
from dartslib.records import OnCut, read_records, whole_number

if TYPE_CHECKING:
    import numpy as np

CELL_TYPES = ("normal", "reduce")
FIGURE = "method."


# What a search leaves open whose method finds no genotype yet, or that does not measure it.
MAY_BE_MISSING = {
    "genotype",
    *(f"{figure}_{cell}" for figure in ("skip_connections", "skips") for cell in CELL_TYPES),
    "eigenvalue",  # only of the epochs in which it was measured
}


@dataclass(frozen=True)
class Stop:
    """An early end of a search; `genotype_epoch` is the epoch whose genotype is its result."""

    why: str
    genotype_epoch: int


@dataclass(frozen=True)
class Metrics:
    """The epoch records of metrics.jsonl in the order of their epochs.

    Figures of the search method have keys such as "method.tau".
    """

    records: list[dict[str, Any]]
    stop: Stop | None = None

    @property
    def last_epoch(self) -> int | None:
        """The last epoch; None where none has finished."""
        return self.records[-1]["epoch"] if self.records else None

    def column(self, key: str) -> list[float]:
        """Return one quantity over the epochs; NaN where a record lacks it."""
        values = [record.get(key) for record in self.records]
        return [float(v) if isinstance(v, int | float) else math.nan for v in values]

    def has(self, key: str) -> bool:
        """Tell whether any epoch has a number for a quantity."""
        return any(not math.isnan(value) for value in self.column(key))

    @property
    def method_figures(self) -> list[str]:
        """The names of the method's figures, in the order in which they first appear."""
        keys = (key for record in self.records for key in record)
        return list(dict.fromkeys(key[len(FIGURE) :] for key in keys if key.startswith(FIGURE)))

    def broken(self) -> dict[str, int]:
        """Return the quantities that are NaN or infinite in an epoch, with the first such epoch."""
        found: dict[str, int] = {}
        for record in self.records:
            for key, value in record.items():
                missing = value is None and key not in MAY_BE_MISSING
                if missing or (isinstance(value, float) and not math.isfinite(value)):
                    found.setdefault(key, record["epoch"])
        return found

    @property
    def validates(self) -> bool:
        """Tell whether w was never trained on the images that are called validation's."""
        return all(record.get("valid_images") != "trained on" for record in self.records)


@dataclass(frozen=True)
class Alphas:
    """The history of alpha, and of what else a method's theta knows of edges.

    `primitives[cell type]` names what every edge ever offers. `weights[cell type]` is how much each
    of it weighs, epochs x edges x columns: 0 in epochs in which the edge does not offer it, and
    where an edge offers less than others. `borders` are between the epochs of two stages, of which
    the later one offers something else. `edge_weights[cell type]` is how much each edge weighs in
    its node, epochs x edges; empty for methods without. `values` is alpha itself, with -inf
    for what is not offered.
    """

    epochs: list[int]
    primitives: dict[str, list[list[str]]]
    weights: dict[str, np.ndarray]
    weights_of: str = SOFTMAX.of
    edge_weights: dict[str, np.ndarray] = field(default_factory=dict)
    edge_weights_of: str = ""
    borders: list[float] = field(default_factory=list)
    values: dict[str, np.ndarray] = field(default_factory=dict)

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
            if any(
                not np.isfinite(self.weights[cell][index]).any(axis=-1).all() for cell in CELL_TYPES
            ):
                return epoch
        return None


def largest(weights: np.ndarray) -> float:
    """Return the largest weight, 1 where a diverged search left only NaN."""
    finite = weights[weights == weights]
    return float(finite.max()) if finite.size else 1.0


def diverged(metrics: Metrics, alphas: Alphas | None) -> str:
    """Say what is NaN or infinite from which epoch on; nothing if all is finite."""
    broken = [f"{key} (epoch {epoch})" for key, epoch in metrics.broken().items()]
    epoch = alphas.broken() if alphas else None
    return ", ".join(broken + ([] if epoch is None else [f"alpha (epoch {epoch})"]))


def read_metrics(run: Path, may_be_empty: bool = False) -> Metrics:
    """Read the epochs of RUN/metrics.jsonl; without a finished epoch that is an error."""
    path = run / "metrics.jsonl"
    epochs: dict[int, dict[str, Any]] = {}
    stop = None
    for number, record in read_records(path):
        stop = read_stop(record, path, number) or stop
        if record.get("kind") == "epoch":
            figures = record.get("method")
            pairs = figures.items() if isinstance(figures, dict) else ()
            named = {FIGURE + name: value for name, value in pairs}
            epochs[_epoch(record, path, number)] = record | named
    if not epochs and not may_be_empty:
        raise UserError(f"{path}: no finished epoch yet")
    return Metrics([epochs[epoch] for epoch in sorted(epochs)], stop)


def read_stop(record: dict[str, Any], path: Path, number: int) -> Stop | None:
    """Read the record of a search's early end; None where it is another one."""
    if record.get("kind") != "early_stop":
        return None
    epoch = whole_number(record, "genotype_epoch", path, number)
    return Stop(as_utf8(str(record.get("why", ""))), epoch)


def last_epoch(run: Path) -> int | None:
    """Return the last epoch that is recorded; None where none is, or there are no records."""
    if not (run / "metrics.jsonl").exists():
        return None
    return read_metrics(run, may_be_empty=True).last_epoch


@dataclass(frozen=True)
class _Theta:
    """What one record of alphas.jsonl holds; `edges_of` names what it has for each edge."""

    alphas: dict[str, list[dict[str, float]]]
    edges_of: str
    edges: dict[str, np.ndarray]

    @property
    def offers(self) -> list[list[str]]:
        """What every edge offers, of both cell types."""
        return [list(row) for cell in CELL_TYPES for row in self.alphas[cell]]


def read_alphas(run: Path, on_cut: OnCut = warn) -> Alphas:
    """Read RUN/alphas.jsonl, check the matrices and make weights of them as the method does."""
    path = run / "alphas.jsonl"
    epochs: dict[int, _Theta] = {}
    first: _Theta | None = None
    for number, record in read_records(path, on_cut):
        where = f"{path}, line {number}"
        theta = _theta(record, where)
        first = first or theta
        if (len(theta.offers), theta.edges_of) != (len(first.offers), first.edges_of):
            raise UserError(f"{where}: other edges than before")
        epochs[_epoch(record, path, number)] = theta
    if first is None:
        raise UserError(f"{path}: no record yet")
    order = sorted(epochs)
    return _alphas(order, [epochs[epoch] for epoch in order], operation_weights(run))


def _alphas(epochs: list[int], thetas: list[_Theta], made: Weights) -> Alphas:
    """Make the history of what the records of these epochs hold."""
    np = require("numpy")
    primitives = {
        cell: _ever_offered([theta.alphas[cell] for theta in thetas]) for cell in CELL_TYPES
    }
    values = {
        cell: np.stack([_matrix(theta.alphas[cell], primitives[cell]) for theta in thetas])
        for cell in CELL_TYPES
    }
    weights = {cell: made.compute(values[cell]) for cell in CELL_TYPES}
    edges, edges_made = {}, EDGE_WEIGHTS.get(thetas[0].edges_of)
    if edges_made is not None:
        edges = {
            cell: _by_node(np.stack([theta.edges[cell] for theta in thetas]), edges_made)
            for cell in CELL_TYPES
        }
    steps = zip(itertools.pairwise(epochs), itertools.pairwise(thetas), strict=True)
    borders = [sum(pair) / 2 for pair, (one, next_) in steps if one.offers != next_.offers]
    edges_of = edges_made.of if edges_made else ""
    return Alphas(epochs, primitives, weights, made.of, edges, edges_of, borders, values)


def _ever_offered(history: list[list[dict[str, float]]]) -> list[list[str]]:
    """Name what every edge offers in any of the epochs, in the order in which it first does."""
    return [
        list(dict.fromkeys(name for row in edge for name in row))
        for edge in zip(*history, strict=True)
    ]


def _theta(record: dict[str, Any], where: str) -> _Theta:
    """Check and convert a record of alphas.jsonl."""
    sets = {cell: _primitives(record, cell, where) for cell in CELL_TYPES}
    edges = len(sets["normal"])
    if edges != len(sets["reduce"]):
        raise UserError(f"{where}: 'normal' has {edges} edges, 'reduce' {len(sets['reduce'])}")
    alphas = {
        cell: [
            dict(zip(names, _row(row, len(names), f"{where}: '{cell}', edge {edge}"), strict=True))
            for edge, (row, names) in enumerate(zip(record[cell], sets[cell], strict=True))
        ]
        for cell in CELL_TYPES
    }
    others = record.get("theta")
    for name in EDGE_WEIGHTS:
        keys = {cell: f"{name}_{cell}" for cell in CELL_TYPES}
        if isinstance(others, dict) and all(key in others for key in keys.values()):
            numbers = {
                cell: _row(others[key], edges, f"{where}: '{key}'") for cell, key in keys.items()
            }
            return _Theta(alphas, name, numbers)
    return _Theta(alphas, "", {})


def _by_node(values: np.ndarray, made: Weights) -> np.ndarray:
    """Make weights of each node's edges for themselves; epochs x edges."""
    np = require("numpy")
    nodes = nodes_of(values.shape[1])
    borders = np.cumsum([INPUTS + node for node in range(nodes)])[:-1]
    return np.concatenate(
        [made.compute(part) for part in np.split(values, borders, axis=1)], axis=1
    )


def _epoch(record: dict[str, Any], path: Path, number: int) -> int:
    """Return a record's epoch."""
    return whole_number(record, "epoch", path, number)


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


def _matrix(rows: list[dict[str, float]], primitives: list[list[str]]) -> np.ndarray:
    """Return one alpha matrix, edges x columns; -inf stands for what an edge does not offer."""
    np = require("numpy")
    matrix = np.full((len(rows), max(map(len, primitives))), -np.inf)
    for edge, (row, names) in enumerate(zip(rows, primitives, strict=True)):
        matrix[edge, : len(names)] = [row.get(name, -np.inf) for name in names]
    return matrix


def _row(row: Any, count: int, where: str) -> np.ndarray:
    """Check and convert a list of so many numbers; null stands for NaN."""
    np = require("numpy")
    try:
        values = np.array(row, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (count,):
        raise UserError(f"{where}: {count} numbers expected")
    return values
