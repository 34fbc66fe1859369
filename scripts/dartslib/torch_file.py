"""Reading and writing tensors in the files of `torch.save`, without PyTorch.

Both formats are read: the zip archive of PyTorch 1.6 and later, and the sequence of pickles before
it, in which the published DARTS models are. The pickle in them may describe tensors, containers
and plain values; whatever else it asks for is refused, since a pickle may otherwise run any code.
"""

from __future__ import annotations

import math
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dartslib.atomic_file import atomic_file
from dartslib.checkpoint import widened
from dartslib.cli import UserError, require
from dartslib.pickles import PICKLE_ERRORS

if TYPE_CHECKING:
    import numpy as np

BFLOAT16 = "bfloat16"  # NumPy has none: it is read as float32, which holds its values exactly
STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}
STORAGE_OF = {code: name for name, code in STORAGES.items() if code != BFLOAT16}

ZIP_START = b"PK\x03\x04"
ALIGNMENT = 64  # of a storage in the archive, so that it can be mapped into memory
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
ROOM = 64 << 20  # bytes that a file's arrays may take, beside 8 times its size (shared storages)
# What torch.save writes, and no opcode that takes memory on a damaged file's word.
OPCODES = (
    *(pickle.PROTO, pickle.STOP, pickle.GLOBAL, pickle.REDUCE, pickle.BUILD),
    *(pickle.BINPERSID, pickle.MARK, pickle.BINPUT, pickle.LONG_BINPUT, pickle.BINGET),
    *(pickle.LONG_BINGET, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BININT),
    *(pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.BINFLOAT, pickle.BINUNICODE),
    *(pickle.SHORT_BINSTRING, pickle.BINSTRING, pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1),
    *(pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS),
    *(pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    pickle.NEWOBJ,
)
# What training scripts save beside a state_dict, and where they put it.
BESIDE = (
    *("argparse.Namespace", "_codecs.encode", "numpy.dtype", "pathlib.PosixPath"),
    *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
)
ROOFS = ("state_dict", "model_state_dict", "model", "net", "network")
# What a damaged file makes pickle, struct and zipfile raise.
FILE_ERRORS = (*PICKLE_ERRORS, struct.error, zipfile.BadZipFile, RuntimeError)


class Refused(pickle.UnpicklingError):
    """A pickle that asks for more than tensors need."""


@dataclass
class Storage:
    """The elements behind tensors: the file has them under `key`, these begin at `start`."""

    code: str
    key: str
    numel: int
    start: int = 0


class Tensor:
    """A view of a storage, as a pickle describes it; nothing in it has been checked yet."""

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> None:
        """Take the arguments of `torch._utils._rebuild_tensor_v2`."""
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def __setstate__(self, state: Any) -> None:
        """Pass over what an old Variable or Parameter kept beside its data."""


class Unread:
    """Stand in for what is no tensor, whatever a pickle does to it."""

    def __new__(cls, *_: Any) -> Unread:
        """Take any arguments."""
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        """Take any arguments."""

    def __setstate__(self, state: Any) -> None:
        """Pass over it."""


class TensorUnpickler(pickle._Unpickler):
    """Unpickle plain values, containers and the descriptions of tensors; refuse the rest.

    It is pickle's version in Python: the one in C can take all memory for a few damaged bytes.
    """

    dispatch = {code[0]: pickle._Unpickler.dispatch[code[0]] for code in OPCODES}  # noqa: RUF012

    def __init__(self, file: BinaryIO) -> None:
        """Read from an open file, as far as the pickle goes."""
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the few names that tensors need."""
        allowed = {
            "collections.OrderedDict": OrderedDict,
            "torch.Size": self._size,
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_parameter": self._data_of,
            "torch.nn.parameter.Parameter": self._data_of,
            "torch.autograd.variable.Variable": self._data_of,
        }
        if module in ("torch", "torch.cuda") and name in STORAGES:
            return name
        if f"{module}.{name}" in BESIDE:
            return Unread
        if f"{module}.{name}" not in allowed:
            raise Refused(
                f"refused to load {module}.{name}: only tensors by name are read (a state_dict, "
                "not a whole model)"
            )
        return allowed[f"{module}.{name}"]

    def load_global(self) -> None:
        """Read a module and a name, a line each, as pickle does, but in full."""
        lines = [self.readline() for _ in range(2)]
        if not all(line.endswith(b"\n") for line in lines):
            raise EOFError("the file ends within a name")
        self.append(self.find_class(*(line[:-1].decode() for line in lines)))

    dispatch[pickle.GLOBAL[0]] = load_global

    def persistent_load(self, pid: Any) -> Storage:
        """Return the storage that `("storage", type, key, device, numel[, view])` means."""
        kind, type_name, key, _, numel, *rest = pid
        if kind != "storage" or not isinstance(key, str) or not _is_size(numel):
            raise pickle.UnpicklingError("a storage is described in an unknown way")
        root = Storage(STORAGES[type_name], key, numel)
        self.storages.setdefault(key, root)
        if not rest or rest[0] is None:
            return root
        _, start, view_numel = rest[0]
        return Storage(root.code, key, view_numel, start)

    def _tensor(self, *arguments: Any) -> Tensor:
        """Stand in for the functions that build a tensor."""
        return Tensor(*arguments)

    def _data_of(self, data: Any, *_: Any) -> Any:
        """Stand in for the wrappers of a tensor."""
        return data

    def _size(self, size: Any) -> tuple[Any, ...]:
        """Stand in for torch.Size."""
        return tuple(size)


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read a dictionary or list of tensors, or that of a training checkpoint (see ROOFS).

    A list's tensors are named by their places, "0", "1", ... Strides are honoured: every array is
    contiguous and shares nothing with another. bfloat16 becomes float32.
    """
    try:
        with path.open("rb") as file:
            is_zip = file.read(len(ZIP_START)) == ZIP_START
            file.seek(0)
            return _read_zip(file, path) if is_zip else _read_legacy(file, path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except Refused as error:
        raise UserError(f"{path}: {error}") from None
    except FILE_ERRORS as error:
        raise UserError(f"{path}: cut off or damaged: {error or type(error).__name__}") from None


def _read_zip(file: BinaryIO, path: Path) -> dict[str, np.ndarray]:
    """Read the zip format: NAME/data.pkl, NAME/byteorder and the storages NAME/data/KEY."""
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise UserError(f"{path}: a zip archive, but not one that torch.save wrote")
        folder = pickles[0].removesuffix("data.pkl")
        for info in archive.infolist():  # what is small in the file stays small
            if info.compress_type != zipfile.ZIP_STORED:
                raise UserError(
                    f"{path}: {info.filename} is compressed; torch.save never does that"
                )
        order = "<"
        if f"{folder}byteorder" in archive.namelist():
            order = {b"little": "<", b"big": ">"}[archive.read(f"{folder}byteorder")]
        with archive.open(pickles[0]) as stream:
            content = TensorUnpickler(stream).load()

        def elements(storage: Storage) -> bytes:
            return archive.read(f"{folder}data/{storage.key}")

        room = ROOM + 8 * file.seek(0, 2)
        return _arrays(_select(content, path), elements, order, room, path)


def _read_legacy(file: BinaryIO, path: Path) -> dict[str, np.ndarray]:
    """Read the format before PyTorch 1.6: five pickles, then the storages one after another.

    The storages are little-endian on every machine, each behind its number of elements (int64).
    """
    try:
        magic = TensorUnpickler(file).load()
    except Refused:
        raise
    except FILE_ERRORS:
        magic = None
    if magic != LEGACY_MAGIC:
        raise UserError(f"{path}: not a file that torch.save wrote")
    version = TensorUnpickler(file).load()
    if version != LEGACY_VERSION:
        raise UserError(f"{path}: version {version!r} of PyTorch's old format is unknown")
    TensorUnpickler(file).load()  # sizes of C's types on the machine that wrote it
    unpickler = TensorUnpickler(file)
    content = unpickler.load()
    places: dict[str, tuple[int, int]] = {}
    for key in TensorUnpickler(file).load():
        storage = unpickler.storages[key]
        (numel,) = struct.unpack("<q", file.read(8))
        if numel != storage.numel:
            raise ValueError(f"storage {key} has {numel} elements, {storage.numel} were announced")
        places[key] = (file.tell(), numel * _itemsize(storage.code))
        file.seek(places[key][1], 1)

    def elements(storage: Storage) -> bytes:
        begin, size = places[storage.key]
        file.seek(begin)
        return file.read(size)

    room = ROOM + 8 * file.seek(0, 2)
    return _arrays(_select(content, path), elements, "<", room, path)


def _select(content: Any, path: Path) -> dict[str, Tensor]:
    """Find the tensors in what a file holds, and name them."""
    if isinstance(content, dict):
        under = [name for name in ROOFS if _holds_tensors(content.get(name))]
        if len(under) > 1:
            raise UserError(
                f"{path}: holds several state_dicts: {', '.join(under)}; save the one that you want"
            )
        content = content[under[0]] if under else content
    if isinstance(content, list | tuple):
        content = {str(place): value for place, value in enumerate(content)}
    if not isinstance(content, dict):
        raise UserError(f"{path}: neither a dictionary nor a list of tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise UserError(f"{path}: not a state_dict: {str(name)[:60]!r} is no tensor")
    return dict(content)


def _holds_tensors(value: Any) -> bool:
    """Say whether this is a dictionary with tensors."""
    return isinstance(value, dict) and any(isinstance(item, Tensor) for item in value.values())


def _arrays(
    tensors: Mapping[str, Tensor],
    elements: Callable[[Storage], bytes],
    order: str,
    room: int,
    path: Path,
) -> dict[str, np.ndarray]:
    """Read every tensor's elements in their byte `order`, `room` bytes at most."""
    arrays = {}
    for name, tensor in tensors.items():
        try:
            room -= _size_of(tensor)
            if room < 0:
                raise ValueError("its tensors are much larger than the file")
            arrays[name] = _array(tensor, elements, order)
        except FILE_ERRORS as error:
            raise UserError(f"{path}: cut off or damaged at {name}: {error}") from None
    return arrays


def _size_of(tensor: Tensor) -> int:
    """Check a tensor's description and return the bytes of its elements."""
    storage, size, stride = tensor.storage, tensor.size, tensor.stride
    if not (
        isinstance(storage, Storage)
        and isinstance(size, tuple)
        and isinstance(stride, tuple)
        and len(size) == len(stride)
        and all(map(_is_size, (*size, *stride, tensor.offset, storage.start, storage.numel)))
    ):
        raise ValueError("it is described in an unknown way")
    return math.prod(size) * _itemsize(storage.code)


def _array(tensor: Tensor, elements: Callable[[Storage], bytes], order: str) -> np.ndarray:
    """Copy the elements of a checked tensor into an array of its own."""
    np = require("numpy")
    storage, item = tensor.storage, _itemsize(tensor.storage.code)
    is_brain = storage.code == BFLOAT16
    if 0 in tensor.size:
        return np.empty(tensor.size, "f4" if is_brain else storage.code)
    begin = storage.start * item
    content = elements(storage)[begin : begin + storage.numel * item]
    if len(content) != storage.numel * item:
        raise ValueError(f"{len(content)} of {storage.numel * item} bytes are there")
    dtype = np.dtype(order + ("u2" if is_brain else storage.code))
    strides = [step * item for step in tensor.stride]
    view = np.ndarray(tensor.size, dtype, content, tensor.offset * item, strides)
    return widened(view) if is_brain else np.array(view, storage.code, order="C")


def _itemsize(code: str) -> int:
    """Return the bytes of an element."""
    return 2 if code == BFLOAT16 else int(code[1:])


def _is_size(value: Any) -> bool:
    """Say whether this is a whole number that a size, stride or offset can be."""
    return type(value) is int and 0 <= value <= sys.maxsize


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write tensors as an OrderedDict that `torch.load` reads, `weights_only` or not.

    The format is the zip archive; equal contents give equal bytes.
    """
    np = require("numpy")
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        _add(archive, file, "data.pkl", _encode(tensors))
        _add(archive, file, "byteorder", b"little")
        for key, array in enumerate(tensors.values()):
            little = np.asarray(array, array.dtype.newbyteorder("<"))
            _add(archive, file, f"data/{key}", little.tobytes())
        _add(archive, file, "version", b"3\n")


def _add(archive: zipfile.ZipFile, file: BinaryIO, name: str, content: bytes) -> None:
    """Add an entry whose content lies aligned, by an extra field as PyTorch pads it."""
    info = zipfile.ZipInfo(f"archive/{name}")
    begin = file.tell() + zipfile.sizeFileHeader + len(info.filename) + 4
    padding = -begin % ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    archive.writestr(info, content)


def _encode(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Write the pickle (protocol 2) of an OrderedDict of contiguous tensors."""
    empty = _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
    out = [pickle.PROTO + b"\x02", empty, pickle.MARK]
    for key, (name, array) in enumerate(tensors.items()):
        stride = [1] * array.ndim
        for axis in range(array.ndim - 1, 0, -1):
            stride[axis - 1] = stride[axis] * max(array.shape[axis], 1)
        storage = _tuple(
            _text("storage"),
            _global("torch", STORAGE_OF[f"{array.dtype.kind}{array.dtype.itemsize}"]),
            _text(str(key)),
            _text("cpu"),
            _integer(array.size),
        )
        arguments = _tuple(
            storage + pickle.BINPERSID,
            _integer(0),
            _tuple(*map(_integer, array.shape)),
            _tuple(*map(_integer, stride)),
            pickle.NEWFALSE,  # requires_grad
            empty,  # backward hooks
        )
        rebuild = _global("torch._utils", "_rebuild_tensor_v2")
        out += [_text(name), rebuild, arguments, pickle.REDUCE]
    return b"".join([*out, pickle.SETITEMS, pickle.STOP])


def _global(module: str, name: str) -> bytes:
    """Encode a name to import."""
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _text(text: str) -> bytes:
    """Encode a text."""
    content = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(content)) + content


def _integer(value: int) -> bytes:
    """Encode a whole number that is not negative."""
    if value < 1 << 31:
        return pickle.BININT + struct.pack("<i", value)
    content = pickle.encode_long(value)
    return pickle.LONG1 + bytes([len(content)]) + content


def _tuple(*parts: bytes) -> bytes:
    """Encode a tuple of encoded values."""
    return pickle.MARK + b"".join(parts) + pickle.TUPLE
