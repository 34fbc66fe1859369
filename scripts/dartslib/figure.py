"""What the pictures that matplotlib draws share: their style, and how they are written."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from dartslib.cli import require

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
