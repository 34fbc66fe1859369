#!/usr/bin/env python3
"""Plot a search: losses, accuracies, skip connections, entropy and all alphas by epoch.

Where they are recorded also the share of `none`, the largest eigenvalue of the validation loss'
Hessian, the method's figures (temperature, size of perturbations, weight of a regulariser) and the
weights of edges.
"""

from __future__ import annotations

from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import write_output
from dartslib.runlog import diverged, read_alphas, read_metrics
from dartslib.search_picture import render
from dartslib.study import is_study

FORMATS = ("png", "svg", "pdf")

EPILOG = """\
Reads metrics.jsonl and alphas.jsonl of the run directory; the search may still be running.
Epoch 0 of the alphas is the state before the first step. In an edge's panel the thick curve
is the operation that ends highest, `none` apart. config.yaml tells how the method makes weights
of alpha: by softmax, by sigmoids (fair-darts), or they are weights already (gaea).

examples:
  plot_search.py runs/cifar10-20260102-030405    writes search.png into the run directory
  plot_search.py runs/cifar10-20260102-030405 -o search.pdf
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument("run", metavar="RUN_DIR", type=Path, help="run directory of a search")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="a .png, .svg or .pdf file; default: RUN_DIR/search.png",
    )
    return parser


def main() -> None:
    """Read a run's records and write their picture."""
    arguments = build_parser().parse_args()
    run: Path = arguments.run
    picture_format = cli.picture_format(arguments.output, None, FORMATS)
    if not run.is_dir():
        raise cli.UserError(f"{run}: no such run directory")
    if is_study(run):
        raise cli.UserError(f"{run} is a study: plot_study.py draws it, report.py makes a page")
    if not (run / "metrics.jsonl").exists():
        raise cli.UserError(f"{run}: not a run directory of a search, it has no metrics.jsonl")
    if not (run / "alphas.jsonl").exists():
        raise cli.UserError(f"{run}: no run of darts_search, it has no alphas.jsonl")
    metrics, alphas = read_metrics(run), read_alphas(run)
    title = cli.as_utf8(run.resolve().name)
    if broken := diverged(metrics, alphas):
        cli.warn(f"{run}: the search diverged, and what is not finite is left out: {broken}")
        title = f"{title} (diverged; not finite: {broken})"
    picture = render(metrics, alphas, title, picture_format)
    write_output(arguments.output or run / f"search.{picture_format}", picture)


if __name__ == "__main__":
    cli.run(main)
