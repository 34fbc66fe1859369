"""A search's cells by epoch: an animation (GIF), and a drawing for the page that a script changes.

Both are laid out for all edges of all epochs at once, so that nothing moves but what changes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from dartslib.cell import INPUTS, Cell, state_name
from dartslib.cell_history import History, Place, operations_at, present_states
from dartslib.cell_picture import (
    CELLS,
    CLUSTER,
    EDGE,
    GRAPH,
    INPUT,
    NODE,
    OPERATION,
    OUTPUT,
    TEXT,
    TO_OUTPUT,
    arrange,
    heading,
    picture_of,
    subscript,
)
from dartslib.cli import require
from dartslib.operations import Family, family_of

LETTER, MARGIN = 0.088, 0.17  # inches of an operation's box
LAST_FRAME = 5  # times as long as the others
GIF_COLOURS = 128
WHITE = [255, 255, 255]
HIDDEN = {"style": "invis"}


def families_of(history: History) -> dict[str, Family]:
    """Return the family of every operation that occurs in any epoch."""
    kinds = history.kinds()
    names = (name for kind in CELLS for held in history.places(kind).values() for name in held)
    return {name: family_of(name, kinds.get(name, "")) for name in names}


def animation(history: History, title: Callable[[int], str], seconds: float, layout: str) -> bytes:
    """Draw both cells of every epoch as a GIF that repeats; `title` is that of an epoch.

    A frame is shown so many seconds. The last one is the result, once more where a search that
    stopped early went on after it.
    """
    image = require("PIL.Image")

    def picture(epoch: int) -> Any:
        png = picture_of(_frame(history, epoch, title(epoch), layout), "png")
        return image.open(io.BytesIO(png)).convert("RGB")

    epochs = list(history.genotypes)
    if history.result != epochs[-1]:
        epochs.append(history.result)
    palette = _palette([picture(epochs[0]), picture(epochs[-1])])
    # Of many epochs only the indices of colours are kept, a fourth of the memory.
    frames = [picture(epoch).quantize(palette=palette, dither=0) for epoch in epochs]
    times = [round(1000 * seconds)] * len(frames)
    times[-1] *= LAST_FRAME
    return _gif(frames, palette.getpalette(), times)


def _palette(pictures: list[Any]) -> Any:
    """Return an image with the colours of pictures, which differ in what they draw alone."""
    image = require("PIL.Image")
    size = max(p.width for p in pictures), sum(p.height for p in pictures)
    sheet, top = image.new("RGB", size, "white"), 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height
    return sheet.quantize(GIF_COLOURS, image.Quantize.MAXCOVERAGE)


def _gif(frames: list[Any], colours: list[int], times: list[int]) -> bytes:
    """Write frames of indices into the colours, in the middle of white; times in milliseconds."""
    image = require("PIL.Image")
    size = tuple(max(frame.size[axis] for frame in frames) for axis in (0, 1))
    white = frames[0].getpixel((0, 0))
    colours = [*colours[: 3 * white], *WHITE, *colours[3 * white + 3 :]]  # it is only nearly white
    indexed = []
    for frame in frames:
        canvas = image.new("P", size, white)
        canvas.paste(frame, ((size[0] - frame.width) // 2, 0))
        canvas.putpalette(colours)
        indexed.append(canvas)
    first, *others = indexed
    buffer = io.BytesIO()
    first.save(
        buffer, "GIF", save_all=True, append_images=others, duration=times, loop=0, optimize=False
    )
    return buffer.getvalue()


def _frame(history: History, epoch: int, title: str, layout: str) -> Any:
    """Describe the picture of one epoch."""
    families = families_of(history)
    graph = require("graphviz").Digraph(
        graph_attr=GRAPH | TEXT | {"labelloc": "t", "label": heading(families, title)},
        node_attr=TEXT | {"fontsize": "11"},
        edge_attr=EDGE,
    )
    for kind, label in reversed(CELLS.items()):
        with graph.subgraph(name=f"cluster_{kind}", graph_attr=CLUSTER) as cluster:
            cluster.attr(label=label)
            _draw(cluster, history, kind, families, history.cells(kind)[epoch])
    arrange(graph, layout)
    return graph


def drawing(history: History, kind: str) -> str:
    """Return an SVG element with every place of a cell.

    Classes tell its parts apart: `state_S`, `op_I` for the box of place I, `edge_I` for the edges
    to and from it, `output_S` for the edge from state S to the output.
    """
    graph = require("graphviz").Digraph(
        graph_attr=GRAPH | TEXT | {"pad": "0.05", "bgcolor": "transparent"},
        node_attr=TEXT | {"fontsize": "11"},
        edge_attr=EDGE,
    )
    _draw(graph, history, kind, families_of(history), None)
    svg = picture_of(graph, "svg").decode()
    without_names = re.sub(r"<!--.*?-->\n|<title>.*?</title>\n", "", svg, flags=re.DOTALL)
    return without_names[without_names.index("<svg") :].strip()


def _draw(
    graph: Any, history: History, kind: str, families: dict[str, Family], shown: Cell | None
) -> None:
    """Add every place of a cell that any epoch has; what `shown` lacks is invisible."""
    places = history.places(kind)
    at = (
        dict(operations_at(shown))
        if shown
        else {place: names[0] for place, names in places.items()}
    )
    states = present_states(shown) if shown else set(range(INPUTS + history.nodes(kind)))
    used = {place.node + INPUTS for place in places}
    for state in [s for s in range(INPUTS + history.nodes(kind)) if s < INPUTS or s in used]:
        look = (INPUT if state < INPUTS else NODE) | ({} if state in states else HIDDEN)
        label = subscript(state_name(state))
        graph.node(f"{kind}_{state}", label=label, **look, **{"class": f"state state_{state}"})
    graph.node(f"{kind}_out", label=subscript("c_{k}"), **OUTPUT, **{"class": "output"})
    for index, (place, names) in enumerate(places.items()):
        _draw_place(graph, kind, (index, place), max(map(len, names)), at, families)
    concat = shown.concat if shown else history.outputs(kind)
    for state in history.outputs(kind):
        look = TO_OUTPUT | ({} if state in concat else HIDDEN)
        graph.edge(
            f"{kind}_{state}", f"{kind}_out", **look, **{"class": f"to-output output_{state}"}
        )


def _draw_place(
    graph: Any,
    kind: str,
    numbered: tuple[int, Place],
    letters: int,
    at: dict[Place, str],
    families: dict[str, Family],
) -> None:
    """Add a place's box, as wide as its longest name, and the edges to and from it."""
    index, place = numbered
    box, operation = f"{kind}_op{index}", at.get(place)
    size = {"fixedsize": "true", "width": f"{LETTER * letters + MARGIN:.2f}"}
    if operation is None:
        look, label, hidden = HIDDEN, "", HIDDEN
    else:
        family, hidden = families[operation], {}
        look = {"fillcolor": family.fill, "color": family.border}
        label = require("graphviz").escape(operation)
    graph.node(box, label=label, **(OPERATION | size | look), **{"class": f"op op_{index}"})
    edge = {"weight": "2", "class": f"edge_{index}"} | hidden
    graph.edge(f"{kind}_{place.source}", f"{box}:w", arrowhead="none", **edge)
    graph.edge(f"{box}:e", f"{kind}_{place.node + INPUTS}", **edge)
