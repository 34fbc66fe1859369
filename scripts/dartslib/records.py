"""Reading JSON Lines, as runs write their records.

A run may be going on or may have been killed: its last line may be cut off, and is skipped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dartslib.cli import UserError, reason, warn

OnCut = Callable[[str], None]


def read_records(path: Path, on_cut: OnCut = warn) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number and the object of every line of a JSON Lines file.

    `on_cut` is told of a last line that is cut off.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(reason(error)) from None
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("not a JSON object")
        except ValueError as error:
            if number < len(lines):
                raise UserError(f"{path}, line {number}: {error}") from None
            on_cut(f"{path}: the last line is cut off and is skipped")
            return
        yield number, record


def whole_number(record: dict[str, Any], key: str, path: Path, number: int) -> int:
    """Return a record's epoch or step; `number` is its line's."""
    value = record.get(key)
    if type(value) is not int:
        raise UserError(f"{path}, line {number}: '{key}' is not a whole number")
    return value


def numbers_of(record: dict[str, Any], prefix: str = "") -> dict[str, float | None]:
    """Return the numbers of a record by key; None for what is null or not finite.

    Keys of a table within have its name and a dot before them, as "method.tau".
    """
    found: dict[str, float | None] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            found |= numbers_of(value, f"{prefix}{key}.")
        elif value is None:
            found[prefix + key] = None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + key] = value if abs(value) < math.inf else None  # also of a huge integer
    return found
