"""An epoch of the paper's search and of its training, and what all epochs would take."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from dartslib.gpu_check import runs
from dartslib.gpu_check.process import Outcome, Patience
from dartslib.gpu_check.runs import Speed
from dartslib.gpu_check.tools import Part

FAST = {"runtime.cuda_graph": "true", "runtime.deterministic": "false"}


@dataclass(frozen=True)
class Job:
    """One program with its recipe; `images` and `epochs` are those of the whole of it."""

    name: str
    program: str
    options: tuple[str, ...]
    images: int
    epochs: int
    share: float  # of the time that is left


JOBS = (
    Job(
        "search, first order",
        "darts_search",
        ("--config", "cifar10_first_order.yaml"),
        25_000,
        50,
        0.35,
    ),
    Job(
        "training, DARTS_V2",
        "darts_train",
        ("--config", "cifar10.yaml", "--genotype", "DARTS_V2"),
        50_000,
        600,
        0.55,
    ),
    Job("search, second order", "darts_search", ("--config", "cifar10.yaml"), 25_000, 50, 1.0),
)


def measure(part: Part, data: Path) -> None:
    """Run each for an epoch or its time, whichever ends first."""
    table = part.table(
        "The paper's recipes on random images of CIFAR-10's size",
        ["what", "images", "images/s", "waiting for data", "an epoch, s", "epochs", "all, hours"],
        note="the images are random: this measures speed, and nothing is learned. "
        "Without validation and testing. " + ", ".join(f"{k}={v}" for k, v in FAST.items()),
    )
    for job in JOBS[:1] if part.tools.quick else JOBS:
        speed, outcome = run_job(part, job, data, part.left() * job.share)
        if speed is None:
            part.fail(f"{job.name}: {outcome.complaint()}")
            continue
        epoch = job.images / speed.images_per_s
        table.add(
            job.name,
            speed.images,
            speed.images_per_s,
            f"{speed.loader_share:.1%}",
            epoch,
            job.epochs,
            epoch * job.epochs / 3600,
        )


def run_job(part: Part, job: Job, data: Path, seconds: float) -> tuple[Speed | None, Outcome]:
    """Run it until it is over or, after `seconds`, interrupted, when it saves where it is."""
    grace = 10.0
    patience = Patience(seconds - grace, signal.SIGINT, grace)
    settings = dict(FAST)
    outcome = part.run(command_of(part, job, data, settings), patience)
    for key in [k for k, v in FAST.items() if f"{k}={v}: unknown key" in outcome.err]:
        del settings[key]  # one that this program does not have
        outcome = part.run(command_of(part, job, data, settings), patience)
    run = runs.run_in(outcome.out)
    if run is None or outcome.status not in (0, 128 + signal.SIGINT):
        return None, outcome
    return runs.speed_of(run), outcome


def command_of(part: Part, job: Job, data: Path, settings: dict[str, str]) -> list[str | Path]:
    """Compose the command line."""
    command: list[str | Path] = [part.tools.program(job.program), *job.options]
    command += ["--device", part.tools.device, "--data-root", data]
    own = {
        "search.epochs" if job.program == "darts_search" else "train.epochs": "1",
        "run.root": str(part.tools.work / "runs"),
    }
    for key, value in {**own, **settings}.items():
        command += ["--set", f"{key}={value}"]
    return command
