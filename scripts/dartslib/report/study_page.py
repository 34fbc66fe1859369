"""What the page of a study reads: its results, its candidates' cells, its searches' figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dartslib.cell_history import History
from dartslib.cli import as_utf8
from dartslib.report.page import cells_data, compose, figures_data
from dartslib.report.run_data import Run, duration, read_run, rounded
from dartslib.runlog import last_epoch
from dartslib.settings import Settings, differing, read_config
from dartslib.study import RANDOM, Candidate, Study

OF_A_RUN = ("name", "seed")  # settings that differ within a method


@dataclass(frozen=True)
class StudyRuns:
    """The runs of a study that can be shown: searches by name, and what all trainings share.

    `silent` are searches that have recorded no epoch, or are not here.
    """

    searches: dict[str, Run]
    silent: list[str]
    training: Settings

    def method_of(self, name: str) -> str:
        """Return a search's method, after which and its seed it is named."""
        return name.removesuffix("-" + self.searches[name].config.get("seed", ""))


def read_runs(folder: Path, study: Study) -> StudyRuns:
    """Read the searches' records, also of those that go on, and the trainings' settings."""
    found = {path.name for path in (folder / "searches").glob("*") if path.is_dir()}
    order = [c.name for c in study.candidates if c.supernet is not None] + study.missing
    names = [*(name for name in order if name in found), *sorted(found - set(order))]
    shown = [name for name in names if last_epoch(folder / "searches" / name) is not None]
    away = {c.name for c in study.candidates if c.supernet is not None} - found
    trainings = sorted((folder / "trainings").glob("*/config.yaml"))
    training = read_config(trainings[0].parent) if trainings else {}
    return StudyRuns(
        {name: read_run(folder / "searches" / name) for name in shown},
        [name for name in (*names, *sorted(away)) if name not in shown],
        {key: value for key, value in training.items() if key not in OF_A_RUN},
    )


def render_study(study: Study, runs: StudyRuns, title: str) -> bytes:
    """Compose the page of a study."""
    return compose(study_page_data(study, runs, title), title)


def study_page_data(study: Study, runs: StudyRuns, title: str) -> dict[str, Any]:
    """Return what the page's script reads of a study."""
    searches = runs.searches
    names = [as_utf8(name) for name in searches]
    data = figures_data(list(searches.values()), names, whole=False)
    of_methods: dict[str, Settings] = {}
    for run, name in zip(data["runs"], searches, strict=True):
        run["method"] = as_utf8(runs.method_of(name))
        config = {key: value for key, value in run.pop("config").items() if key not in OF_A_RUN}
        of_methods.setdefault(run["method"], config)
    methods = dict.fromkeys([method.name for method in study.methods] + list(of_methods))
    coloured = [name for name in methods if name != RANDOM]
    environments = [run.environment for run in searches.values()]
    return data | {
        "title": title,
        "differing": {
            "config": differing(list(of_methods.values()), ["search"] * len(of_methods)),
            "environment": differing(environments, ["search"] * len(environments)),
        },
        "study": {
            "holdOut": study.hold_out,
            "correlations": {figure: str(known) for figure, known in study.correlations.items()},
            "colours": {n: coloured.index(n) if n in coloured else None for n in methods},
            "methods": [
                asdict(m) | {"time": duration(m.search_seconds) if m.search_seconds else ""}
                for m in study.methods
            ],
            "comparisons": [asdict(comparison) for comparison in study.comparisons],
            "candidates": [_candidate(c, runs) for c in study.candidates],
            "missing": study.missing,
            "failed": {as_utf8(run): reason for run, reason in study.failed.items()},
            "silent": [as_utf8(name) for name in runs.silent],
            "winner": asdict(study.winner) if study.winner else None,
            "configs": of_methods,
            "training": runs.training,
        },
    }


def _candidate(candidate: Candidate, runs: StudyRuns) -> dict[str, Any]:
    """Return what the page says of a candidate, with its drawing."""
    eigenvalue, search = candidate.eigenvalue, runs.searches.get(candidate.name)
    history = History({0: candidate.genotype})
    return {
        "name": candidate.name,
        "method": candidate.method,
        "accuracy": candidate.accuracy,
        "deviation": candidate.deviation,
        "trainings": [training.accuracy for training in candidate.trainings],
        "parameters": candidate.parameters,
        "multiplyAdds": candidate.multiply_adds,
        "skips": candidate.skips,
        "supernet": candidate.supernet,
        "trainedOn": search is not None and not search.metrics.validates,
        "eigenvalue": None if eigenvalue is None else rounded(eigenvalue),
        "seconds": candidate.search_seconds,
        "time": duration(candidate.search_seconds) if candidate.search_seconds else "",
        "cells": cells_data(history, False),
    }
