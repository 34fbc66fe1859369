"""The check behind scripts/gpu_check.sh; see its --help."""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dartslib import cli
from dartslib.gpu_check import environment, peer, right, scale, speed, synthetic
from dartslib.gpu_check.peer import Peer
from dartslib.gpu_check.report import PartResult, Report
from dartslib.gpu_check.tools import Part, Tools

WHOLE = 520.0  # seconds, in all; under nine minutes with what Python itself needs
WHOLE_QUICK = 110.0
NO_GPU = "skipped: no GPU"

EPILOG = """\
Checks and times every path on a GPU: environment, tests, programs, steps, the original beside ours
(--peer), an epoch at the paper's size. Ends in under 9 minutes on one H100; prints a table a part,
and writes every figure to gpu_check.json and gpu_check.md. A part that fails or takes too long does
not stop the others; the exit status counts the failures. Without a GPU the parts for it are skipped
and the CPU's own part runs.

examples:
  scripts/gpu_check.sh --quick
  scripts/gpu_check.sh --peer ~/darts/cnn -o results
"""


@dataclass(frozen=True)
class Step:
    """A part of the check: its seconds, in the whole and in --quick, and what it does."""

    name: str
    title: str
    budgets: tuple[float, float]
    run: Callable[[Part], None]
    needs_gpu: bool = True

    def budget(self, tools: Tools) -> float:
        """Return the seconds that are kept for it."""
        return 0.0 if self.needs_gpu and not tools.gpu else self.budgets[tools.quick]


def main() -> None:
    """Run all parts; exit with the number of failures."""
    arguments = parser().parse_args()
    beside = peer_of(arguments)
    output = arguments.output or Path(f"gpu_check-{datetime.datetime.now():%Y%m%d-%H%M%S}")
    output.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=output.resolve()))
    try:
        tools = Tools(
            arguments.programs.resolve(),
            arguments.tests.resolve(),
            work,
            os.environ.get("DARTS_LIBRARY_PATH", ""),
            arguments.quick,
        )
        failures = check(tools, beside, output)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{failures} failures; {output / 'gpu_check.json'}, {output / 'gpu_check.md'}")
    sys.exit(min(failures, 125))


def parser() -> cli.Parser:
    """Declare the command line."""
    result = cli.Parser(description="Checks and times everything on a GPU.", epilog=EPILOG)
    result.prog = "scripts/gpu_check.sh"
    result.add_argument("--quick", action="store_true", help="a minute of it, in small sizes")
    result.add_argument(
        "--peer",
        type=Path,
        metavar="CNN_DIR",
        help="folder cnn/ of the original, to be timed in turns with ours",
    )
    result.add_argument(
        "--peer-bench",
        type=Path,
        metavar="FILE",
        help="peer_bench.py, which times it (default: in CNN_DIR or beside it)",
    )
    result.add_argument(
        "--python", default=sys.executable, help="a Python with PyTorch, for --peer"
    )
    result.add_argument(
        "-o", "--output", type=Path, help="folder to write to (default: gpu_check-DATE)"
    )
    result.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    result.add_argument("--tests", type=Path, required=True, help=argparse.SUPPRESS)
    return result


def peer_of(arguments: argparse.Namespace) -> Peer | None:
    """Find what --peer needs."""
    folder, given = arguments.peer, arguments.peer_bench
    if folder is None:
        return None
    if not (folder / "model_search.py").is_file():
        raise cli.UserError(f"{folder}: not the original's folder cnn/, which has model_search.py")
    script = peer.find_script(folder, given)
    if script is None:
        raise cli.UserError(f"no peer_bench.py in {folder} or beside it; say where: --peer-bench")
    # A path, as seen from here: another folder is worked in. Links stay, as a venv's Python is one.
    python = arguments.python
    python = str(Path.cwd() / python) if os.sep in python else python
    return Peer(folder.resolve(), script, python)


def steps_for(beside: Peer | None, data: Path, about: dict) -> list[Step]:
    """List the parts in order; their budgets add up to the whole."""

    def describe(part: Part) -> None:
        about.update(environment.describe(part, data))

    fast, epoch = (130, 60) if beside else (190, 90)
    steps = [
        Step("environment", "Environment", (10, 10), describe, needs_gpu=False),
        Step("right", "Right: tests on the GPU", (85, 20), right.on_gpu),
        Step("programs", "Programs on the GPU", (75, 15), right.programs_on_gpu),
        Step("fast", "Fast: steps", (fast, 15), speed.measure),
        Step("scale", "At scale: an epoch", (epoch, 20), lambda part: scale.measure(part, data)),
        Step("cpu", "The CPU's own part", (25, 15), right.on_cpu, needs_gpu=False),
    ]
    if beside:
        turns = Step(
            "peer", "The original beside ours", (110, 0), lambda p: peer.compare(p, beside)
        )
        # The last, for it takes what the others have left.
        rest = Step(
            "compile", "The original compiled", (0, 0), lambda p: peer.compile_it(p, beside)
        )
        steps += [turns, rest]
    return steps


def check(tools: Tools, beside: Peer | None, output: Path) -> int:
    """Run the parts within the time; return the number of failures."""
    started = time.monotonic()
    whole = WHOLE_QUICK if tools.quick else WHOLE
    about: dict = {"date": f"{datetime.datetime.now():%Y-%m-%d %H:%M}", "quick": tools.quick}
    report = Report(about)
    detection = Part(tools, PartResult("gpu", "GPU"), started + min(60.0, whole))
    gpu = environment.gpu_is_there(detection)
    about["gpu"] = gpu
    tools = Tools(**{**vars(tools), "gpu": gpu})
    data = synthetic.write_cifar10(tools.work / "data")
    steps = steps_for(beside, data, about)
    for i, step in enumerate(steps):
        later = sum(s.budget(tools) for s in steps[i + 1 :])
        left = started + whole - time.monotonic() - later
        report.parts.append(run_step(step, tools, left))
        print(report.parts[-1].text(), end="\n\n", flush=True)
        report.write(output)
    about["seconds"] = round(time.monotonic() - started, 1)
    report.write(output)
    return report.failures()


def run_step(step: Step, tools: Tools, limit: float) -> PartResult:
    """Run one part; whatever goes wrong in it is a failure of it alone."""
    result = PartResult(step.name, step.title, limit=limit)
    if step.needs_gpu and not tools.gpu:
        result.status = NO_GPU
        return result
    if limit < 5.0:
        result.status = "skipped: no time was left"
        if step.budget(tools) > 0:
            result.failures.append(f"{step.title}: no time was left")
        return result
    start = time.monotonic()
    try:
        step.run(Part(tools, result, start + limit))
    except Exception as error:  # the other parts go on
        result.failures.append(f"{type(error).__name__}: {error}")
    result.seconds = time.monotonic() - start
    result.status = "failed" if result.failures else "ok"
    return result


if __name__ == "__main__":
    cli.run(main)
