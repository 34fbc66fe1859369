#!/usr/bin/env python3
"""Write a run's figures, alphas and genotypes for TensorBoard, or as CSV."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import atomic_file
from dartslib.event_file import files_in
from dartslib.figures_csv import TABLES, tables
from dartslib.run_figures import RunFigures, check_is_run, read_figures
from dartslib.tensorboard_events import STEPS, RunEvents

FORMATS = ("tensorboard", "csv")

EPILOG = """\
Every number in the records of an epoch is a scalar, by epoch; those of steps are a run of their
own, `steps`, by step, as counted up to the last one that is recorded in an epoch. Alphas are
histograms, of both cells and of every operation; genotypes are pictures; decisions of a selection
by perturbation are texts. With --to csv there are scalars.csv (kind, epoch, step, figure, value),
alphas.csv (epoch, cell, edge, from, into, operation, alpha, weight), of methods that weigh edges
edges.csv and of selections decisions.csv (epoch, cell, edge, into, round, candidate, accuracy and
loss without it, kept).

--follow goes on with a run that is going on, until its last epoch or Ctrl-C. A run that was
stopped is waited for. Where it is resumed from before what was written, that is taken back.

examples:
  to_tensorboard.py runs/cifar10-20260102-030405 --follow
  tensorboard --logdir runs                                (pip install tensorboard)
  to_tensorboard.py runs/cifar10-20260102-030405 --to csv -o figures
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "run", metavar="RUN_DIR", type=Path, help="run directory of a search or a training"
    )
    parser.add_argument("--to", choices=FORMATS, default=FORMATS[0], help="default: %(default)s")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="where to write; default: RUN_DIR/tensorboard or RUN_DIR/csv; "
        "what this program wrote there before is replaced",
    )
    parser.add_argument("--follow", action="store_true", help="go on until the run has finished")
    parser.add_argument(
        "--every",
        metavar="SECONDS",
        type=seconds,
        default=5.0,
        help="how often --follow looks for news; default: %(default)s",
    )
    parser.add_argument(
        "--no-images", action="store_true", help="leave out the genotypes' pictures"
    )
    return parser


def seconds(text: str) -> float:
    """Read a time to wait."""
    with suppress(ValueError):
        if 0.01 <= float(text) <= 86400:
            return float(text)
    raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds from 0.01 to 86400")


def follow(
    read: Callable[[], RunFigures], write: Callable[[RunFigures], None], every: float
) -> None:
    """Read and write until the run has finished or the user has had enough.

    A signal ends it between two rounds, so that no event is cut off.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    finished = False
    while not (finished or stop.is_set()):
        figures = read()
        write(figures)
        # The last epoch's record comes before its alphas and its genotype: one more round is due.
        finished = figures.finished
        stop.wait(every)
    write(read())


def write_tables(output: Path, figures: RunFigures) -> None:
    """Write the CSV files, each at once."""
    files = tables(figures)
    for name, text in files.items():
        with atomic_file(output / name) as file:
            file.write(text)
    for name in set(TABLES) - set(files):  # of another run, or of what a resumed one took back
        (output / name).unlink(missing_ok=True)


def write_events(output: Path, figures: RunFigures, start: float, images: bool) -> None:
    """Write the event files of a run at once: complete, they replace those of before."""
    output = output.resolve()
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        events = RunEvents(part, start, images)
        events.update(figures)
        events.close()
        for folder in (output, output / STEPS):
            old, new = files_in(folder), files_in(part / folder.relative_to(output))
            if new:
                folder.mkdir(parents=True, exist_ok=True)
            for path in old:
                path.unlink()
            for path in new:
                path.replace(folder / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def main() -> None:
    """Read the run's records and write them, once or as long as they grow."""
    arguments = build_parser().parse_args()
    run: Path = arguments.run
    check_is_run(run)
    output: Path = arguments.output or run / arguments.to
    start, images = (run / "config.yaml").stat().st_mtime, not arguments.no_images

    def read() -> RunFigures:
        # Of a run that goes on a line may be on its way.
        return read_figures(run, (lambda _: None) if arguments.follow else cli.warn)

    if arguments.to == "csv" and arguments.follow:
        follow(read, lambda figures: write_tables(output, figures), arguments.every)
    elif arguments.follow:
        events = RunEvents(output, start, images)
        follow(read, events.update, arguments.every)
        events.close()
    else:
        figures = read()
        if figures.is_empty():
            raise cli.UserError(f"{run}: nothing is recorded yet")
        if arguments.to == "csv":
            write_tables(output, figures)
        else:
            write_events(output, figures, start, images)
    print(output)


if __name__ == "__main__":
    cli.run(main)
