"""The picture of a search: its metrics, and every edge's softmax(alpha) over the epochs.

The panels of a cell form a triangle: a row is a node, a column is the state its edge leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dartslib.cell import state_name
from dartslib.cli import require
from dartslib.figure import picture_of
from dartslib.operations import curve_colours
from dartslib.runlog import CELL_TYPES, Alphas, Metrics

TITLES = {"normal": "Normal cell: softmax(α) of every edge", "reduce": "Reduction cell"}
TRAIN, VALID = "#1f5fa8", "#ee8a1d"
NORMAL, REDUCE = "#1b7837", "#6a3d9a"
MANY_EPOCHS = 30  # from here on curves need no markers


@dataclass(frozen=True)
class Curve:
    """One quantity of metrics.jsonl by epoch."""

    key: str
    label: str
    colour: str


@dataclass(frozen=True)
class Panel:
    """A panel of the upper row; `counts` asks for whole numbers from 0 up."""

    title: str
    curves: tuple[Curve, Curve]
    factor: float = 1
    counts: bool = False


def _train_and_valid(quantity: str, validates: bool) -> tuple[Curve, Curve]:
    """Pair a quantity's training and validation curves; a joint search has no validation."""
    return (
        Curve(f"train_{quantity}", "training", TRAIN),
        Curve(
            f"valid_{quantity}",
            "validation" if validates else "part of the images trained on",
            VALID,
        ),
    )


def _normal_and_reduce(quantity: str) -> tuple[Curve, Curve]:
    """Pair a quantity's curves for both cell types."""
    return (
        Curve(f"{quantity}_normal", "normal cell", NORMAL),
        Curve(f"{quantity}_reduce", "reduction cell", REDUCE),
    )


def _panels(validates: bool) -> tuple[Panel, ...]:
    """Say what the upper row shows."""
    return (
        Panel("Loss", _train_and_valid("loss", validates)),
        Panel("Accuracy, %", _train_and_valid("accuracy", validates), factor=100),
        Panel(
            "Skip connections in the genotype", _normal_and_reduce("skip_connections"), counts=True
        ),
        Panel("Entropy of softmax(α), nats an edge", _normal_and_reduce("alpha_entropy")),
    )


def render(metrics: Metrics, alphas: Alphas, title: str, picture_format: str) -> bytes:
    """Draw the search and return the picture's bytes in `png`, `svg` or `pdf`."""
    return picture_of(lambda m: _figure(m, metrics, alphas, title), picture_format)


def _figure(matplotlib: Any, metrics: Metrics, alphas: Alphas, title: str) -> Any:
    """Compose the row of metrics above the two triangles of panels."""
    nodes = alphas.nodes
    width, top, bottom = max(15.0, 3.1 * (nodes + 1)), 3.1, 1.0 + 1.45 * nodes
    figure = require("matplotlib.figure").Figure(
        figsize=(width, top + bottom), layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    upper, lower = figure.subfigures(2, 1, height_ratios=[top, bottom])
    _draw_overview(matplotlib, upper, metrics)
    limit = 1.05 * max(alphas.largest(cell) for cell in CELL_TYPES)
    for part, cell in zip(lower.subfigures(1, 2, wspace=0.02), CELL_TYPES, strict=True):
        _draw_cell(matplotlib, part, alphas, cell, limit)
    return figure


def _marker(points: int) -> dict[str, Any]:
    """Mark the points of short curves, so that a single epoch shows."""
    return {"marker": "o", "markersize": 3} if points < MANY_EPOCHS else {}


def _draw_overview(matplotlib: Any, figure: Any, metrics: Metrics) -> None:
    """Draw loss, accuracy, skip connections and entropy over the epochs."""
    panels = _panels(metrics.validates)
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        _draw_panel(axes, panel, metrics)
        axes.xaxis.set_major_locator(_whole_numbers(matplotlib, 5))
        if panel.counts:
            axes.yaxis.set_major_locator(_whole_numbers(matplotlib, 6))
            axes.set_ylim(-0.1, max(1.1, axes.get_ylim()[1]))
        else:
            axes.ticklabel_format(axis="y", useOffset=False)


def _draw_panel(axes: Any, panel: Panel, metrics: Metrics) -> None:
    """Draw one panel's two curves; counts often coincide, so the second one is dashed there."""
    epochs = metrics.column("epoch")
    for curve, line in zip(panel.curves, ("-", "--" if panel.counts else "-"), strict=True):
        values = [panel.factor * value for value in metrics.column(curve.key)]
        look = {"color": curve.colour, "ls": line, "lw": 1.5} | _marker(len(epochs))
        axes.plot(epochs, values, label=curve.label, **look)
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_xlabel("epoch")
    axes.legend(fontsize=8)


def _whole_numbers(matplotlib: Any, most: int) -> Any:
    """Place at most so many ticks, on whole numbers only."""
    return matplotlib.ticker.MaxNLocator(most, integer=True, min_n_ticks=1)


def _draw_cell(matplotlib: Any, figure: Any, alphas: Alphas, cell: str, limit: float) -> None:
    """Draw one cell type's triangle of panels."""
    figure.suptitle(TITLES[cell], fontsize=10.5, x=0.02, ha="left")
    nodes = alphas.nodes
    grid = figure.subplots(nodes, nodes + 1, sharex=True, sharey=True, squeeze=False)
    edge = 0
    for node in range(nodes):
        for state in range(nodes + 1):
            axes = grid[node, state]
            if state > node + 1:
                axes.remove()
                continue
            _draw_edge(axes, alphas, cell, edge)
            axes.set_title(f"${state_name(state)} → {node}$", fontsize=8.5, pad=3)
            edge += 1
    corner = grid[0, 0]
    corner.set_ylim(0, limit)
    corner.xaxis.set_major_locator(_whole_numbers(matplotlib, 3))
    figure.supxlabel("epoch", fontsize=9)
    if cell == "normal":
        _draw_legend(matplotlib, figure, alphas)


def _draw_legend(matplotlib: Any, figure: Any, alphas: Alphas) -> None:
    """Name the primitives once, in the empty triangle where there is room in it."""
    primitives = alphas.names
    room = alphas.nodes > 1 and len(primitives) <= 5 * (alphas.nodes - 1) + 3
    handles = [
        matplotlib.lines.Line2D([], [], color=colour, lw=2) for colour in curve_colours(primitives)
    ]
    note = "thick: ends highest, none apart"
    figure.legend(
        handles,
        primitives,
        loc="upper right" if room else "outside right upper",
        fontsize=8.5,
        title=note,
        title_fontsize=8.5,
    )


def _draw_edge(axes: Any, alphas: Alphas, cell: str, edge: int) -> None:
    """Draw one edge's curves, the one that ends highest (apart from `none`) thicker."""
    names, weights = alphas.primitives[cell][edge], alphas.offered(cell, edge)
    candidates = [i for i, name in enumerate(names) if name != "none"]
    best = max(candidates, key=lambda i: weights[-1, i], default=-1)
    colours = dict(zip(alphas.names, curve_colours(alphas.names), strict=True))
    for index, name in enumerate(names):
        axes.plot(
            alphas.epochs,
            weights[:, index],
            color=colours[name],
            lw=2.2 if index == best else 1.1,
            zorder=3 if index == best else 2,
            **(_marker(len(alphas.epochs)) if len(alphas.epochs) == 1 else {}),
        )
    axes.tick_params(labelsize=7.5)
