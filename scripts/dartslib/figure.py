"""What the pictures that matplotlib draws share: their style, and how they are written."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from typing import Any

from dartslib.cli import as_utf8, require

STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "mathtext.fontset": "dejavusans",
}
RESOLUTION = 110  # dots an inch
LETTER = 0.0093  # inches of a bold letter, for each point of its size


def escaped(text: str) -> str:
    """Have a name's dollar signs, and bytes that are no text, drawn as they are."""
    return as_utf8(text).replace("$", r"\$")


def set_heading(figure: Any, title: str, size: float) -> None:
    """Put the title at the top left, in as many lines as it takes."""
    letters = max(10, int(figure.get_figwidth() / (LETTER * size)))
    lines = textwrap.wrap(title, letters) or [""]
    text = "\n".join(map(escaped, lines))
    figure.suptitle(text, fontsize=size, fontweight="bold", x=0.01, ha="left")


def picture_of(draw: Callable[[Any], Any], picture_format: str, **style: Any) -> bytes:
    """Return the bytes, in `png`, `svg` or `pdf`, of the figure that `draw(matplotlib)` makes.

    `style` changes the common one; its keys have _ for every dot.
    """
    matplotlib = require("matplotlib")
    matplotlib.use("Agg")
    changes = {name.replace("_", "."): value for name, value in style.items()}
    with matplotlib.rc_context(STYLE | changes):
        figure = draw(matplotlib)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=picture_format, dpi=RESOLUTION)
    return buffer.getvalue()
