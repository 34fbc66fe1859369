#!/usr/bin/env python3
"""Say what this Python's environment lacks, for scripts/setup.sh: one line a finding.

broken DIR: a package whose files are not what its record says, since its installation broke off;
DIR is its .dist-info. Only where there is none of these, what is not installed: missing package X
of the packages named on the command line, missing requirement X of the requirements files.
"""

from __future__ import annotations

import argparse
import csv
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement


def is_whole(info: Path) -> bool:
    """Whether all files that the package's record lists are there, in their sizes."""
    record = info / "RECORD"
    if not (record.is_file() and (info / "METADATA").is_file()):
        return False
    with record.open(newline="", encoding="utf-8") as rows:
        for name, _, size in csv.reader(rows):
            try:
                if size and (info.parent / name).stat().st_size != int(size):
                    return False
            except FileNotFoundError:
                return False
    return True


def broken_packages() -> list[Path]:
    """Find the .dist-info folders of packages that are not whole."""
    folders = Path(sysconfig.get_paths()["purelib"]).glob("*.dist-info")
    return [info for info in folders if not is_whole(info)]


def unmet(requirement: Requirement, deep: bool, seen: set[str]) -> str | None:
    """Find the first requirement that is not installed: this one, or one below it if `deep`."""
    if str(requirement) in seen:
        return None
    seen.add(str(requirement))
    try:
        distribution = metadata.distribution(requirement.name)
    except metadata.PackageNotFoundError:
        return str(requirement)
    if not requirement.specifier.contains(distribution.version, prereleases=True):
        return str(requirement)
    for text in distribution.requires or [] if deep else []:
        below = Requirement(text)
        extras = requirement.extras or {""}
        if below.marker and not any(below.marker.evaluate({"extra": e}) for e in extras):
            continue
        found = unmet(below, deep, seen)
        if found:
            return found
    return None


def requirements_in(file: Path) -> Iterator[Requirement]:
    """Read a requirements file and those that it includes."""
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from requirements_in(file.parent / text[3:].strip())
        elif text:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def main() -> None:
    """Print the findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requirements", metavar="FILE", type=Path, action="append", default=[])
    parser.add_argument(
        "--no-deps", action="store_true", help="PACKAGES without what they need in turn"
    )
    parser.add_argument("packages", metavar="PACKAGE", nargs="*")
    arguments = parser.parse_args()
    broken = broken_packages()
    if broken:
        print("\n".join(f"broken {info}" for info in broken))
        return
    for package in map(Requirement, arguments.packages):
        lacking = unmet(package, not arguments.no_deps, set())
        if lacking:
            print("missing package", lacking)
    for file in arguments.requirements:
        for requirement in requirements_in(file):
            lacking = unmet(requirement, True, set())
            if lacking:
                print("missing requirement", lacking)


if __name__ == "__main__":
    main()
