"""The original on the same card, in turns with ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dartslib.gpu_check import process, speed
from dartslib.gpu_check.process import Outcome, Patience
from dartslib.gpu_check.report import Table
from dartslib.gpu_check.speed import Bench
from dartslib.gpu_check.tools import Part

COMPILE_LIMIT = 180.0
TURN = 45.0  # seconds that one measurement may take
VARIANTS = {
    "eager": [],
    "eager bf16": ["--precision", "bf16"],
    "channels-last": ["--layout", "cl"],
}
COMPILED = {"bf16 compiled": ["--precision", "bf16", "--compile"]}
OURS = "merged+graph"
# Our name of what peer_bench.py calls eval.
WORKS = {"first": "first", "eval": "evaluation", "second": "second", "test": "test"}
BATCHES = {"first": 64, "second": 64, "eval": 96, "test": 96}
COLUMNS = ["work", "who", "batch", "ms", "best ms", "images/s", "peak GB", "times ours"]


@dataclass(frozen=True)
class Peer:
    """The original's folder cnn/, the script that times it, and a Python with PyTorch."""

    folder: Path
    script: Path
    python: str


def find_script(folder: Path, given: Path | None) -> Path | None:
    """Find peer_bench.py: as given, else in or beside the original's folder."""
    places = [given] if given else [folder / "peer_bench.py", folder.parent / "peer_bench.py"]
    return next((place.resolve() for place in places if place and place.is_file()), None)


def compare(part: Part, peer: Peer) -> None:
    """Take ours, the original's variants and ours again, for each work that there is time for."""
    table = part.table(
        "The original (PyTorch) and ours on the same card, in turns", COLUMNS, _note()
    )
    works = ["first"] if part.tools.quick else list(WORKS)
    for work in works:
        reference = _ours(part, work, table)
        for name, options in VARIANTS.items():
            if part.left() < TURN:
                return
            outcome = _time(part, peer, work, options, TURN)
            _add_peer(part, table, (work, name, reference), outcome)
        if part.left() > TURN:
            _ours(part, work, table)


def compile_it(part: Part, peer: Peer) -> None:
    """Time the original under torch.compile, as far as it is done in time."""
    limit = min(COMPILE_LIMIT, part.left())
    table = part.table("The original under torch.compile", COLUMNS)
    for name, options in COMPILED.items():
        outcome = _time(part, peer, "first", options, limit)
        _add_peer(part, table, ("first", name, None), outcome)


def _note() -> str:
    return "times ours: the time of a step through the first of ours of the same work"


def _time(part: Part, peer: Peer, work: str, options: list[str], limit: float) -> Outcome:
    """Run peer_bench.py, without the libraries that our programs are given."""
    steps = "3" if part.tools.quick else "5"
    command = [peer.python, peer.script, peer.folder, work, "--device", part.tools.device]
    command += ["--batch", str(BATCHES[work]), "--steps", steps, *options]
    return process.run(command, Patience(min(limit, part.left())), folder=part.tools.work)


def _add_peer(
    part: Part, table: Table, what: tuple[str, str, float | None], outcome: Outcome
) -> None:
    """Add a row, or count a failure; that the original is slow is none."""
    work, name, reference = what
    figures = last_json(outcome.out)
    if outcome.timed_out:
        note = f"{work} {name}: not done after {outcome.seconds:.0f} s"
        table.note = f"{table.note}; {note}" if table.note else note
        return
    if not outcome.ok or figures is None:
        part.fail(f"the original, {work} {name}: {outcome.complaint()}")
        return
    seconds = float(figures["step_s"])
    table.add(
        work,
        name,
        figures.get("batch"),
        1e3 * seconds,
        1e3 * float(figures.get("best_s", seconds)),
        figures.get("images_per_s"),
        figures.get("peak_gb"),
        seconds / reference if reference else None,
    )


def _ours(part: Part, work: str, table: Table) -> float | None:
    """Add a row for ours, in float32; return its seconds."""
    record = speed.run_bench(part, Bench((WORKS[work],), (OURS,), BATCHES[work]), TURN) or {}
    for result in record.get("results") or []:
        if isinstance(result.get("seconds"), int | float):
            keys = ("seconds", "best", "images_per_s", "peak_bytes")
            figures = [speed.value_of(result, key) for key in keys]
            table.add(work, "ours", result.get("batch"), *figures, None)
            return float(result["seconds"])
    return None


def last_json(text: str) -> dict[str, Any] | None:
    """Read the last line that is a JSON object."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                return None
    return None
