#!/usr/bin/env python3
"""Write one HTML page that shows runs: cells by epoch, curves, every edge's weights, settings.

Or one that shows a study: methods compared, candidates with their cells, the searches' curves.
"""

from __future__ import annotations

from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import atomic_file
from dartslib.report.page import render
from dartslib.report.run_data import read_run
from dartslib.report.study_page import read_runs, render_study
from dartslib.study import is_study, read_study

EPILOG = """\
A run directory is that of a search or a training, finished or going on; several are shown side by
side, with the settings in which they differ. The page is one file that fetches nothing: it can be
kept with the runs, sent, and opened without a network. Every number in the records of an epoch has
a curve, also one that this program does not know.

Of a study, the folder that darts_select writes, every one has a page of its own.

examples:
  report.py runs/cifar10-20260102-030405                   writes report.html into the run directory
  report.py runs/seed-1 runs/seed-2 runs/train-1           writes report.html into this directory
  report.py runs/seed-* -o seeds.html --title "Four seeds"
  report.py runs/small                                     of a study, with results.json in it
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "runs",
        metavar="RUN_DIR|STUDY_DIR",
        type=Path,
        nargs="+",
        help="run directory, or several; or a study's folder",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="where to write; default: report.html in the run directory, of several in this one",
    )
    parser.add_argument(
        "--title", help="default: the name of the run or the study, or how many there are"
    )
    return parser


def write_page(output: Path, page: bytes) -> None:
    """Write a page at once, and its path to stdout."""
    with atomic_file(output) as file:
        file.write(page)
    print(output)


def write_studies(folders: list[Path], output: Path | None, title: str | None) -> None:
    """Write a page for each study."""
    if output and len(folders) > 1:
        raise cli.UserError(f"{output}: every study has a page of its own; name one study")
    for folder in folders:
        study = read_study(folder)
        page = render_study(study, read_runs(folder, study), cli.as_utf8(title or study.name))
        write_page(output or folder / "report.html", page)


def main() -> None:
    """Read the runs and write their page."""
    arguments = build_parser().parse_args()
    paths: list[Path] = arguments.runs
    studies = [path for path in paths if is_study(path)]
    if studies:
        if len(studies) < len(paths):
            raise cli.UserError(
                f"{studies[0]}: a study has a page of its own; name it apart from runs"
            )
        write_studies(studies, arguments.output, arguments.title)
        return
    runs = [read_run(path) for path in paths]
    alone = len(runs) == 1
    title = arguments.title or (runs[0].name if alone else f"{len(runs)} runs")
    output = arguments.output or (paths[0] / "report.html" if alone else Path("report.html"))
    write_page(output, render(runs, cli.as_utf8(title)))


if __name__ == "__main__":
    cli.run(main)
