#!/usr/bin/env python3
"""Fetch a data set, check it and lay it out as darts_search and darts_train read it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import atomic_file
from dartslib.cifar_python import convert
from dartslib.datasets import DATASETS, Cifar, FashionMnist, IdxFile
from dartslib.download import fetch, scratch_file, unpack

EPILOG = """\
Files that are there and complete are left as they are. CIFAR needs about 350 MB under ROOT
while it is unpacked. Fashion-MNIST is copied from Debian's package dataset-fashion-mnist
where that is installed.

examples:
  get_data.py cifar10
  get_data.py cifar100 --root /scratch/data
  get_data.py cifar10 --mirror file:///media/downloads    from an archive that lies there
  get_data.py cifar10 --from-python ~/data/cifar-10-batches-py
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument("name", metavar="NAME", choices=DATASETS, help=", ".join(DATASETS))
    parser.add_argument(
        "--root", type=Path, default=Path("data"), help="where to put it; default: data"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--mirror", metavar="URL", help="download from here instead (http, https, ftp, file)"
    )
    source.add_argument(
        "--from-python",
        metavar="DIR",
        type=Path,
        help="convert CIFAR's Python version in this folder instead of downloading",
    )
    return parser


def get_cifar(spec: Cifar, root: Path, base_url: str, wanted: list[str]) -> None:
    """Download the archive into `root`, unpack the wanted files, drop the archive."""
    name = spec.archive.name
    with scratch_file(root, name) as archive:
        fetch(base_url, spec.archive, archive)
        unpack(archive, name, spec.folder, set(wanted), root)


def get_fashion_mnist(
    spec: FashionMnist, root: Path, mirror: str | None, wanted: list[IdxFile]
) -> None:
    """Copy or download the wanted files."""
    for file in wanted:
        installed = spec.installed / file.remote.name
        with atomic_file(spec.path(root, file)) as out:
            if mirror is None and file.is_right(installed):
                with installed.open("rb") as source:
                    shutil.copyfileobj(source, out)
            else:
                fetch(mirror or spec.base_url, file.remote, out)


def main() -> None:
    """Bring the data set into place and say where it is."""
    arguments = build_parser().parse_args()
    spec, root = DATASETS[arguments.name], arguments.root
    wanted = spec.missing(root)
    if arguments.from_python and isinstance(spec, FashionMnist):
        raise cli.UserError("--from-python is for cifar10 and cifar100")
    if not wanted:
        print(f"{root / spec.folder}: complete, nothing to do")
    else:
        if isinstance(spec, FashionMnist):
            get_fashion_mnist(spec, root, arguments.mirror, wanted)
        elif arguments.from_python:
            convert(spec, arguments.from_python, root, wanted)
        else:
            get_cifar(spec, root, arguments.mirror or spec.base_url, wanted)
        print(f"{root / spec.folder}: ready")
    setting = shlex.quote(f"data.root={root}")
    print(f"next: darts_search --config {arguments.name}.yaml --set {setting}")


if __name__ == "__main__":
    cli.run(main)
