#!/usr/bin/env python3
"""Plot a study: accuracy of all candidates by method, and what goes with it."""

from __future__ import annotations

from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import write_output
from dartslib.study import read_study
from dartslib.study_picture import render

FORMATS = ("png", "svg", "pdf")

EPILOG = """\
Reads results.json in the folder that darts_select writes. Above every candidate is a point, the
mean over its trainings; a bar is a method's mean, a line the interval that holds it in 95 of 100
studies. Below is the retrained accuracy over the supernet's own, and over the number of skip
connections.

examples:
  plot_study.py runs/small                 writes study.png into the study's folder
  plot_study.py runs/small -o study.svg
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument("study", metavar="STUDY_DIR", type=Path, help="folder of a study")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="a .png, .svg or .pdf file; default: STUDY_DIR/study.png",
    )
    parser.add_argument("--title", help="default: the study's name and how many images rank")
    return parser


def main() -> None:
    """Read a study's results and draw them."""
    arguments = build_parser().parse_args()
    folder: Path = arguments.study
    picture_format = cli.picture_format(arguments.output, None, FORMATS)
    study = read_study(folder)
    if not study.candidates:
        raise cli.UserError(f"{folder}: no candidate is done yet")
    title = arguments.title
    if title is None:
        title = f"{study.name}: top-1 on {study.hold_out:,} training images kept for selection"
    picture = render(study, cli.as_utf8(title), picture_format)
    write_output(arguments.output or folder / f"study.{picture_format}", picture)


if __name__ == "__main__":
    cli.run(main)
