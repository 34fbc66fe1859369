"""The picture of a confusion matrix: shares of every class, and the accuracy of the classes.

On the diagonal a darker blue is better, off it a darker orange is worse, so that what is confused
shows beside a diagonal that is nearly all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dartslib.cli import require
from dartslib.eval_report import Report
from dartslib.figure import escaped, picture_of, set_heading

if TYPE_CHECKING:
    import numpy as np

MOST_WRITTEN = 30  # classes whose cells have numbers in them
MOST_NAMED = 110  # rows; more classes are drawn in groups
LISTED = 15  # pairs of classes
LONGEST_NAME = 18
RIGHT, WRONG = "#1f5fa8", "#d9730d"
FULL_WRONG = 0.3  # share from which on a confusion has the full colour, where there are few classes


def render(report: Report, title: str, picture_format: str) -> bytes:
    """Draw the matrix and return the picture's bytes in `png`, `svg` or `pdf`."""
    return picture_of(
        lambda m: _figure(m, report, title),
        picture_format,
        axes_grid=False,
        axes_spines_top=True,
        axes_spines_right=True,
    )


def _figure(matplotlib: Any, report: Report, title: str) -> Any:
    """Compose the matrix and, beside it, the accuracies or the pairs confused most."""
    classes = len(report.names)
    few = classes <= MOST_WRITTEN
    side = max(4.2, 0.62 * classes) if few else 0.115 * min(max(classes, 50), MOST_NAMED)
    width = 3.2 if few else 4.8
    figure = require("matplotlib.figure").Figure(
        figsize=(side + width + 1.4, side + 1.6), layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    set_heading(figure, title, 13)
    left, right = figure.subplots(1, 2, width_ratios=[side, width])
    _draw_matrix(matplotlib, left, report)
    if few:
        _draw_accuracies(right, report)
    else:
        _list_pairs(right, report)
    return figure


def _draw_matrix(matplotlib: Any, axes: Any, report: Report) -> None:
    """Draw the shares as colours, with numbers in them where there is room."""
    classes = len(report.names)
    shares, names = report.shares(), [_short(name) for name in report.names]
    if classes > MOST_NAMED:
        shares, names = _grouped(shares)
    # Of the size that makes cells about square: a fixed aspect would upset the layout.
    axes.imshow(_colours(matplotlib, shares), interpolation="nearest", aspect="auto")
    axes.set_ylabel("class")
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.set_xlabel("taken for", labelpad=8)
    axes.xaxis.set_label_position("bottom")
    size = 9 if classes <= MOST_WRITTEN else 6
    crowded = classes > 5 or max(map(len, names)) * classes > 45
    names = [escaped(name) for name in names]
    axes.set_xticks(range(len(names)), names, fontsize=size, rotation=90 if crowded else 0)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    if classes <= MOST_WRITTEN:
        _write_numbers(axes, shares)


def _grouped(shares: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Put classes that follow one another into groups, at most MOST_NAMED.

    An entry becomes the share of a group's images (each class weighs the same) taken for a group.
    """
    np = require("numpy")
    size = -(-len(shares) // MOST_NAMED)
    begins = np.arange(0, len(shares), size)
    ends = np.append(begins[1:], len(shares))
    grouped = np.add.reduceat(np.add.reduceat(shares, begins, axis=0), begins, axis=1)
    names = [f"{begin}–{end - 1}" for begin, end in zip(begins, ends, strict=True)]
    return grouped / (ends - begins)[:, None], names


def _colours(matplotlib: Any, shares: np.ndarray) -> np.ndarray:
    """Return classes x classes x 3: white to blue on the diagonal, white to orange off it."""
    np = require("numpy")
    to_rgb = matplotlib.colors.to_rgb
    off_diagonal = shares[~np.eye(len(shares), dtype=bool)]
    largest = off_diagonal.max() if off_diagonal.size else 0.0
    wrong = np.clip(shares / max(min(largest, FULL_WRONG), 1e-9), 0.0, 1.0) ** 0.6
    depth = np.where(np.eye(len(shares), dtype=bool), shares, wrong)[..., None]
    ends = np.full((*shares.shape, 3), to_rgb(WRONG))
    ends[np.eye(len(shares), dtype=bool)] = to_rgb(RIGHT)
    return 1.0 - depth * (1.0 - ends)


def _write_numbers(axes: Any, shares: np.ndarray) -> None:
    """Write percentages into the cells; what rounds to 0 stays empty."""
    for row, column in zip(*(shares >= 0.005).nonzero(), strict=True):
        share = shares[row, column]
        dark = row == column and share > 0.5
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if dark else "#222222",
            fontweight="bold" if row == column else "normal",
        )


def _draw_accuracies(axes: Any, report: Report) -> None:
    """Draw every class's accuracy as a bar beside its row."""
    shares, classes = report.shares(), len(report.names)
    values = [100 * shares[i, i] for i in range(classes)]
    axes.barh(range(classes), values, color=RIGHT, height=0.7)
    axes.set_ylim(classes - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlim(0, 118)
    axes.set_xticks([0, 50, 100])
    axes.set_xlabel("accuracy, %")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for place, value in enumerate(values):
        axes.text(value + 2, place, f"{value:.1f}", va="center", fontsize=9)


def _list_pairs(axes: Any, report: Report) -> None:
    """List the classes that are confused most, and the worst ones."""
    axes.axis("off")
    shares = report.shares()
    pairs = [
        f"{share:6.1%}  {_short(name)} → {_short(taken_for)}"
        for share, name, taken_for in report.confused_most(LISTED)
    ]
    order = sorted(range(len(report.names)), key=lambda i: shares[i, i])[:LISTED]
    worst = [f"{shares[i, i]:6.1%}  {_short(report.names[i])}" for i in order]
    text = "\n".join(["confused most (class → taken for)", *pairs, "", "least accurate", *worst])
    axes.text(0, 1, escaped(text), va="top", family="monospace", fontsize=9, linespacing=1.35)


def _short(name: str) -> str:
    """Cut a long name."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
