"""The picture of a search: its metrics, and how much every edge's operations weigh by epoch.

The panels of a cell form a triangle: a row is a node, a column is the state its edge leaves. Below
it stands how much the edges themselves weigh, a panel for each node, where a method has that.
Dotted lines part the stages of a search that offers less and less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dartslib.cell import INPUTS, state_name
from dartslib.cli import require
from dartslib.figure import escaped, picture_of, set_heading
from dartslib.method import FIGURES
from dartslib.operations import curve_colours
from dartslib.runlog import CELL_TYPES, FIGURE, Alphas, Metrics, largest

TITLES = {"normal": "Normal cell: {} of every edge", "reduce": "Reduction cell"}
METHOD = "#b2182b"
STATES = ("#4d4d4d", "#a6a6a6", "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")
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
    """A panel of the upper row; `counts` asks for whole numbers from 0 up.

    Where only some epochs are `measured`, their points are joined.
    """

    title: str
    curves: tuple[Curve, ...]
    factor: float = 1
    counts: bool = False
    measured: bool = False


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


def _common_panels(validates: bool) -> tuple[Panel, ...]:
    """Say what the upper row shows."""
    return (
        Panel("Loss", _train_and_valid("loss", validates)),
        Panel("Accuracy, %", _train_and_valid("accuracy", validates), factor=100),
        Panel(
            "Skip connections in the genotype", _normal_and_reduce("skip_connections"), counts=True
        ),
        Panel("Entropy of α's shares, nats an edge", _normal_and_reduce("alpha_entropy")),
    )


# What tells of a collapse, in searches that record it.
COLLAPSE = (
    Panel("Share of none, mean over edges", _normal_and_reduce("none_share")),
    Panel(
        "Largest eigenvalue of the Hessian by α",
        (Curve("eigenvalue", "", METHOD),),
        measured=True,
    ),
)


def _panels(metrics: Metrics) -> list[Panel]:
    """Return the panels of the upper row: those of every search, and what else is recorded."""
    own = [
        Panel(FIGURES.get(name, name), (Curve(FIGURE + name, "", METHOD),))
        for name in metrics.method_figures
        if name != "stage"  # borders show it
    ]
    seen = [p for p in COLLAPSE if any(metrics.has(curve.key) for curve in p.curves)]
    return [*_common_panels(metrics.validates), *seen, *own]


def render(metrics: Metrics, alphas: Alphas, title: str, picture_format: str) -> bytes:
    """Draw the search and return the picture's bytes in `png`, `svg` or `pdf`."""
    return picture_of(lambda m: _figure(m, metrics, alphas, title), picture_format)


