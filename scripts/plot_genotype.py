#!/usr/bin/env python3
"""Draw the normal and the reduction cell of a genotype."""

from __future__ import annotations

from pathlib import Path

from dartslib import cli
from dartslib.cell_picture import LAYOUTS, render
from dartslib.genotype import BUILT_IN_DIRECTORY, Genotype, find_genotype, load_genotype
from dartslib.operations import LOOKS

FORMATS = ("png", "svg", "pdf")

EPILOG = """\
GENOTYPE is a genotype.json, a run directory that holds one, the name of a published
genotype (DARTS_V2, NASNet, ...), or a text file in the notation Genotype(normal=[...], ...);
FILE:NAME where the text holds several.

examples:
  plot_genotype.py runs/cifar10-20260102-030405    writes genotype.png into the run directory
  plot_genotype.py DARTS_V2 --format svg           writes DARTS_V2.svg into this directory
  plot_genotype.py g.json -o figure.pdf --title "First order, seed 2"
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
        default=LAYOUTS[0],
        help="the reduction cell beside the normal cell, or under it (half as wide); "
        "default: %(default)s",
    )
    return parser


def default_output(source: Path, name: str, picture_format: str) -> Path:
    """Choose the picture's place beside its source, never among the built-in genotypes."""
    path = source.with_name(f"{name or source.stem}.{picture_format}")
    return Path(path.name) if source.parent == BUILT_IN_DIRECTORY else path


def warn_of_odd_names(genotype: Genotype) -> None:
    """Say what may be a slip: operations that neither pictures nor the file's writer know."""
    for name in genotype.operations:
        if name not in LOOKS and name not in genotype.kinds:
            cli.warn(f"'{name}' is none of the usual operations{cli.nearest(name, LOOKS)}")


def main() -> None:
    """Read a genotype and write its picture."""
    arguments = build_parser().parse_args()
    picture_format = cli.picture_format(arguments.output, arguments.format, FORMATS)
    genotype = load_genotype(arguments.genotype)
    warn_of_odd_names(genotype)
    output = arguments.output or default_output(*find_genotype(arguments.genotype), picture_format)
    title = genotype.name if arguments.title is None else arguments.title
    cli.write_output(output, render(genotype, title, picture_format, arguments.layout))


if __name__ == "__main__":
    cli.run(main)
