"""Turning CIFAR's Python version (pickles) into its binary version.

The pickles are read by an unpickler that can build arrays and plain values and nothing else,
since a pickle may otherwise run any code.
"""

from __future__ import annotations

import codecs
import pickle
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslib.atomic_file import atomic_file
from dartslib.cli import UserError, reason, require
from dartslib.datasets import IMAGE_BYTES, Cifar
from dartslib.pickles import PICKLE_ERRORS

if TYPE_CHECKING:
    import numpy as np


class ArrayUnpickler(pickle.Unpickler):
    """Unpickle plain values and NumPy arrays; refuse everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the few names that arrays need, in old and new NumPy's spelling."""
        np = require("numpy")
        allowed = {
            "numpy.ndarray": np.ndarray,
            "numpy.dtype": np.dtype,
            "numpy.multiarray._reconstruct": np.empty(0).__reduce__()[0],
            "numpy.numeric._frombuffer": np.empty(0).__reduce_ex__(5)[0],
            "_codecs.encode": codecs.encode,
        }
        spelling = re.sub(r"^numpy\._?core\.", "numpy.", f"{module}.{name}")
        if spelling not in allowed:
            raise pickle.UnpicklingError(f"refused to load {module}.{name}")
        return allowed[spelling]


def read_pickle(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary with text or byte strings as keys."""
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's about the spelling of old dtypes
            record = ArrayUnpickler(file, encoding="bytes").load()
    except OSError as error:
        raise UserError(reason(error)) from None
    except PICKLE_ERRORS as error:
        raise UserError(f"{path}: cut off or not a CIFAR pickle: {error}") from None
    if not isinstance(record, dict):
        raise UserError(f"{path}: not a CIFAR pickle: no dictionary")
    return {_text(key): value for key, value in record.items()}


def convert(spec: Cifar, source: Path, root: Path, wanted: list[str]) -> None:
    """Write the wanted files of the binary version under `root` from the pickles in `source`."""
    folder = _find_folder(spec, source)
    for name in wanted:
        if name in spec.python.batches:
            content = _records(spec, folder / spec.python.batches[name], spec.files[name])
        else:
            content = _class_names(folder, *spec.python.names[name])
        with atomic_file(root / spec.folder / name) as file:
            file.write(content)


def _find_folder(spec: Cifar, source: Path) -> Path:
    """Accept the folder itself or the one that holds it."""
    first = next(iter(spec.python.batches.values()))
    for folder in (source, source / spec.python.folder):
        if (folder / first).is_file():
            return folder
    if not source.is_dir():
        raise UserError(f"{source}: no such folder")
    raise UserError(f"{source}: no '{first}' here nor in {spec.python.folder}")


def _records(spec: Cifar, path: Path, size: int) -> bytes:
    """Compose the `size` bytes of one batch's records: label bytes, then the image's bytes."""
    np = require("numpy")
    expected = size // (len(spec.python.labels) + IMAGE_BYTES)
    batch = read_pickle(path)
    images = _field(batch, "data", path)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2:
        raise UserError(f"{path}: 'data' is not a matrix of bytes")
    if images.shape != (expected, IMAGE_BYTES):
        rows, columns = images.shape
        raise UserError(
            f"{path}: 'data' is {rows} x {columns}, expected is {expected} x {IMAGE_BYTES}"
        )
    labels = [
        _labels(_field(batch, key, path), key, classes, len(images), path)
        for key, classes in spec.python.labels.items()
    ]
    return np.column_stack([*labels, images]).tobytes()


def _labels(values: Any, key: str, classes: int, count: int, path: Path) -> np.ndarray:
    """Check one list of labels and return it as bytes."""
    np = require("numpy")
    try:
        labels = np.asarray(values)
    except ValueError:
        labels = np.empty(0)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise UserError(f"{path}: '{key}' is not a list of {count} whole numbers")
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise UserError(f"{path}: '{key}' has a label outside 0 to {classes - 1}")
    return labels.astype(np.uint8)


def _class_names(folder: Path, pickle_name: str, key: str) -> bytes:
    """Compose a text file of class names, one a line."""
    path = folder / pickle_name
    names = _field(read_pickle(path), key, path)
    if not isinstance(names, list):
        raise UserError(f"{path}: '{key}' is not a list of names")
    return "".join(f"{_text(name)}\n" for name in names).encode()


def _field(record: dict[str, Any], key: str, path: Path) -> Any:
    """Return an entry that must be there."""
    if key not in record:
        raise UserError(f"{path}: not a CIFAR pickle: '{key}' is missing")
    return record[key]


def _text(value: Any) -> str:
    """Return a text or byte string as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
