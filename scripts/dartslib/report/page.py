"""One HTML file with everything in it: style, scripts, drawings, and the runs' figures as JSON."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections import Counter
from pathlib import Path
from typing import Any

from dartslib.cell import INPUTS
from dartslib.cell_history import History, operations_at, present_states
from dartslib.decisions import by_loss
from dartslib.genotype import Genotype
from dartslib.history_picture import drawing, families_of
from dartslib.operations import FAMILIES, curve_colours
from dartslib.report.panels import panels_for
from dartslib.report.run_data import Run, rounded
from dartslib.runlog import CELL_TYPES, Alphas
from dartslib.settings import differing

FOLDER = Path(__file__).parent
SCRIPTS = (
    *("dom.js", "chart.js", "curves.js", "cells.js", "weights.js", "tables.js", "decisions.js"),
    *("scatter.js", "methods.js", "study_tables.js", "study.js", "page.js"),
)
WEIGHT_DIGITS = 4


def render(runs: list[Run], title: str) -> bytes:
    """Compose the page of these runs."""
    return compose(page_data(runs, title), title)


def compose(data: dict[str, Any], title: str) -> bytes:
    """Put everything into one file; `data` is what the page's script reads."""
    script = "\n".join(_read(name) for name in SCRIPTS)
    parts = {
        "TITLE": html.escape(title),
        "POLICY": _policy(script),
        "STYLE": _read("page.css"),
        "DATA": _for_script(data),
        "SCRIPT": script,
    }
    pieces = _read("page.html").split("@@")  # text and names of parts in turns
    pieces[1::2] = [parts[name] for name in pieces[1::2]]
    return "".join(pieces).encode()


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Return a policy under which a browser fetches nothing and runs this script alone."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sources = {"default": "'none'", "script": f"'sha256-{digest}'", "style": "'unsafe-inline'"}
    return "; ".join(
        f"{kind}-src {source}" for kind, source in (sources | {"img": "data:"}).items()
    )


def _for_script(data: dict[str, Any]) -> str:
    """Write JSON that may stand in a script element: no name in it can end that."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def page_data(runs: list[Run], title: str) -> dict[str, Any]:
    """Return what the page's script reads of runs."""
    kinds = ["search" if run.searches else "training" for run in runs]
    return figures_data(runs, _names(runs)) | {
        "title": title,
        "differing": {
            "config": differing([run.config for run in runs], kinds),
            "environment": differing([run.environment for run in runs], kinds),
        },
    }


def figures_data(runs: list[Run], names: list[str], whole: bool = True) -> dict[str, Any]:
    """Return what the page says of runs, and which panels show their figures.

    Without `whole` their cells and weights by epoch are left out.
    """
    series = [run.series() for run in runs]
    figures: dict[str, bool] = {}
    for table in series:
        for key, (_, values) in table.items():
            figures[key] = figures.get(key, False) or any(values)
    validate = {run.metrics.validates for run in runs if run.searches} or {True}
    panels = panels_for(figures, None if len(validate) > 1 else validate.pop())
    return {
        "panels": [panel.to_json() for panel in panels],
        "families": [{"name": f.label, "fill": f.fill, "border": f.border} for f in FAMILIES],
        "runs": [
            _run_data(run, name, table, whole)
            for run, name, table in zip(runs, names, series, strict=True)
        ],
    }


def _names(runs: list[Run]) -> list[str]:
    """Name the runs, so that two of the same name can be told apart."""
    count, seen, names = Counter(run.name for run in runs), Counter[str](), []
    for run in runs:
        seen[run.name] += 1
        names.append(f"{run.name} ({seen[run.name]})" if count[run.name] > 1 else run.name)
    return names


