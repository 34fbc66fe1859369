#!/usr/bin/env python3
"""Draw the normal and the reduction cell of a genotype, or of a search epoch by epoch."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import write_output
from dartslib.cell_history import read_history
from dartslib.cell_picture import LAYOUTS, render
from dartslib.genotype import BUILT_IN_DIRECTORY, find_genotype, load_genotype
from dartslib.history_picture import animation, families_of
from dartslib.operations import LOOKS
from dartslib.runlog import Metrics, read_metrics

ANIMATION = "gif"
FORMATS = ("png", "svg", "pdf", ANIMATION)

EPILOG = """\
GENOTYPE is a genotype.json, a run directory that holds one, the name of a published
genotype (DARTS_V2, NASNet, ...), or a text file in the notation Genotype(normal=[...], ...);
FILE:NAME where the text holds several.

The format gif is an animation over the epochs of a search; GENOTYPE is its run directory then,
which has them in genotypes/. Edges keep their places in it. The search may still be running.

examples:
  plot_genotype.py runs/cifar10-20260102-030405    writes genotype.png into the run directory
  plot_genotype.py DARTS_V2 --format svg           writes DARTS_V2.svg into this directory
  plot_genotype.py g.json -o figure.pdf --title "First order, seed 2"
  plot_genotype.py runs/cifar10-20260102-030405 -o cell.gif
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument("genotype", metavar="GENOTYPE", help="what to draw, see below")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="where to write; default: beside the file that was read, "
        "in this directory for a published genotype",
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="default: the output's ending, otherwise png"
    )
    parser.add_argument("--title", help='default: the genotype\'s name; --title "" leaves it out')
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        help="the reduction cell beside the normal cell, or under it (half as wide); "
        f"default: {LAYOUTS[0]}, in an animation {LAYOUTS[1]}",
    )
    parser.add_argument(
        "--seconds",
        type=frame_time,
        default=0.5,
        help="how long an animation shows an epoch, the result, at its end, five times as long; "
        "default: %(default)s",
    )
    return parser


def frame_time(text: str) -> float:
    """Read a time that a GIF can keep."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.02 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds from 0.02 to 60")
    return seconds


def animate(arguments: argparse.Namespace) -> None:
    """Write the animation of a search."""
    run = Path(arguments.genotype)
    recorded = (run / "metrics.jsonl").exists()
    metrics = read_metrics(run, may_be_empty=True) if recorded else Metrics([])
    stop = metrics.stop
    history = read_history(run, metrics.last_epoch, stop and stop.genotype_epoch)
    warn_of_odd_names(families_of(history), history.kinds())
    name = cli.as_utf8(run.resolve().name if arguments.title is None else arguments.title)
    last = max(history.genotypes)

    def title(epoch: int) -> str:
        result = ", the result" if epoch == history.stopped else ""
        return f"{name}  epoch {epoch} of {last}{result}".strip()

    output = arguments.output or run / f"genotype.{ANIMATION}"
    picture = animation(history, title, arguments.seconds, arguments.layout or LAYOUTS[1])
    write_output(output, picture)


def default_output(source: Path, name: str, picture_format: str) -> Path:
    """Choose the picture's place beside its source, never among the built-in genotypes."""
    path = source.with_name(f"{name or source.stem}.{picture_format}")
    return Path(path.name) if source.parent == BUILT_IN_DIRECTORY else path


def warn_of_odd_names(operations: Iterable[str], kinds: dict[str, str]) -> None:
    """Say what may be a slip: operations that neither pictures nor the file's writer know."""
    for name in operations:
        if name not in LOOKS and name not in kinds:
            cli.warn(f"'{name}' is none of the usual operations{cli.nearest(name, LOOKS)}")


def main() -> None:
    """Read a genotype and write its picture."""
    arguments = build_parser().parse_args()
    picture_format = cli.picture_format(arguments.output, arguments.format, FORMATS)
    if picture_format == ANIMATION:
        animate(arguments)
        return
    genotype = load_genotype(arguments.genotype)
    warn_of_odd_names(genotype.operations, genotype.kinds)
    output = arguments.output or default_output(*find_genotype(arguments.genotype), picture_format)
    title = genotype.name if arguments.title is None else cli.as_utf8(arguments.title)
    write_output(output, render(genotype, title, picture_format, arguments.layout or LAYOUTS[0]))


if __name__ == "__main__":
    cli.run(main)
