"""A run's figures and alphas as CSV: one value a row, columns in a fixed order.

scalars.csv   kind (epoch or step), epoch, step (within it; empty for an epoch), figure, value
alphas.csv    epoch, cell, edge, from, into, operation, alpha, weight
edges.csv     epoch, cell, edge, from, into, weight: of methods that weigh edges
decisions.csv epoch, cell, edge (empty: edges into a node), into, round, candidate, accuracy and
              loss without it, kept (1 or 0): of a selection by perturbation
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from typing import Any

from dartslib.cell import INPUTS, state_name
from dartslib.decisions import Decision
from dartslib.run_figures import RunFigures
from dartslib.runlog import CELL_TYPES, Alphas

TABLES = ("scalars.csv", "alphas.csv", "edges.csv", "decisions.csv")
SCALARS = ("kind", "epoch", "step", "figure", "value")
ALPHAS = ("epoch", "cell", "edge", "from", "into", "operation", "alpha", "weight")
DECISIONS = ("epoch", "cell", "edge", "into", "round", "candidate", "accuracy", "loss", "kept")
EDGES = ("epoch", "cell", "edge", "from", "into", "weight")


def tables(figures: RunFigures) -> dict[str, bytes]:
    """Return the files by their names."""
    files = {"scalars.csv": _table(SCALARS, _scalars(figures))}
    if figures.alphas:
        files["alphas.csv"] = _table(ALPHAS, _alphas(figures.alphas))
        if figures.alphas.edge_weights:
            files["edges.csv"] = _table(EDGES, _edges(figures.alphas))
    if figures.decisions:
        files["decisions.csv"] = _table(DECISIONS, _decisions(figures.decisions))
    return files


def _table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _scalars(figures: RunFigures) -> Iterator[tuple[Any, ...]]:
    """Yield every figure, an epoch's after those of its steps."""
    places = [(epoch, step) for epoch, step in figures.steps]
    places += [(epoch, math.inf) for epoch in figures.epochs]
    for epoch, step in sorted(places):
        of_epoch = step == math.inf
        row = figures.epochs[epoch] if of_epoch else figures.steps[epoch, int(step)]
        start = ("epoch", epoch, "") if of_epoch else ("step", epoch, step)
        for name in sorted(row):
            yield (*start, name, row[name])


def _places(alphas: Alphas) -> list[tuple[int, str, int]]:
    """List every edge's number, the state it comes from and the node it goes into."""
    ends = [(s, node) for node in range(alphas.nodes) for s in range(node + INPUTS)]
    return [(edge, state_name(state), node) for edge, (state, node) in enumerate(ends)]


def _number(value: Any) -> Any:
    """Write a number; nothing for what is not finite."""
    return float(value) if math.isfinite(value) else ""


def _alphas(alphas: Alphas) -> Iterator[tuple[Any, ...]]:
    """Yield what every edge offers in an epoch."""
    for index, epoch in enumerate(alphas.epochs):
        for cell in CELL_TYPES:
            values, weights = alphas.values[cell][index], alphas.weights[cell][index]
            for edge, source, node in _places(alphas):
                for column, name in enumerate(alphas.primitives[cell][edge]):
                    alpha, weight = values[edge, column], weights[edge, column]
                    if alpha != -math.inf:
                        yield epoch, cell, edge, source, node, name, _number(alpha), _number(weight)


def _edges(alphas: Alphas) -> Iterator[tuple[Any, ...]]:
    """Yield how much every edge weighs in its node."""
    for index, epoch in enumerate(alphas.epochs):
        for cell in CELL_TYPES:
            for edge, source, node in _places(alphas):
                weight = alphas.edge_weights[cell][index, edge]
                yield epoch, cell, edge, source, node, _number(weight)


def _decisions(decisions: list[Decision]) -> Iterator[tuple[Any, ...]]:
    """Yield every candidate of every decision."""
    for made in decisions:
        place = (made.epoch, made.cell, "" if made.edge is None else made.edge, made.node)
        for trial in made.trials:
            kept = int(trial.candidate in made.kept)
            figures = _number(trial.accuracy), _number(trial.loss)
            yield *place, trial.round, trial.candidate, *figures, kept
