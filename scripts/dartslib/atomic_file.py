"""Files that have their names only once they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dartslib.cli import UserError


@contextlib.contextmanager
def atomic_file(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `target` that takes its name when the block succeeds.

    When the block fails the temporary file is deleted; a file error becomes a `UserError`.
    """
    if target.is_dir():
        raise UserError(f"cannot write {target}: it is a folder; name a file")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w+b") as file:
            yield file
        part.replace(target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def write_output(path: Path, content: bytes) -> None:
    """Write a result file, which replaces one that is there only when complete; print its path.

    What is no plain file (a pipe, /dev/stdout, a link) is written as it is.
    """
    if path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir()):
        try:
            path.write_bytes(content)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from None
    else:
        with atomic_file(path) as file:
            file.write(content)
    print(path)
