#!/usr/bin/env python3
"""Compare where searches end: softmax(alpha) of two settings, and of two seeds."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from dartslib import cli
from dartslib.runlog import CELL_TYPES, read_alphas

EPILOG = """\
Give the runs of one setting, then those of the other in the same order of seeds. Differences
between settings at one seed that are as small as those between seeds are noise.

examples:
  compare_alphas.py --one runs/fp32-1 runs/fp32-2 --other runs/bf16-1 runs/bf16-2
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    for option in ("--one", "--other"):
        parser.add_argument(
            option, metavar="RUN_DIR", type=Path, nargs="+", required=True, help="runs of a setting"
        )
    return parser


def last_weights(run: Path) -> tuple[dict[str, list[list[str]]], np.ndarray]:
    """Return what the edges offer, and softmax(alpha) of it after the last epoch in one row."""
    if not (run / "alphas.jsonl").exists():
        raise cli.UserError(f"{run}: not a run directory of a search, it has no alphas.jsonl")
    alphas = read_alphas(run)
    if (epoch := alphas.broken()) is not None:
        raise cli.UserError(f"{run}: alpha is not finite after epoch {epoch}: the search diverged")
    weights = [
        alphas.offered(cell, edge)[-1]
        for cell in CELL_TYPES
        for edge in range(len(alphas.primitives[cell]))
    ]
    return alphas.primitives, np.concatenate(weights)


def describe(what: str, pairs: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """Say how far the two of each pair are apart: on average over all alphas, and at most."""
    differences = np.array([np.abs(a - b) for a, b in pairs])
    return f"{what}: mean {differences.mean():.4f}, largest {differences.max():.4f}"


def main() -> None:
    """Read all runs and print both kinds of differences."""
    arguments = build_parser().parse_args()
    if len(arguments.one) != len(arguments.other):
        raise cli.UserError("as many runs of one setting as of the other expected")
    found = {run: last_weights(run) for run in [*arguments.one, *arguments.other]}
    first = arguments.one[0]
    for run, (offers, _) in found.items():
        if offers != found[first][0]:
            raise cli.UserError(f"{run} has another search space than {first}")
    one, other = ([found[run][1] for run in runs] for runs in (arguments.one, arguments.other))
    print(describe("between settings", list(zip(one, other, strict=True))))
    if len(one) > 1:
        pairs = [pair for runs in (one, other) for pair in itertools.combinations(runs, 2)]
        print(describe("between seeds", pairs))


if __name__ == "__main__":
    cli.run(main)
