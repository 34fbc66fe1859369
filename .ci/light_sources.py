#!/usr/bin/env python3
"""List the C++ sources that include nothing of LibTorch: clang-tidy reads them in seconds.

A source with LibTorch's headers takes it the better part of a minute, nearly all of it in those.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = re.compile(r'^#include [<"]([^>"]+)[>"]', re.MULTILINE)
LIBTORCH = ("ATen/", "c10/", "torch/")


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


if __name__ == "__main__":
    print("\n".join(str(f) for f in sorted((ROOT / "src").rglob("*.cpp")) if is_light(f)))
