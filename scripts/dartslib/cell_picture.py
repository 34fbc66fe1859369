"""A genotype's cells as a picture, laid out by Graphviz.

An operation is a small box that its edge passes through: Graphviz then keeps the operations'
names clear of each other and of all edges, which it does not do for labels beside an edge.
"""

from __future__ import annotations

import html
from types import ModuleType
from typing import Any

from dartslib.cell import INPUTS, Cell, state_name
from dartslib.cli import UserError, require
from dartslib.genotype import Genotype
from dartslib.operations import FAMILIES, Family, family_of

CELLS = {"normal": "normal cell", "reduce": "reduction cell"}

TEXT = {"fontname": "DejaVu Sans,Helvetica,Arial,sans-serif", "fontcolor": "#222222"}
PNG_RESOLUTION = "110"  # dots an inch, for operation names that read well at 100 %

GRAPH = {"rankdir": "LR", "newrank": "true", "nodesep": "0.13", "ranksep": "0.3", "pad": "0.15"}
CLUSTER = {
    "labeljust": "l",
    "fontsize": "13",
    "style": "rounded",
    "color": "#c8ccd2",
    "margin": "10",
}
EDGE = {"color": "#5b6470", "arrowsize": "0.65", "penwidth": "1.2"}
TO_OUTPUT = {"color": "#b9a04a"}

STATE = {"style": "rounded,filled", "color": "#444444", "penwidth": "1.3", "height": "0.36"}
NODE = STATE | {"shape": "circle", "fixedsize": "true", "style": "filled", "fillcolor": "#ffffff"}
INPUT = STATE | {"shape": "box", "margin": "0.06,0.03", "width": "0.5", "fillcolor": "#cfe3d4"}
OUTPUT = INPUT | {"fillcolor": "#f6e3a1"}
OPERATION = {
    "shape": "box",
    "style": "rounded,filled",
    "height": "0.24",
    "margin": "0.07,0.02",
    "fontsize": "10",
}


LAYOUTS = ("side-by-side", "stacked")


def render(genotype: Genotype, title: str, picture_format: str, layout: str = LAYOUTS[0]) -> bytes:
    """Draw both cells and return the picture's bytes in `png`, `svg` or `pdf`."""
    return picture_of(_graph(require("graphviz"), genotype, title, layout), picture_format)


def picture_of(graph: Any, picture_format: str) -> bytes:
    """Have Graphviz lay out and draw what a graph describes."""
    graphviz = require("graphviz")
    if picture_format == "png":
        graph.attr(dpi=PNG_RESOLUTION)
    try:
        return graph.pipe(format=picture_format)
    except graphviz.ExecutableNotFound:
        raise UserError(
            "Graphviz's program 'dot' is missing: apt-get install graphviz (Debian, Ubuntu)"
        ) from None
    except graphviz.CalledProcessError as error:
        raise UserError(f"dot failed: {(error.stderr or b'').decode(errors='replace')}") from None


def _graph(graphviz: ModuleType, genotype: Genotype, title: str, layout: str) -> Any:
    """Describe the whole picture: heading and one cluster for each cell."""
    graph = graphviz.Digraph(
        graph_attr=GRAPH | TEXT | {"labelloc": "t", "label": heading(families_of(genotype), title)},
        node_attr=TEXT | {"fontsize": "11"},
        edge_attr=EDGE,
    )
    for name, label in reversed(CELLS.items()):  # Graphviz stacks them from the bottom
        with graph.subgraph(name=f"cluster_{name}", graph_attr=CLUSTER) as cluster:
            cluster.attr(label=label)
            _draw_cell(cluster, getattr(genotype, name), name, families_of(genotype))
    arrange(graph, layout)
    return graph


def arrange(graph: Any, layout: str) -> None:
    """Place the reduction cell beside the normal cell, or under it."""
    if layout == "side-by-side":
        for state in ("0", "1"):
            graph.edge("normal_out", f"reduce_{state}", style="invis")
        return
    for states in (("0", "1"), ("out",)):  # both cells begin and end in the same columns
        with graph.subgraph(graph_attr={"rank": "same"}) as column:
            for name in CELLS:
                for state in states:
                    column.node(f"{name}_{state}")


def _draw_cell(graph: Any, cell: Cell, prefix: str, families: dict[str, Family]) -> None:
    """Add one cell's states, operations and edges; `prefix` keeps the cells' names apart."""
    for state in range(len(cell.nodes) + INPUTS):
        if state >= INPUTS and not cell.nodes[state - INPUTS]:
            continue  # without edges: it computes nothing
        look = INPUT if state < INPUTS else NODE
        graph.node(f"{prefix}_{state}", label=subscript(state_name(state)), **look)
    graph.node(f"{prefix}_out", label=subscript("c_{k}"), **OUTPUT)
    for index, (node, edge) in enumerate(cell.edges_by_node()):
        box, look = f"{prefix}_op{index}", families[edge.operation]
        label = require("graphviz").escape(edge.operation)
        graph.node(box, label=label, fillcolor=look.fill, color=look.border, **OPERATION)
        graph.edge(f"{prefix}_{edge.source}", f"{box}:w", arrowhead="none", weight="2")
        graph.edge(f"{box}:e", f"{prefix}_{node + 2}", weight="2")
    for state in cell.concat:
        graph.edge(f"{prefix}_{state}", f"{prefix}_out", **TO_OUTPUT)


def families_of(genotype: Genotype) -> dict[str, Family]:
    """Return the family of every operation that occurs."""
    return {name: family_of(name, genotype.kinds.get(name, "")) for name in genotype.operations}


def subscript(name: str) -> str:
    """Turn c_{k-2} into an HTML-like label with a real subscript."""
    if "_" not in name:
        return name
    base, index = name.rstrip("}").split("_{")
    index = index.replace("-", "&#8722;")
    return f'<<I>{base}</I><SUB><FONT POINT-SIZE="9">{index}</FONT></SUB>>'


def heading(families: dict[str, Family], title: str) -> str:
    """Compose the title and a legend of the families of operations that occur."""
    used = set(families.values())
    legend = "".join(
        f'<TD BORDER="1" COLOR="{family.border}" BGCOLOR="{family.fill}"'
        ' FIXEDSIZE="TRUE" WIDTH="16" HEIGHT="12"></TD>'
        f'<TD><FONT POINT-SIZE="10">{family.label}  </FONT></TD>'
        for family in FAMILIES
        if family in used
    )
    rows = f"<TR><TD>{_table(f'<TR>{legend}</TR>', 4)}</TD></TR>"
    if title:
        text = f'<FONT POINT-SIZE="15"><B>{html.escape(title)}</B></FONT>'
        rows = f"<TR><TD>{text}</TD></TR>{rows}"
    return f"<{_table(rows, 2)}>"


def _table(rows: str, spacing: int) -> str:
    """Wrap rows in a table without borders."""
    return f'<TABLE BORDER="0" CELLPADDING="0" CELLSPACING="{spacing}">{rows}</TABLE>'
