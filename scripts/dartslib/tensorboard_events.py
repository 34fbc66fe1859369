"""A run as TensorBoard's events, kept up with its records.

Figures and alphas of an epoch stand at its number. Those of steps are a run of their own, `steps`
in TensorBoard's list: they have another axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dartslib.cell_picture import render
from dartslib.decisions import Decision
from dartslib.event_file import EventFile, files_in
from dartslib.genotype import parse_genotype
from dartslib.run_figures import RunFigures
from dartslib.runlog import CELL_TYPES, Alphas

STEPS = "steps"
GENOTYPE = "genotype"
DECISIONS = "decisions"


@dataclass(frozen=True)
class Entry:
    """What is written of one record: when it counts as the same, and how its summaries are made."""

    content: Any
    summaries: Callable[[EventFile], Iterator[Any]]


Entries = dict[tuple[int, str], Entry]


class EventLog:
    """A folder's event file, which holds each entry once.

    An entry that is gone or has changed, since the run was resumed from before it, is taken back
    with all later ones, and what the records say now is written.
    """

    def __init__(self, folder: Path) -> None:
        """Begin with nothing written; files of earlier calls go with the first update."""
        self.folder = folder
        self.file: EventFile | None = None
        self.written: dict[tuple[int, str], Any] = {}

    def update(self, entries: Entries, time_of: Callable[[int], float]) -> None:
        """Write what is new; `time_of` is the time that a step ended, in seconds."""
        if self.file is None:
            old = files_in(self.folder)
            self.file = EventFile(self.folder)
            for path in old:
                path.unlink()
            if old:  # for a TensorBoard that is running and has read them
                self.file.take_back(0, time_of(0))
        stale = [
            key
            for key, content in self.written.items()
            if key not in entries or entries[key].content != content
        ]
        if stale:
            first = min(stale)[0]
            self.file.take_back(first, time_of(first))
            self.written = {key: c for key, c in self.written.items() if key[0] < first}
        for key in sorted(entries.keys() - self.written.keys()):
            for summary in entries[key].summaries(self.file):
                self.file.add(key[0], time_of(key[0]), summary)
            self.written[key] = entries[key].content
        self.file.flush()

    def close(self) -> None:
        """End the file."""
        if self.file is not None:
            self.file.close()


class RunEvents:
    """The event files of a run in a folder."""

    def __init__(self, folder: Path, start: float, images: bool) -> None:
        """Take the time at which the run began, and whether genotypes are drawn."""
        self.start = start
        self.images = images
        self.by_epoch = EventLog(folder)
        self.by_step = EventLog(folder / STEPS)

    def update(self, figures: RunFigures) -> None:
        """Write what is new in the run's records."""
        ends = {0: self.start}
        for epoch in sorted(figures.epochs):
            ends[epoch] = max(ends.values()) + figures.epochs[epoch].get("seconds", 0.0)
        self.by_epoch.update(_of_epochs(figures, self.images), lambda epoch: _at(ends, epoch))
        if figures.steps or self.by_step.file or files_in(self.by_step.folder):
            numbers = {figures.global_step(*place): place[0] - 1 for place in figures.steps}
            self.by_step.update(_of_steps(figures), lambda step: _at(ends, numbers.get(step, 0)))

    def close(self) -> None:
        """End the files."""
        self.by_epoch.close()
        self.by_step.close()


def _at(ends: dict[int, float], epoch: int) -> float:
    """Return when an epoch ended, or the last one before it."""
    return max(end for number, end in ends.items() if number <= max(epoch, 0))


def _of_epochs(figures: RunFigures, images: bool) -> Entries:
    entries: Entries = {}
    for epoch, values in figures.epochs.items():
        entries[epoch, "figures"] = _scalars(values, "")
    if figures.alphas:
        for index, epoch in enumerate(figures.alphas.epochs):
            entries[epoch, "alphas"] = _histograms(figures.alphas, index)
    for epoch in {decision.epoch for decision in figures.decisions}:
        entries[epoch, DECISIONS] = _texts([d for d in figures.decisions if d.epoch == epoch])
    if images:
        for epoch, path in figures.genotypes.items():
            entries[epoch, GENOTYPE] = _picture(path, f"epoch {epoch}")
    return entries


def _of_steps(figures: RunFigures) -> Entries:
    return {
        (figures.global_step(*place), "figures"): _scalars(values, "step/")
        for place, values in figures.steps.items()
    }


def _scalars(values: dict[str, float], group: str) -> Entry:
    """Describe numbers; those of a table, as method.tau, are a group of their own: method/tau."""

    def summaries(file: EventFile) -> Iterator[Any]:
        for name in sorted(values):
            tag = group + name if group or "." in name else f"epoch/{name}"
            yield file.scalar(tag.replace(".", "/"), values[name])

    return Entry(values, summaries)


def _histograms(alphas: Alphas, index: int) -> Entry:
    """Describe the alphas of an epoch: of each cell type, all and those of each operation."""
    values = {cell: alphas.values[cell][index] for cell in CELL_TYPES}

    def summaries(file: EventFile) -> Iterator[Any]:
        for cell, matrix in values.items():
            for name in ("all", *alphas.names):
                found = matrix[_columns(alphas, cell, name)]
                if (finite := found[abs(found) < math.inf]).size:
                    yield file.histogram(f"alphas_{cell}/{name}", finite)

    return Entry([matrix.tobytes() for matrix in values.values()], summaries)


def _texts(decisions: list[Decision]) -> Entry:
    """Describe what a selection decides before an epoch, a text for each cell type."""
    texts = {f"{DECISIONS}/{decision.cell}": _as_text(decision) for decision in decisions}

    def summaries(file: EventFile) -> Iterator[Any]:
        for tag, text in texts.items():
            yield file.text(tag, text)

    return Entry(texts, summaries)


def _as_text(decision: Decision) -> str:
    """Write a decision as a table in Markdown, after a line that says what is kept."""
    lines = [f"{decision.subject}: **{', '.join(decision.kept)}**", ""]
    lines += ["| round | without | accuracy | loss |", "|---|---|---|---|"]
    lines += [
        f"| {t.round} | {t.candidate} | {t.accuracy:.4f} | {t.loss:.4f} |" for t in decision.trials
    ]
    return "\n".join(lines)


def _columns(alphas: Alphas, cell: str, name: str) -> Any:
    """Return what chooses an operation's numbers among those of all edges."""
    if name == "all":
        return ...
    places = [
        (edge, names.index(name))
        for edge, names in enumerate(alphas.primitives[cell])
        if name in names
    ]
    return tuple(map(list, zip(*places, strict=True))) or ([], [])


def _picture(path: Path, title: str) -> Entry:
    """Describe the picture of a genotype's file."""
    text = path.read_bytes()

    def summaries(file: EventFile) -> Iterator[Any]:
        genotype = parse_genotype(text.decode(errors="replace"), str(path), title)
        yield file.image(GENOTYPE, render(genotype, title, "png", "stacked"))

    return Entry(text, summaries)