def _figure(matplotlib: Any, metrics: Metrics, alphas: Alphas, title: str) -> Any:
    """Compose the row of metrics above the two triangles of panels."""
    nodes, panels = alphas.nodes, _panels(metrics)
    width = max(3.75 * len(panels), 3.1 * (nodes + 1))
    top, bottom, edges = 3.1, 1.0 + 1.45 * nodes, 2.4 if alphas.edge_weights else 0.0
    figure = require("matplotlib.figure").Figure(
        figsize=(width, top + bottom + edges), layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    set_heading(figure, title, 13)
    upper, lower = figure.subfigures(2, 1, height_ratios=[top, bottom + edges])
    _draw_overview(matplotlib, upper, metrics, panels, alphas.borders)
    limit = 1.05 * max(largest(alphas.weights[cell]) for cell in CELL_TYPES)
    for part, cell in zip(lower.subfigures(1, 2, wspace=0.02), CELL_TYPES, strict=True):
        if not edges:
            _draw_cell(matplotlib, part, alphas, cell, limit)
            continue
        operations, of_edges = part.subfigures(2, 1, height_ratios=[bottom, edges])
        _draw_cell(matplotlib, operations, alphas, cell, limit)
        _draw_edge_weights(matplotlib, of_edges, alphas, cell)
    return figure


def _marker(points: int) -> dict[str, Any]:
    """Mark the points of short curves, so that a single epoch shows."""
    return {"marker": "o", "markersize": 3} if points < MANY_EPOCHS else {}


def _draw_borders(axes: Any, borders: list[float]) -> None:
    """Part the stages."""
    for border in borders:
        axes.axvline(border, color="#888888", ls=":", lw=1)


def _draw_overview(
    matplotlib: Any, figure: Any, metrics: Metrics, panels: list[Panel], borders: list[float]
) -> None:
    """Draw loss, accuracy, skip connections, entropy and the method's figures over the epochs."""
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        _draw_panel(axes, panel, metrics)
        _draw_borders(axes, borders)
        axes.xaxis.set_major_locator(_whole_numbers(matplotlib, 5))
        if panel.counts:
            axes.yaxis.set_major_locator(_whole_numbers(matplotlib, 6))
            axes.set_ylim(-0.1, max(1.1, axes.get_ylim()[1]))
        else:
            axes.ticklabel_format(axis="y", useOffset=False)


def _draw_panel(axes: Any, panel: Panel, metrics: Metrics) -> None:
    """Draw one panel's curves; counts often coincide, so the second one is dashed there.

    An epoch without a value is a gap: counts are missing where alphas mean no genotype.
    """
    epochs = metrics.column("epoch")
    for curve, line in zip(panel.curves, ("-", "--" if panel.counts else "-"), strict=False):
        values = [panel.factor * value for value in metrics.column(curve.key)]
        points = list(zip(epochs, values, strict=True))
        if panel.measured:
            points = [(epoch, value) for epoch, value in points if not math.isnan(value)]
        look = {"color": curve.colour, "ls": line, "lw": 1.5} | _marker(len(points))
        axes.plot([e for e, _ in points], [v for _, v in points], label=curve.label, **look)
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    if panel.counts and all(math.isnan(n) for c in panel.curves for n in metrics.column(c.key)):
        axes.text(0.5, 0.5, "no genotype yet", transform=axes.transAxes, ha="center")
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_xlabel("epoch")
    if len(panel.curves) > 1:
        axes.legend(fontsize=8)


def _whole_numbers(matplotlib: Any, most: int) -> Any:
    """Place at most so many ticks, on whole numbers only."""
    return matplotlib.ticker.MaxNLocator(most, integer=True, min_n_ticks=1)


def _draw_cell(matplotlib: Any, figure: Any, alphas: Alphas, cell: str, limit: float) -> None:
    """Draw one cell type's triangle of panels."""
    figure.suptitle(TITLES[cell].format(alphas.weights_of), fontsize=10.5, x=0.02, ha="left")
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
        [escaped(name) for name in primitives],
        loc="upper right" if room else "outside right upper",
        fontsize=8.5,
        title=note,
        title_fontsize=8.5,
    )


def _draw_edge(axes: Any, alphas: Alphas, cell: str, edge: int) -> None:
    """Draw one edge's curves, the one that ends highest (apart from `none`) thicker."""
    names, weights = alphas.primitives[cell][edge], alphas.offered(cell, edge)
    curves = require("numpy").where(weights > 0, weights, math.nan)  # what is not offered has none
    candidates = [i for i, name in enumerate(names) if name != "none"]
    best = max(candidates, key=lambda i: weights[-1, i], default=-1)
    colours = dict(zip(alphas.names, curve_colours(alphas.names), strict=True))
    for index, name in enumerate(names):
        axes.plot(
            alphas.epochs,
            curves[:, index],
            color=colours[name],
            lw=2.2 if index == best else 1.1,
            zorder=3 if index == best else 2,
            **(_marker(len(alphas.epochs)) if len(alphas.epochs) == 1 else {}),
        )
    _draw_borders(axes, alphas.borders)
    axes.tick_params(labelsize=7.5)


def _draw_edge_weights(matplotlib: Any, figure: Any, alphas: Alphas, cell: str) -> None:
    """Draw how much the edges into each node weigh, a panel a node, a curve an edge."""
    weights = alphas.edge_weights[cell]
    title = f"Edges into a node: {alphas.edge_weights_of}"
    figure.suptitle(title, fontsize=10.5, x=0.02, ha="left")
    row = figure.subplots(1, alphas.nodes, sharex=True, sharey=True, squeeze=False)[0]
    edge = 0
    for node, axes in enumerate(row):
        for state in range(node + INPUTS):
            look = {"color": STATES[state % len(STATES)], "lw": 1.5}
            axes.plot(alphas.epochs, weights[:, edge], label=f"from ${state_name(state)}$", **look)
            edge += 1
        _draw_borders(axes, alphas.borders)
        axes.set_title(f"into {node}", fontsize=8.5, pad=3)
        axes.tick_params(labelsize=7.5)
    row[0].set_ylim(0, 1.05 * largest(weights))
    row[0].xaxis.set_major_locator(_whole_numbers(matplotlib, 3))
    handles, labels = row[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8)
