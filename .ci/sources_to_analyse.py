#!/usr/bin/env python3
"""List the C++ sources that clang-tidy is to read, one a line.

Those that changed since a base, or everything (--all). A source with LibTorch's headers takes
clang-tidy half a minute, nearly all of it in those; one without takes seconds. So only --all reads
the heavy ones; and where any source may be concerned (a header or the checks themselves changed),
or no base is known, all light ones are read.
"""

from __future__ import annotations

import argparse
import functools
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "apps", "bench")
INCLUDE = re.compile(r'^#include [<"]([^>"]+)[>"]', re.MULTILINE)
LIBTORCH = ("ATen/", "c10/", "torch/")
OF_THE_ANALYSIS = (".clang-tidy", ".ci/static_analysis", ".ci/sources_to_analyse.py")


@functools.cache
def is_light(file: Path) -> bool:
    """Whether neither the file nor a header of ours below it includes LibTorch."""
    for name in INCLUDE.findall(file.read_text(encoding="utf-8")):
        if name.startswith(LIBTORCH):
            return False
        for header in (file.parent / name, ROOT / "include" / name):
            if header.is_file() and not is_light(header):
                return False
    return True


def all_sources() -> list[Path]:
    """Return every source of the programs; the tests are not analysed."""
    return sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.cpp"))


def git(*arguments: str) -> str | None:
    """Return what git prints; None where it fails."""
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def usual_base() -> str | None:
    """Return where HEAD left the remote's main branch, else the commit before it, if any."""
    head = (git("rev-parse", "HEAD") or "").strip()
    for branch in ("origin/HEAD", "origin/main"):
        base = (git("merge-base", "HEAD", branch) or "").strip()
        if base and base != head:
            return base
    return (git("rev-parse", "--verify", "--quiet", "HEAD~1") or "").strip() or None


def changed_files(base: str) -> list[str] | None:
    """Return what differs from `base`, new files included; None where git cannot say."""
    changed = git("diff", "--name-only", "-z", base, "--")
    new = git("ls-files", "--others", "--exclude-standard", "-z")
    if changed is None or new is None:
        return None
    return [name for name in (changed + new).split("\0") if name]


def choose(sources: list[Path], changed: list[str] | None) -> tuple[list[Path], str]:
    """Return which of the sources to read, and why in a line."""
    light = [file for file in sources if is_light(file)]
    if changed is None:
        return light, f"no base to compare with: {len(light)} sources without LibTorch's headers"
    touched = {ROOT / name for name in changed}
    heavy = [file for file in sources if file in touched and file not in light]
    if any(name.endswith(".hpp") or name in OF_THE_ANALYSIS for name in changed):
        why = "headers or checks changed: those without LibTorch's headers"
    else:
        light = [file for file in light if file in touched]
        why = "changed sources"
    if heavy:
        why += f"; left to --all: {len(heavy)} changed ones with LibTorch's headers"
    return light, f"{len(light)} sources: {why}"


def main() -> None:
    """Print the list, and to stderr what it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="everything")
    parser.add_argument("--base", metavar="COMMIT", help="what changed since this commit")
    arguments = parser.parse_args()
    sources = all_sources()
    if arguments.all:
        files, why = sources, f"all {len(sources)} sources"
    else:
        base = arguments.base or usual_base()
        changed = changed_files(base) if base else None
        if arguments.base and changed is None:
            sys.exit(f"error: git knows no commit {arguments.base}")
        files, why = choose(sources, changed)
        if changed is not None:
            why = f"since {base[:12]}, {why}"
    print(why, file=sys.stderr)
    print("\n".join(map(str, files)), end="\n" if files else "")


if __name__ == "__main__":
    main()
