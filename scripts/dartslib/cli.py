"""Command-line manners all scripts share: one-line errors, exit codes, output files."""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import NoReturn


class UserError(Exception):
    """Something the user can mend; its text is one line and says what to mend."""


class Parser(argparse.ArgumentParser):
    """An argument parser that keeps the layout of its help and reports errors as `UserError`."""

    def __init__(self, *, description: str, epilog: str = "") -> None:
        """Take the description and an epilog (the examples), both shown as they are written."""
        super().__init__(
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and exiting."""
        raise UserError(f"{message} (see {self.prog} --help)")


def run(main: Callable[[], None]) -> NoReturn:
    """Call `main` and exit: 0, or 1 after one line on stderr (130 after Ctrl-C)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files are bytes
    try:
        main()
        sys.stdout.flush()
    except UserError as error:
        _fail(str(error))
    except BrokenPipeError:
        _fail("the reader of the output has gone")
    except OSError as error:
        _fail(reason(error))
    except KeyboardInterrupt:
        _fail("interrupted", code=130)
    sys.exit(0)


def _fail(message: str, code: int = 1) -> NoReturn:
    """Print `error: message` in one line and exit, leaving nothing for Python to flush."""
    # A pipe that broke or a disk that is full would fail once more at the interpreter's exit.
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(null, 1)
    try:
        print("error:", " ".join(message.split()), file=sys.stderr, flush=True)
    except OSError:
        os.dup2(null, 2)
    sys.exit(code)


def warn(message: str) -> None:
    """Print `warning: message` on stderr."""
    print("warning:", message, file=sys.stderr)


def reason(error: OSError) -> str:
    """Say in one line what an `OSError` is about: the file, where known, and the reason."""
    text = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {text}" if error.filename else text


def as_utf8(name: str) -> str:
    r"""Write the bytes of a file's name that are not UTF-8 as \xHH: for records and pictures."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean 'x'?` for the known word closest to `word`, or nothing."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f", did you mean '{by_lower[close[0]]}'?" if close else ""


def require(module: str, requirements: str = "requirements.txt") -> ModuleType:
    """Import a third-party module, or say which of the requirements files installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the Python package '{error.name}' is missing: "
            f"pip install -r {Path(__file__).parents[1] / requirements}"
        ) from None


def picture_format(output: Path | None, explicit: str | None, known: tuple[str, ...]) -> str:
    """Choose a picture's format: `--format`, else the ending of the output, else PNG."""
    if explicit or output is None:
        return explicit or "png"
    ending = output.suffix.lstrip(".").lower()
    if ending not in known:
        raise UserError(
            f"{output}: its ending names none of the formats {', '.join(known)}; use --format"
        )
    return ending
