"""Reading and writing this project's checkpoints (`src/core/checkpoint.cpp`), without PyTorch.

A checkpoint is one file in the safetensors format. Its `__metadata__` holds `format`, `version`,
`meta` (the text of a JSON object), `crc32` of the data and `header_crc32` of the compact header
with sorted keys and without that entry. Equal contents give the bytes that the programs write.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dartslib.atomic_file import atomic_file
from dartslib.cli import UserError, reason, require

if TYPE_CHECKING:
    import numpy as np

FORMAT = "darts-checkpoint"
VERSION = 1
METADATA = "__metadata__"
LONGEST_HEADER = 16 << 20
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",  # NumPy has none: read as float32, which holds its values exactly
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
NAME_OF = {code: name for name, code in DTYPES.items() if name != "BF16"}
CHECKPOINT_NAME = re.compile(r"epoch_(\d+)_step_(\d+)\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: tensors by name, and all else as one JSON object."""

    meta: dict[str, Any]
    tensors: dict[str, np.ndarray]


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies in the data section."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def find_checkpoint(given: Path) -> Path:
    """Return the checkpoint that `given` means: a file, or a run directory's newest."""
    if not given.is_dir():
        return given
    found = [
        ((int(match[1]), int(match[2])), path)
        for path in (given / "checkpoints").glob("*.safetensors")
        if (match := CHECKPOINT_NAME.fullmatch(path.name))
    ]
    if not found:
        raise UserError(f"{given}: no checkpoints/epoch_..._step_....safetensors in this directory")
    return max(found)[1]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read and check a checkpoint: its size, both checksums, version and shapes."""
    np = require("numpy")
    tensors = {}
    crc = 0
    try:
        with path.open("rb") as file:
            metadata, entries = _read_header(file, path)
            for entry in entries:
                content = file.read(entry.end - entry.begin)
                crc = zlib.crc32(content, crc)
                stored = np.frombuffer(content, DTYPES[entry.dtype]).reshape(entry.shape)
                tensors[entry.name] = (
                    widened(stored)
                    if entry.dtype == "BF16"
                    else stored.astype(stored.dtype.newbyteorder("="))
                )
    except OSError as error:
        raise UserError(reason(error)) from None
    meta = _parse(str(metadata.get("meta")).encode(errors="replace"))
    if meta is None:
        raise _damaged(path, "its metadata is incomplete")
    if metadata.get("crc32") != f"{crc:08x}":
        raise _damaged(path, "the checksum of its data differs")
    return Checkpoint(meta, tensors)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the file has its name only once it is complete."""
    header, pieces = _lay_out(checkpoint.tensors)
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    header[METADATA] = {
        "format": FORMAT,
        "version": str(VERSION),
        "crc32": f"{crc:08x}",
        "meta": _compact(checkpoint.meta).decode(),
    }
    header[METADATA]["header_crc32"] = f"{zlib.crc32(_compact(header)):08x}"
    _write(path, header, pieces)


def write_safetensors(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write a plain safetensors file, as other programs read it."""
    header, pieces = _lay_out(tensors)
    _write(path, header | {METADATA: metadata}, pieces)


def _lay_out(tensors: dict[str, np.ndarray]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header's entries and the bytes of all tensors, one after another."""
    np = require("numpy")
    # Widest elements first, so that each tensor lies aligned in the file.
    arrays = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    header: dict[str, Any] = {}
    offset = 0
    pieces = []
    for name, array in arrays:
        little = np.asarray(array, array.dtype.newbyteorder("<"))
        pieces.append(little.tobytes())
        header[name] = {
            "dtype": NAME_OF[little.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(pieces[-1])],
        }
        offset += len(pieces[-1])
    return header, pieces


def _write(path: Path, header: dict[str, Any], pieces: list[bytes]) -> None:
    """Write the length, the header and the tensors."""
    text = _compact(header)
    text += b" " * (-len(text) % 8)
    with atomic_file(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for piece in pieces:
            file.write(piece)


def widened(bits: np.ndarray) -> np.ndarray:
    """Turn the 16-bit patterns of bfloat16 into float32, which holds the same values."""
    np = require("numpy")
    wide = np.empty(bits.shape, np.uint32)
    wide[...] = bits
    wide <<= 16
    return wide.view(np.float32)


def _read_header(file: BinaryIO, path: Path) -> tuple[dict[str, Any], list[Entry]]:
    """Read the length and the header, check them, and leave the file at the first tensor."""
    size = file.seek(0, 2)
    file.seek(0)
    if size < 8:
        raise UserError(f"{path} is cut off: {size} of at least 8 bytes")
    (length,) = struct.unpack("<Q", file.read(8))
    text = file.read(min(length, LONGEST_HEADER))
    if len(text) < length <= LONGEST_HEADER and text[:1] in (b"", b"{"):
        raise UserError(f"{path} is cut off: {size} of at least {8 + length} bytes")
    header = _parse(text) if len(text) == length else None
    metadata = header.pop(METADATA, None) if header else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise UserError(f"{path} is not a checkpoint of this project")
    version = str(metadata.get("version"))
    if not re.fullmatch("[0-9]{1,9}", version) or int(version) < 1:
        raise _damaged(path, "its version is no number")
    if int(version) > VERSION:
        raise UserError(f"{path} was written by a newer version ({version}); this reads {VERSION}")
    recorded = metadata.pop("header_crc32", None)
    if recorded != f"{zlib.crc32(_compact(header | {METADATA: metadata})):08x}":
        raise _damaged(path, "the checksum of its header differs")
    entries = sorted(
        (_entry(name, value, path) for name, value in header.items()),
        key=lambda entry: (entry.begin, entry.end),
    )
    end = 0
    for entry in entries:
        if entry.begin != end:
            raise _damaged(path, f"tensors overlap or leave a gap at {entry.name}")
        end = entry.end
    whole = 8 + length + end
    if size < whole:
        raise UserError(f"{path} is cut off: {size} of {whole} bytes; take an older checkpoint")
    if size > whole:
        raise _damaged(path, f"{size - whole} bytes follow its end")
    return metadata, entries


def _entry(name: str, value: Any, path: Path) -> Entry:
    """Check one tensor's dtype, shape and place, and that they agree."""
    np = require("numpy")
    problem = _damaged(path, f"shape, dtype and offsets of {name} disagree")
    try:
        dtype, shape, (begin, end) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
        size = np.dtype(DTYPES[dtype]).itemsize
    except (TypeError, ValueError, LookupError):
        raise problem from None
    for number in (*shape, begin, end):
        if type(number) is not int or number < 0:
            raise problem
    bound = size
    for extent in shape:
        size *= extent
        bound *= max(extent, 1)
    if size != end - begin or len(shape) > 64 or bound > 1 << 62:
        raise problem
    return Entry(name, dtype, shape, begin, end)


def _parse(text: bytes) -> dict[str, Any] | None:
    """Parse the text of a JSON object; nothing where it is none."""
    try:
        value = json.loads(text.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _compact(value: dict[str, Any]) -> bytes:
    """Write JSON as the programs do: no spaces, sorted keys, UTF-8."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.encode(errors="replace")


def _damaged(path: Path, how: str) -> UserError:
    """Say that a file is damaged."""
    return UserError(f"{path} is damaged ({how}); take an older checkpoint of the run")
