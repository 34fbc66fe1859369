"""Taking apart a JSON file that a program wrote: every field is there, known, and of its type."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from dartslib.cli import UserError, nearest, reason

T = TypeVar("T")
MOST, MOST_NUMBER = 2**63, 1e300  # of whole numbers and of others; JSON's 1e999 is infinite


def load_json(path: Path, hint: str = "") -> Any:
    """Read a JSON file; `hint` says what writes it, where it is missing."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError as error:
        raise UserError(reason(error) + hint) from None
    except OSError as error:
        raise UserError(reason(error)) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON, or cut off: {error}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


class Fields:
    """An object of JSON, whose fields are checked as they are taken; `where` begins the errors."""

    def __init__(self, value: Any, where: str, names: str, optional: str = "") -> None:
        """Check which fields there are; `names` are parted by spaces."""
        if not isinstance(value, dict):
            raise UserError(f"{where}: not an object, {{...}}")
        known = [*names.split(), *optional.split()]
        for key in value:
            if key not in known:
                raise UserError(f"{where}: unknown field '{key}'{nearest(key, known)}")
        for key in names.split():
            if key not in value:
                raise UserError(f"{where}: '{key}' is missing")
        self._value, self._where = value, where

    def _take(self, key: str, fits: Callable[[Any], bool], what: str) -> Any:
        value = self._value[key]
        if not fits(value):
            raise UserError(f"{self._where}: '{key}' is not {what}")
        return value

    def has(self, key: str) -> bool:
        """Tell whether an optional field is there."""
        return key in self._value

    def text(self, key: str) -> str:
        """Return a text."""
        return self._take(key, lambda v: isinstance(v, str), "a text")

    def name(self, key: str) -> str:
        """Return a name that may be a part of a file's."""
        return self._take(key, _is_name, "a name")

    def truth(self, key: str) -> bool:
        """Return true or false."""
        return self._take(key, lambda v: isinstance(v, bool), "true or false")

    def whole(self, key: str) -> int:
        """Return a whole number from 0 up."""
        return self._take(key, _is_whole, "a whole number from 0 up")

    def number(self, key: str) -> float:
        """Return a finite number."""
        return float(self._take(key, _is_number, "a number"))

    def number_or_none(self, key: str) -> float | None:
        """Return a finite number; None where there is null."""
        return None if self._value[key] is None else self.number(key)

    def share(self, key: str) -> float:
        """Return a number from 0 to 1."""
        return float(self._take(key, _is_share, "a number from 0 to 1"))

    def shares(self, key: str) -> list[float]:
        """Return a list of numbers from 0 to 1."""
        return self._list(key, _is_share, "a list of numbers from 0 to 1")

    def wholes(self, key: str) -> list[int]:
        """Return a list of whole numbers from 0 up."""
        return self._list(key, _is_whole, "a list of whole numbers from 0 up")

    def names(self, key: str) -> list[str]:
        """Return a list of names."""
        return self._list(key, _is_name, "a list of names")

    def pair(self, key: str) -> tuple[float, float] | None:
        """Return two numbers; None where there are none, or one is not known."""
        if self._value.get(key) in (None, [None, None]):
            return None
        low, high = self._take(key, _is_pair, "a pair of numbers")
        return float(low), float(high)

    def each(self, key: str, make: Callable[[Any, str], T]) -> list[T]:
        """Make something of every item of a list, which it is told the place of."""
        items = self._take(key, lambda v: isinstance(v, list), "a list")
        return [make(item, f"{self._where}: {key}[{i}]") for i, item in enumerate(items)]

    def maybe(self, key: str, make: Callable[[Any, str], T]) -> T | None:
        """Make something of a value; None where there is null."""
        value = self._value[key]
        return None if value is None else make(value, f"{self._where}: {key}")

    def _list(self, key: str, fits: Callable[[Any], bool], what: str) -> list[Any]:
        return self._take(key, lambda v: isinstance(v, list) and all(map(fits, v)), what)


def twice(names: Iterable[str]) -> str | None:
    """Return the first name that is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _is_name(value: Any) -> bool:
    return (
        isinstance(value, str)
        and value not in ("", ".", "..")
        and not any(letter in value for letter in "/\\\0")
    )


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < MOST_NUMBER


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
