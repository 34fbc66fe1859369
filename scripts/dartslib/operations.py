"""The operations a genotype may name, and the colours they are drawn in.

One table, so that a cell's picture and the plot of a search show an operation alike.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A family of operations: what a legend calls it and its colours in a cell's picture."""

    label: str
    fill: str
    border: str


SEPARABLE = Kind("separable convolution", "#dbe9f9", "#2f6fb5")
DILATED = Kind("dilated convolution", "#ebe0f6", "#7a45b0")
POOLING = Kind("pooling", "#dcf1df", "#2f8f4e")
SKIP = Kind("skip connection", "#fdebd3", "#cf7a1c")
OTHER = Kind("other", "#ececec", "#7a7a7a")


@dataclass(frozen=True)
class Operation:
    """An operation's kind and the colour of its curve."""

    kind: Kind
    curve: str


OPERATIONS: dict[str, Operation] = {
    "none": Operation(OTHER, "#8c8c8c"),
    "max_pool_3x3": Operation(POOLING, "#1b7837"),
    "avg_pool_3x3": Operation(POOLING, "#7cc47f"),
    "skip_connect": Operation(SKIP, "#ee8a1d"),
    "sep_conv_3x3": Operation(SEPARABLE, "#1f5fa8"),
    "sep_conv_5x5": Operation(SEPARABLE, "#5fb3e6"),
    "sep_conv_7x7": Operation(SEPARABLE, "#0b2f5c"),
    "dil_conv_3x3": Operation(DILATED, "#6a3d9a"),
    "dil_conv_5x5": Operation(DILATED, "#e078c3"),
    "conv_7x1_1x7": Operation(OTHER, "#b15928"),
    "noise": Operation(OTHER, "#3b3b3b"),
}

# For primitives that the table does not know (a search space of one's own).
SPARE_CURVES = ("#d62728", "#17becf", "#bcbd22", "#8c564b", "#e7298a", "#3b3b3b")


def curve_colours(primitives: list[str]) -> list[str]:
    """Give every primitive the colour of its curve; unknown ones get spare colours in turn."""
    colours, unknown = [], 0
    for name in primitives:
        if name in OPERATIONS:
            colours.append(OPERATIONS[name].curve)
        else:
            colours.append(SPARE_CURVES[unknown % len(SPARE_CURVES)])
            unknown += 1
    return colours


def state_name(state: int) -> str:
    """Name a state of a cell as the paper's figures do: c_{k-2}, c_{k-1}, then nodes from 0."""
    return ("c_{k-2}", "c_{k-1}")[state] if state < 2 else str(state - 2)
