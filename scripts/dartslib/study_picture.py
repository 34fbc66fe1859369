"""The picture of a study: all candidates by method, and what goes with their accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dartslib.cli import require
from dartslib.figure import escaped, picture_of, set_heading
from dartslib.study import RANDOM, Candidate, Method, Study

COLOURS = ("#1f5fa8", "#e07b12", "#1b7837", "#b2182b", "#6a3d9a", "#0f8f98", "#8c564b", "#c2479d")
MARKS = ("o", "s", "^", "D")
QUIET = "#5d6670"
ROW, APART = 0.46, 0.16  # inches of a method; of a row between points that would touch
NEAR = 0.012  # of the width


def render(study: Study, title: str, picture_format: str) -> bytes:
    """Draw the study and return the picture's bytes in `png`, `svg` or `pdf`."""
    return picture_of(lambda _: _figure(study, title), picture_format)


def _figure(study: Study, title: str) -> Any:
    """Compose the methods' rows above the two scatters."""
    rows = 0.9 + ROW * len(study.methods)
    figure = require("matplotlib.figure").Figure(figsize=(8.4, rows + 3.3), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    set_heading(figure, title, 12)
    upper, lower = figure.subfigures(2, 1, height_ratios=[rows, 3.3])
    looks = _looks(study)
    _draw_methods(upper.subplots(), study, looks)
    left, right = lower.subplots(1, 2)
    _scatter(left, study, looks, lambda c: 100 * c.supernet if c.validated else None)
    _head(left, study, "The supernet's own accuracy", "supernet_valid_accuracy")
    left.set_xlabel("validation accuracy of the supernet, %")
    _scatter(right, study, looks, lambda c: c.skips["normal"])
    _head(right, study, "Skip connections", "skip_connections_normal")
    right.set_xlabel("skip connections of the normal cell")
    right.xaxis.set_major_locator(require("matplotlib.ticker").MaxNLocator(8, integer=True))
    for axes in (left, right):
        axes.set_ylabel("retrained top-1, %")
        axes.ticklabel_format(useOffset=False)
    return figure


def _head(axes: Any, study: Study, title: str, figure: str) -> None:
    """Put the title above, and in a line of its own how the figure goes with accuracy."""
    known = study.correlations.get(figure)
    axes.set_title(title + (f"\n{known}" if known else "\n"), fontsize=10, loc="left")


def _looks(study: Study) -> dict[str, dict[str, Any]]:
    """Give every method a colour and a mark; random genotypes are grey."""
    looks = {RANDOM: {"color": QUIET, "marker": "o"}}
    for number, method in enumerate(m for m in study.methods if m.name != RANDOM):
        colour = COLOURS[number % len(COLOURS)]
        mark = MARKS[(number + number // len(COLOURS)) % len(MARKS)]  # another one in each round
        looks[method.name] = {"color": colour, "marker": mark}
    return looks


def _draw_methods(axes: Any, study: Study, looks: dict[str, dict[str, Any]]) -> None:
    """Draw a row for each method, the best one on top."""
    if study.random:
        axes.axvline(100 * study.random.accuracy, color=QUIET, ls="--", lw=1.2, zorder=1)
    values = [100 * c.accuracy for c in study.candidates]
    low, high = _limits(values, [e for m in study.methods for e in m.interval or ()])
    for row, method in enumerate(study.methods):
        _draw_method(axes, row, method, looks[method.name]["color"])
        places = beside(sorted(study.of(method.name), key=lambda c: c.accuracy), high - low)
        axes.scatter(
            [100 * c.accuracy for c, _ in places],
            [row + offset for _, offset in places],
            **looks[method.name],
            s=26,
            alpha=0.8,
            linewidths=0.5,
            edgecolors="white",
            zorder=3,
        )
    axes.set_xlim(low, high)
    axes.set_yticks(range(len(study.methods)), [escaped(m.name) for m in study.methods])
    axes.set_ylim(len(study.methods) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.ticklabel_format(axis="x", useOffset=False)
    dashed = "; dashed: mean of random genotypes" if study.random else ""
    axes.set_xlabel(f"top-1, %   (bar: mean, line: its 95 % interval{dashed})")


def _limits(values: list[float], ends: list[float]) -> tuple[float, float]:
    """Return the range that is shown: intervals of few values may reach too far."""
    least, most = min(values), max(values)
    span = (most - least) or 1.0
    low = max([least - span, min([least, *(100 * end for end in ends)]), 0.0])
    high = min([most + span, max([most, *(100 * end for end in ends)]), 100.0])
    room = 0.03 * (high - low) or 0.5
    return low - room, high + room


def _draw_method(axes: Any, row: int, method: Method, colour: str) -> None:
    """Draw a method's mean and interval."""
    if method.interval:
        ends = [100 * end for end in method.interval]
        axes.plot(ends, [row, row], color=colour, lw=1.3, marker="|", ms=8, zorder=2)
    if len(method.seeds) > 1:
        mean = 100 * method.accuracy
        axes.plot([mean, mean], [row - 0.34, row + 0.34], color=colour, lw=2.6, zorder=2)


def beside(candidates: list[Candidate], width: float) -> list[tuple[Candidate, float]]:
    """Move points that would hide each other apart, up and down within their row.

    Where every place is taken they go where the nearest point is farthest away.
    """
    placed: list[tuple[Candidate, float]] = []
    offsets = (0.0, APART, -APART, 2 * APART, -2 * APART)

    def room(candidate: Candidate, offset: float) -> float:
        distances = [abs(candidate.accuracy - c.accuracy) for c, other in placed if other == offset]
        return min([100 * distance for distance in distances], default=width)

    for candidate in candidates:
        rooms = {offset: room(candidate, offset) for offset in offsets}
        free = (offset for offset in offsets if rooms[offset] > NEAR * width)
        placed.append((candidate, next(free, max(offsets, key=rooms.__getitem__))))
    return placed


def _scatter(
    axes: Any,
    study: Study,
    looks: dict[str, dict[str, Any]],
    value: Callable[[Candidate], float | None],
) -> None:
    """Draw the retrained accuracy over something else."""
    empty = True
    for method in study.methods:
        known = [(value(c), 100 * c.accuracy) for c in study.of(method.name)]
        known = [pair for pair in known if pair[0] is not None]
        if known:
            empty = False
            look = looks[method.name] | {"s": 26, "alpha": 0.8, "linewidths": 0, "zorder": 3}
            axes.scatter(*zip(*known, strict=True), **look)
    if empty:
        axes.text(0.5, 0.5, "no search", transform=axes.transAxes, ha="center")
