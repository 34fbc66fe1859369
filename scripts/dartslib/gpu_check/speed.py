"""darts_bench on the GPU: what a step takes, and how far that is from what the card could do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dartslib.gpu_check.tools import Part

# By importance: where the time ends, the last are left out.
WORKS = ("first", "evaluation", "second", "test", "alpha", "w")
EXECUTIONS = ("plain", "merged", "merged+graph", "merged+graph+tf32", "merged+graph+bf16")
BATCHES = {64: EXECUTIONS, 256: EXECUTIONS[1:]}
COLUMNS = {
    "work": "work",
    "execution": "execution",
    "batch": "batch",
    "ms": "seconds",
    "best ms": "best",
    "images/s": "images_per_s",
    "peak GB": "peak_bytes",
    "kernels": "kernels",
    "launches": "launches",
    "idle %": "idle_share",
    "× arithmetic bound": "times_arithmetic_bound",
}
SCALES = {"seconds": 1e3, "best": 1e3, "peak_bytes": 1e-9, "idle_share": 100.0}
RESERVE = 8.0  # seconds that a program needs to begin and to write


@dataclass(frozen=True)
class Bench:
    """One call of darts_bench."""

    works: tuple[str, ...]
    executions: tuple[str, ...]
    batch: int
    paper: bool = True


def measure(part: Part) -> None:
    """Time everything at the paper's size; the usual batch first, and for longer."""
    if part.tools.quick:
        tables(part, Bench(("first",), ("merged", "merged+graph"), 16, paper=False), part.left())
        return
    for i, (batch, executions) in enumerate(BATCHES.items()):
        share = part.left() * (0.6 if i + 1 < len(BATCHES) else 1.0)
        tables(part, Bench(WORKS, executions, batch), share)


def tables(part: Part, bench: Bench, seconds: float) -> None:
    """Run it, and make tables of what it says."""
    record = run_bench(part, bench, seconds)
    if record is None:
        return
    if ceilings := record.get("ceilings"):
        table = part.table("Ceilings, measured in the same run", ["what", "value"])
        for name, value in flattened(ceilings):
            table.add(name, value)
    results = record.get("results") or []
    table = part.table(f"darts_bench, batch {bench.batch}", [*COLUMNS, "note"])
    for result in results:
        note = reason_of(result, "failed") or reason_of(result, "skipped")
        table.add(*(value_of(result, key) for key in COLUMNS.values()), note)
        if result.get("failed"):
            part.fail(f"{result.get('work')} {result.get('execution')}: {note}")
    if not results:
        part.fail(f"darts_bench, batch {bench.batch}: no result")


def run_bench(part: Part, bench: Bench, seconds: float) -> dict[str, Any] | None:
    """Return what darts_bench wrote, if anything; that it failed is counted."""
    file = part.tools.work / "bench.json"
    file.unlink(missing_ok=True)
    outcome = part.run(bench_command(part, bench, file, seconds))
    record = read_bench(file)
    if not outcome.ok:
        part.fail(f"darts_bench, batch {bench.batch}: {outcome.complaint()}")
    elif record is None:
        part.fail(f"darts_bench, batch {bench.batch}: wrote no JSON")
    return record


def bench_command(part: Part, bench: Bench, file: Path, seconds: float) -> list[str | Path]:
    """Compose the command line."""
    command: list[str | Path] = [part.tools.program("darts_bench"), "--device", part.tools.device]
    command += ["--json", file, "--max-seconds", f"{max(1.0, seconds - RESERVE):.0f}"]
    command += ["--paper"] if bench.paper else []
    command += ["--batch", str(bench.batch), "--work", *bench.works]
    return [*command, "--execution", *bench.executions]


def read_bench(file: Path) -> dict[str, Any] | None:
    """Read the JSON of darts_bench; None if it is not there or cut off."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def value_of(result: dict[str, Any], key: str) -> str | float | int | None:
    """Return one figure in the table's unit; None where darts_bench has none."""
    value = result.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else None
    return value * SCALES[key] if key in SCALES else value


def reason_of(result: dict[str, Any], key: str) -> str:
    """Say why a measurement failed or was skipped; nothing where it was not."""
    reason = result.get(key)
    return " ".join(reason.split()) if isinstance(reason, str) else key if reason else ""


def flattened(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return nested values under names joined by blanks."""
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += flattened(value, f"{prefix}{name} ")
        else:
            rows.append((prefix + name, value))
    return rows
