#!/usr/bin/env python3
"""Draw the confusion matrix of a test, and every class's accuracy."""

from __future__ import annotations

from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import write_output
from dartslib.confusion_picture import render
from dartslib.eval_report import read_report

FORMATS = ("png", "svg", "pdf")

EPILOG = """\
Reads what `darts_eval RUN_DIR` writes, RUN_DIR/test.json, or a file of `darts_eval --json`. A row
is a class, its columns show what its images were taken for, in shares of the row. Up to 30
classes have their percentages written in; with more, the pairs that are confused most are listed;
over 110 are drawn in groups of classes that follow one another.

examples:
  plot_confusion.py runs/cifar10-20260102-030405    writes confusion.png into the run directory
  plot_confusion.py test.json -o confusion.svg
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "source", metavar="RUN_DIR|FILE", type=Path, help="run directory, or its test.json"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="a .png, .svg or .pdf file; default: confusion.png beside test.json",
    )
    parser.add_argument("--title", help="default: figures of the test")
    return parser


def main() -> None:
    """Read a test's report and draw it."""
    arguments = build_parser().parse_args()
    picture_format = cli.picture_format(arguments.output, None, FORMATS)
    source: Path = arguments.source
    file = source / "test.json" if source.is_dir() else source
    report = read_report(file)
    title = report.headline() if arguments.title is None else arguments.title
    output = arguments.output or file.with_name(f"confusion.{picture_format}")
    write_output(output, render(report, title, picture_format))


if __name__ == "__main__":
    cli.run(main)
