"""darts_bench on the GPU: what a step takes, and how far that is from what the card could do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dartslib.gpu_check.tools import Part

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
RESERVE = 20.0  # seconds that a measurement begun last may take
WORTH_IT = 15.0  # seconds under which none is begun
NOT_STARTED = "not started: --max-seconds"
HEAVY = 8  # kernels of a step that are listed


@dataclass(frozen=True)
class Bench:
    """One call of darts_bench."""

    works: tuple[str, ...]
    executions: tuple[str, ...]
    batch: int
    paper: bool = True


# By importance: where the time ends, the last are left out. The batches of search and training are
# the original's.
GRAPHS = ("merged+graph", "merged+graph+tf32", "merged+graph+bf16")
QUICK = (Bench(("first",), ("merged", "merged+graph"), 16, paper=False),)
BENCHES = (
    Bench(("first",), ("merged+graph", "merged+graph+bf16", "merged", "plain"), 64),
    Bench(("evaluation",), GRAPHS, 96),
    Bench(("second",), GRAPHS[:1], 64),
    Bench(("first", "evaluation"), GRAPHS, 256),
    Bench(("test", "alpha", "w"), ("merged", "plain"), 64),
)


def measure(part: Part) -> None:
    """Time the paper's sizes as far as the time goes."""
    for bench in QUICK if part.tools.quick else BENCHES:
        if part.tools.quick or part.left() > RESERVE + WORTH_IT:
            tables(part, bench, part.left())


def tables(part: Part, bench: Bench, seconds: float) -> None:
    """Run it, and make tables of what it says."""
    record = run_bench(part, bench, seconds)
    if record is None:
        return
    if ceilings := record.get("ceilings"):
        table = part.table("Ceilings, measured in the same run", ["what", "value"])
        for name, value in flattened(ceilings):
            table.add(name, value)
    results = [r for r in record.get("results") or [] if r.get("skipped") != NOT_STARTED]
    table = part.table(f"darts_bench, batch {bench.batch}", [*COLUMNS, "note"])
    for result in results:
        note = reason_of(result, "failed") or reason_of(result, "skipped")
        table.add(*(value_of(result, key) for key in COLUMNS.values()), note)
        if result.get("failed"):
            part.fail(f"{result.get('work')} {result.get('execution')}: {note}")
    if not results:
        part.fail(f"darts_bench, batch {bench.batch}: no result")
    for result in results:
        list_kernels(part, result)


def list_kernels(part: Part, result: dict[str, Any]) -> None:
    """Make a table of the kernels that a step in float32 spends its time in."""
    kernels = result.get("heaviest_kernels") or []
    execution = str(result.get("execution"))
    if not kernels or not execution.endswith("+graph"):
        return
    title = f"Heaviest kernels of a step: {result.get('work')} {execution}"
    table = part.table(title, ["kernel", "runs", "ms"])
    for kernel in kernels[:HEAVY]:
        table.add(short_name(kernel["name"]), kernel["count"], kernel["seconds"] * 1e3)


def short_name(kernel: str) -> str:
    """Return the name of a kernel without its return type, arguments and most of its templates."""
    words = kernel.removeprefix("void ").replace("(anonymous namespace)::", "")
    return words[:64].split("(")[0]


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