def _run_data(run: Run, name: str, series: dict[str, Any], whole: bool) -> dict[str, Any]:
    """Return what the page's script reads of a run."""
    return {
        "name": name,
        "summary": run.summary(),
        "broken": run.broken,
        "config": run.config,
        "environment": run.environment,
        "result": run.result,
        "series": series,
        "borders": run.alphas.borders if run.alphas else [],
        "cells": cells_data(run.history, run.searches) if run.history and whole else None,
        "alphas": _alphas(run.alphas) if run.alphas and whole else None,
        "decisions": _decisions(run) if run.decisions and whole else None,
    }


def _decisions(run: Run) -> dict[str, Any]:
    """Return what a selection decided, and how the supernet does without each candidate."""
    loss = by_loss(run.config)
    return {
        "by": "loss" if loss else "accuracy",
        "list": [
            {
                "epoch": decision.epoch,
                "cell": decision.cell,
                "subject": decision.subject,
                "kept": decision.kept,
                "rounds": [
                    [
                        {"name": t.candidate, "value": rounded(t.loss if loss else t.accuracy)}
                        for t in trials
                    ]
                    for trials in decision.rounds()
                ],
            }
            for decision in run.decisions
        ],
    }


def cells_data(history: History, searched: bool) -> dict[str, Any]:
    """Return the drawings of both cells, and what of them every epoch shows."""
    families = [family.label for family in FAMILIES]
    of_operations = {name: families.index(f.label) for name, f in families_of(history).items()}
    return {
        "searched": searched,
        "epochs": list(history.genotypes),
        "result": list(history.genotypes).index(history.result),
        "notation": [notation(genotype) for genotype in history.genotypes.values()],
        "families": of_operations,
        "kinds": {kind: _cell(history, kind) for kind in CELL_TYPES},
    }


def _cell(history: History, kind: str) -> dict[str, Any]:
    """Return one cell's drawing and its frames, as `history_picture.drawing` numbers its parts."""
    places, outputs = list(history.places(kind)), history.outputs(kind)
    frames = []
    for cell in history.cells(kind).values():
        at, states = dict(operations_at(cell)), present_states(cell)
        frames.append(
            {
                "operations": [at.get(place, "") for place in places],
                "states": sorted(states),
                "outputs": list(cell.concat),
            }
        )
    states = list(range(INPUTS + history.nodes(kind)))
    return {
        "svg": drawing(history, kind),
        "states": states,
        "outputs": outputs,
        "frames": frames,
    }


def notation(genotype: Genotype) -> str:
    """Write a genotype as the field does, one list a node where nodes differ in their edges."""

    def cell(kind: str) -> str:
        nodes = [
            [(edge.operation, edge.source) for edge in n] for n in getattr(genotype, kind).nodes
        ]
        two = all(len(node) == INPUTS for node in nodes)
        edges = [edge for node in nodes for edge in node] if two else nodes
        return f"{kind}={edges}, {kind}_concat={list(getattr(genotype, kind).concat)}"

    return f"Genotype({cell('normal')}, {cell('reduce')})"


def _alphas(alphas: Alphas) -> dict[str, Any]:
    """Return every edge's weights, operation by operation, over the epochs."""

    def numbers(values: Any, offered: bool = False) -> list[float | None]:
        # An operation that an edge does not offer weighs 0 exactly, and has no curve.
        rounded_ = (rounded(float(value), WEIGHT_DIGITS) for value in values)
        return [None if offered and value == 0 else value for value in rounded_]

    names = alphas.names
    cells = {
        cell: [
            {
                "names": [names.index(name) for name in alphas.primitives[cell][edge]],
                "weights": [numbers(row, True) for row in alphas.offered(cell, edge).T],
            }
            for edge in range(len(alphas.primitives[cell]))
        ]
        for cell in CELL_TYPES
    }
    edges = {cell: [numbers(row) for row in table.T] for cell, table in alphas.edge_weights.items()}
    return {
        "epochs": alphas.epochs,
        "nodes": alphas.nodes,
        "of": alphas.weights_of,
        "edgesOf": alphas.edge_weights_of,
        "names": names,
        "colours": curve_colours(names),
        "cells": cells,
        "edges": edges,
    }
