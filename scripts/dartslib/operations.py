"""How operations look in pictures.

One table, so that a cell's picture and the plot of a search show an operation alike. It decides on
colours alone: an operation that it does not have is drawn in a neutral one under its own name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """What a legend calls a family of operations, and its colours in a cell's picture."""

    label: str
    fill: str
    border: str


SEPARABLE = Family("separable convolution", "#dbe9f9", "#2f6fb5")
DILATED = Family("dilated convolution", "#ebe0f6", "#7a45b0")
POOLING = Family("pooling", "#dcf1df", "#2f8f4e")
SKIP = Family("skip connection", "#fdebd3", "#cf7a1c")
OTHER = Family("other", "#ececec", "#7a7a7a")
FAMILIES = (POOLING, SKIP, SEPARABLE, DILATED, OTHER)  # in a legend's order


@dataclass(frozen=True)
class Look:
    """An operation's family and the colour of its curve."""

    family: Family
    curve: str


LOOKS: dict[str, Look] = {
    "none": Look(OTHER, "#8c8c8c"),
    "max_pool_3x3": Look(POOLING, "#1b7837"),
    "avg_pool_3x3": Look(POOLING, "#7cc47f"),
    "skip_connect": Look(SKIP, "#ee8a1d"),
    "sep_conv_3x3": Look(SEPARABLE, "#1f5fa8"),
    "sep_conv_5x5": Look(SEPARABLE, "#5fb3e6"),
    "sep_conv_7x7": Look(SEPARABLE, "#0b2f5c"),
    "dil_conv_3x3": Look(DILATED, "#6a3d9a"),
    "dil_conv_5x5": Look(DILATED, "#e078c3"),
    "conv_7x1_1x7": Look(OTHER, "#b15928"),
    "noise": Look(OTHER, "#3b3b3b"),
}

# By the kinds of the program's table of primitives, as a genotype's file names them.
FAMILY_OF_KIND = {"pool": POOLING, "skip": SKIP}

SPARE_CURVES = ("#d62728", "#17becf", "#bcbd22", "#8c564b", "#e7298a", "#3b3b3b")


def family_of(operation: str, kind: str = "") -> Family:
    """Return an operation's family: by its name, else by its kind, else the neutral one."""
    if operation in LOOKS:
        return LOOKS[operation].family
    return FAMILY_OF_KIND.get(kind, OTHER)


def curve_colours(primitives: list[str]) -> list[str]:
    """Give every primitive the colour of its curve; unknown ones get spare colours in turn."""
    colours, unknown = [], 0
    for name in primitives:
        if name in LOOKS:
            colours.append(LOOKS[name].curve)
        else:
            colours.append(SPARE_CURVES[unknown % len(SPARE_CURVES)])
            unknown += 1
    return colours
