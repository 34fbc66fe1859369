"""import_reference.py and the files it reads and writes; PyTorch is the oracle where it works."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import pickle
import random
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Script, fails_in_one_line

import import_reference
from dartslib.checkpoint import Checkpoint, find_checkpoint, read_checkpoint, write_checkpoint
from dartslib.cli import UserError
from dartslib.torch_file import (
    _add,
    _global,
    _integer,
    _text,
    _tuple,
    read_tensors,
    write_tensors,
)

DATA = Path(__file__).parents[1] / "fixtures"
GOLDEN = Path(os.environ.get("DARTS_GOLDEN_DIR", DATA / "golden"))
LEGACY = DATA / "torch_legacy.pt"
CELLS = 5  # of the small evaluation network; its reduction cells are 1 and 3

# Of that network.
GENOTYPE_TEXT = """Genotype(
    normal=[('sep_conv_5x5', 0), ('dil_conv_3x3', 1), ('skip_connect', 0), ('max_pool_3x3', 2)],
    normal_concat=[2, 3],
    reduce=[('skip_connect', 0), ('max_pool_3x3', 1), ('conv_7x1_1x7', 2), ('avg_pool_3x3', 0)],
    reduce_concat=[3])"""

Tensors = dict[str, np.ndarray]


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, where it can be imported (not in a CPU-only set-up for C++ alone)."""
    try:
        import torch
    except (ImportError, OSError, ValueError) as error:
        pytest.skip(f"no torch in Python: {error}")
    return torch


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Run the script in this process, in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["import_reference.py", *map(str, arguments)])
        import_reference.main()

    return call


def same(left: Tensors, right: Tensors) -> bool:
    """Compare names in any order, shapes, dtypes and bits."""
    return left.keys() == right.keys() and all(
        (a.shape, a.dtype, a.tobytes()) == (right[n].shape, right[n].dtype, right[n].tobytes())
        for n, a in left.items()
    )


@pytest.fixture(scope="session")
def golden() -> Tensors:
    """A search network of the original, in float64, with alpha."""
    content = read_tensors(DATA / "golden" / "search_first_order.pt")
    return {n.removeprefix("init/"): a for n, a in content.items() if n.startswith("init/")}


@pytest.fixture
def search(golden: Tensors) -> Tensors:
    """The same as the original saves it: float32 and without alpha."""
    tensors = {n: a for n, a in golden.items() if not n.startswith("alphas")}
    return {n: a.astype(np.float32) if a.dtype == np.float64 else a for n, a in tensors.items()}


@pytest.fixture
def alphas(golden: Tensors) -> Tensors:
    return {n: a.astype(np.float32) for n, a in golden.items() if n.startswith("alphas")}


def norm_names(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    shapes = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return {f"{name}.{n}": s for n, s in (shapes | {"num_batches_tracked": ()}).items()}


def evaluation(channels: int = 4, image: int = 3, classes: int = 10) -> Tensors:
    """Make an evaluation network: normal sep, dil, skip, pool; reduction skip, conv 7x1, ..."""
    shapes = {"stem.0.weight": (3 * channels, image, 3, 3)} | norm_names("stem.1", 3 * channels)
    before, last, c = 3 * channels, 3 * channels, channels
    for cell in range(CELLS):
        reduction, name = cell in (1, 3), f"cells.{cell}"
        c *= 2 if reduction else 1
        if cell in (2, 4):
            for half in (1, 2):
                shapes[f"{name}.preprocess0.conv_{half}.weight"] = (c // 2, before, 1, 1)
            shapes |= norm_names(f"{name}.preprocess0.bn", c)
        else:
            shapes[f"{name}.preprocess0.op.1.weight"] = (c, before, 1, 1)
            shapes |= norm_names(f"{name}.preprocess0.op.2", c)
        shapes[f"{name}.preprocess1.op.1.weight"] = (c, last, 1, 1)
        shapes |= norm_names(f"{name}.preprocess1.op.2", c)
        if reduction:
            for half in (1, 2):
                shapes[f"{name}._ops.0.conv_{half}.weight"] = (c // 2, c, 1, 1)
            shapes |= norm_names(f"{name}._ops.0.bn", c)
            shapes[f"{name}._ops.2.1.weight"] = (c, c, 1, 7)
            shapes[f"{name}._ops.2.2.weight"] = (c, c, 7, 1)
            shapes |= norm_names(f"{name}._ops.2.3", c)
        else:
            for first, kernel, op in ((1, 5, 0), (5, 5, 0), (1, 3, 1)):
                shapes[f"{name}._ops.{op}.op.{first}.weight"] = (c, 1, kernel, kernel)
                shapes[f"{name}._ops.{op}.op.{first + 1}.weight"] = (c, c, 1, 1)
                shapes |= norm_names(f"{name}._ops.{op}.op.{first + 2}", c)
        before, last = last, (1 if reduction else 2) * c
        if cell == 3:
            shapes["auxiliary_head.features.2.weight"] = (128, last, 1, 1)
            shapes |= norm_names("auxiliary_head.features.3", 128)
            shapes["auxiliary_head.features.5.weight"] = (768, 128, 2, 2)
            shapes |= norm_names("auxiliary_head.features.6", 768)
            shapes["auxiliary_head.classifier.weight"] = (classes, 768)
            shapes["auxiliary_head.classifier.bias"] = (classes,)
    shapes |= {"classifier.weight": (classes, last), "classifier.bias": (classes,)}
    return {
        name: np.array(3) if name.endswith("tracked") else np.full(shape, number, np.float32)
        for number, (name, shape) in enumerate(shapes.items())
    }


# --- Files of torch.save


def test_golden_files_are_readable() -> None:
    files = sorted((DATA / "golden").glob("*.pt"))
    assert files
    for file in files:
        tensors = read_tensors(file)
        assert tensors and all(array.flags.c_contiguous for array in tensors.values())
    assert read_tensors(DATA / "golden" / "search_first_order.pt")["meta"].dtype == np.int64


def test_legacy_file() -> None:
    """Written by PyTorch 2.11 with _use_new_zipfile_serialization=False."""
    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert same(
        read_tensors(LEGACY),
        {
            "weight": base / 2,
            "view": np.ascontiguousarray(base.T[1:, 1:]),
            "row": base[1],
            "double": np.array([1 / 3]),
            "half": np.array([1.5, -2], np.float16),
            "brain": np.array([1, -3.5], np.float32),
            "mask": np.array([True, False]),
            "byte": np.array([255], np.uint8),
            "small": np.array([-5], np.int16),
            "count": np.array(7),
            "empty": np.empty((0, 3), np.float32),
            "expanded": np.array([2, 2, 2], np.float32),
        },
    )


EVERY_KIND = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "transposed": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "big_endian": np.arange(3, dtype=">f4"),
    "scalar": np.array(-1, np.int64),
    "empty": np.empty((2, 0, 3), np.float16),
    **{code: np.array([[1, 0]], code) for code in ("f2", "i4", "i2", "i1", "u1", "b1")},
}


def test_what_is_written_reads_equal(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt"):
        write_tensors(tmp_path / name, EVERY_KIND)
    native = {n: np.array(a, a.dtype.newbyteorder("="), order="C") for n, a in EVERY_KIND.items()}
    assert same(read_tensors(tmp_path / "a.pt"), native)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pt", "b.pt"]


def storage(key: str, numel: int, kind: bytes = b"", *view: bytes) -> bytes:
    kind = kind or _global("torch.cuda", "FloatStorage")
    parts = _tuple(_text("storage"), kind, _text(key), _text("cuda:0"), _integer(numel), *view)
    return parts + pickle.BINPERSID


def tensor(
    store: bytes, offset: int, size: list[int], stride: list[int], rebuild: str = "_rebuild_tensor"
) -> bytes:
    layout = (_tuple(*map(_integer, numbers)) for numbers in (size, stride))
    arguments = _tuple(store, _integer(offset), *layout)
    return _global("torch._utils", rebuild) + arguments + pickle.REDUCE


def dictionary(**values: bytes) -> bytes:
    items = b"".join(_text(name) + value for name, value in values.items())
    return b"\x80\x02" + pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS + pickle.STOP


def legacy(content: bytes, **storages: list[float]) -> bytes:
    header = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    data = b"".join(struct.pack(f"<q{len(v)}f", len(v), *v) for _, v in sorted(storages.items()))
    head = b"".join(pickle.dumps(value, 2) for value in header)
    return head + content + pickle.dumps(sorted(storages), 2) + data


def archive(content: bytes, byteorder: bytes = b"little", **storages: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        _add(out, file, "data.pkl", content)
        _add(out, file, "byteorder", byteorder)
        for key, data in storages.items():
            _add(out, file, f"data/{key}", data)
    return file.getvalue()


def test_legacy_file_of_2018(tmp_path: Path) -> None:
    """From a GPU, by PyTorch 0.3: _rebuild_tensor, views of storages, Variables."""
    view = _tuple(_text("7"), _integer(1), _integer(3))
    variable = _global("torch.autograd.variable", "Variable")
    variable += _tuple(tensor(storage("1", 2), 0, [2], [1])) + pickle.REDUCE
    variable += _tuple(pickle.NEWTRUE, pickle.NEWFALSE, pickle.NONE) + pickle.BUILD
    content = dictionary(
        view=tensor(storage("0", 4, b"", view), 1, [2], [1]),
        column=tensor(storage("0", 4), 1, [2, 1], [2, 1]),
        variable=variable,
    )
    file = tmp_path / "old.pt"
    file.write_bytes(legacy(content, **{"0": [1, 2, 3, 4], "1": [5, 6]}))
    expected = {"view": [3, 4], "column": [[2], [4]], "variable": [5, 6]}
    assert same(read_tensors(file), {n: np.array(v, np.float32) for n, v in expected.items()})


def test_big_endian_archive(tmp_path: Path) -> None:
    content = dictionary(a=tensor(storage("k", 2), 0, [2], [1]))
    (tmp_path / "a.pt").write_bytes(archive(content, b"big", k=struct.pack(">2f", 1, 2)))
    assert read_tensors(tmp_path / "a.pt")["a"].tolist() == [1, 2]


def test_state_dict_in_a_training_checkpoint(tmp_path: Path) -> None:
    inner = dictionary(w=tensor(storage("k", 1), 0, [1], [1]))[2:-1]
    content = dictionary(epoch=_integer(3), state_dict=inner)
    (tmp_path / "a.pt").write_bytes(archive(content, k=struct.pack("<f", 4)))
    assert read_tensors(tmp_path / "a.pt")["w"].tolist() == [4]


def zipped(name: str, compression: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        out.writestr(name, b"x" * 100)
    return file.getvalue()


GOOD = tensor(storage("k", 4), 0, [2, 2], [2, 1])
FOUR = struct.pack("<4f", 1, 2, 3, 4)
BAD_FILES = {
    "nothing": (b"", "not a file that torch.save wrote"),
    "text": (b"hello\n" * 20, "not a file that torch.save wrote"),
    "another pickle": (pickle.dumps([1]), "not a file that torch.save wrote"),
    "old tar": (b"./PaxHeaders" + b"\0" * 600, "not a file that torch.save wrote"),
    "version": (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1002, 2), "version 1002"),
    "evil, bare": (b"\x80\x02cposix\nsystem\n(X\x04\0\0\0truetR.", "refused to load posix.system"),
    "evil, zip": (
        archive(dictionary(a=_global("os", "system") + _tuple(_text("true")) + pickle.REDUCE)),
        "refused to load os.system",
    ),
    "evil, legacy": (legacy(dictionary(a=_global("builtins", "eval"))), "load builtins.eval"),
    "whole model": (archive(dictionary(a=_global("model", "Network"))), "not a whole model"),
    "complex": (
        archive(dictionary(a=storage("k", 1, _global("torch", "ComplexFloatStorage")))),
        "torch.ComplexFloatStorage",
    ),
    "number": (archive(dictionary(epoch=_integer(1))), "'epoch' is no tensor"),
    "no dictionary": (archive(b"\x80\x02K\x01."), "neither a dictionary nor a list"),
    "storage missing": (archive(dictionary(a=GOOD)), "damaged at a"),
    "storage short": (archive(dictionary(a=GOOD), k=FOUR[:-1]), "15 of 16 bytes"),
    "out of bounds": (
        archive(dictionary(a=tensor(storage("k", 4), 1, [2, 2], [2, 1])), k=FOUR),
        "damaged at a",
    ),
    "expanded": (
        archive(dictionary(a=tensor(storage("k", 4), 0, [1 << 30, 1 << 30], [0, 0])), k=FOUR),
        "much larger than the file",
    ),
    "odd shape": (
        archive(dictionary(a=tensor(storage("k", 4), 0, [2, 2], [1])), k=FOUR),
        "described in an unknown way",
    ),
    "odd byte order": (archive(dictionary(a=GOOD), b"middle", k=FOUR), "damaged"),
    "legacy numel": (legacy(dictionary(a=GOOD), k=[1, 2]), "2 elements, 4 were announced"),
    "another zip": (zipped("a.txt", zipfile.ZIP_STORED), "not one that torch.save wrote"),
    "compressed": (zipped("archive/data.pkl", zipfile.ZIP_DEFLATED), "data.pkl is compressed"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(tmp_path: Path, case: str) -> None:
    content, message = BAD_FILES[case]
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        read_tensors(tmp_path / "bad.pt")
    assert str(raised.value).startswith(f"{tmp_path}/bad.pt: ")
    assert "\n" not in str(raised.value)


def test_cut_off_files(tmp_path: Path) -> None:
    file = tmp_path / "cut.pt"
    for content in (LEGACY.read_bytes(), archive(dictionary(a=GOOD), k=FOUR)):
        for length in range(0, len(content) - 1, 11):
            file.write_bytes(content[:length])
            with pytest.raises(UserError, match=r"cut off or damaged|not a file that"):
                read_tensors(file)


def test_damaged_files_never_crash(tmp_path: Path) -> None:
    chance, file = random.Random(1), tmp_path / "damaged.pt"
    for content in (LEGACY.read_bytes(), archive(dictionary(a=GOOD), k=FOUR)):
        for _ in range(150):
            damaged = bytearray(content)
            for _ in range(chance.randint(1, 3)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            file.write_bytes(damaged)
            with contextlib.suppress(UserError):
                read_tensors(file)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.pt"):
        with pytest.raises(UserError, match=re.escape(str(path))):
            read_tensors(path)


# --- Against PyTorch


@pytest.fixture(scope="session")
def model(torch: Any) -> Any:
    """A model with batch norm, a channels-last weight, and tensors of many kinds."""
    torch.manual_seed(1)
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False))
    model.append(nn.ModuleDict({"deep": nn.Linear(5, 2).double()}))
    model[:3](torch.randn(2, 3, 8, 8))
    return model.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("as_zip", [True, False])
def test_reads_what_torch_writes(torch: Any, model: Any, tmp_path: Path, as_zip: bool) -> None:
    base = torch.arange(24.0).reshape(2, 3, 4)
    state = model.state_dict()
    state |= {
        "view": base.permute(2, 0, 1)[1:, :, ::2],
        "shared": base[1],
        "expanded": base[0, :1].expand(3, 4),
        "parameter": torch.nn.Parameter(base),
        "empty": torch.empty(0, 2),
        "brain": base.to(torch.bfloat16) / 3,
    }
    kinds = ("float16", "int32", "int16", "int8", "uint8", "bool")
    state |= {kind: base.to(getattr(torch, kind)) for kind in kinds}
    file = tmp_path / "model.pt"
    torch.save(state, file, _use_new_zipfile_serialization=as_zip)
    state["brain"] = state["brain"].float()
    arrays = read_tensors(file)
    assert same(arrays, {n: t.detach().contiguous().numpy() for n, t in state.items()})
    torch.save(list(state.values())[:2], file, _use_new_zipfile_serialization=as_zip)
    assert list(read_tensors(file)) == ["0", "1"]


@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("roof", ["net", "model", "state_dict"])
def test_state_dict_beside_what_scripts_save(
    torch: Any, tmp_path: Path, roof: str, as_zip: bool
) -> None:
    state = {"w": torch.tensor([4.0])}
    beside = {"args": argparse.Namespace(lr=0.1, tags=["a"]), "acc": np.float64(97.3), "epoch": 3}
    file = tmp_path / "a.pt"
    torch.save({roof: state, **beside}, file, _use_new_zipfile_serialization=as_zip)
    assert read_tensors(file)["w"].tolist() == [4]
    torch.save({"net": state, "model": state}, file)
    with pytest.raises(UserError, match="holds several state_dicts: model, net"):
        read_tensors(file)


def test_torch_reads_what_is_written(torch: Any, model: Any, tmp_path: Path) -> None:
    state = {n: t.contiguous().numpy() for n, t in model.state_dict().items()}
    write_tensors(tmp_path / "a.pt", state)
    for options in ({"weights_only": True}, {"weights_only": False}, {"mmap": True}):
        loaded = torch.load(tmp_path / "a.pt", **options)
        assert type(loaded).__name__ == "OrderedDict"
        assert all(t.is_contiguous() and t.data_ptr() % 8 == 0 for t in loaded.values())
        assert same({n: t.numpy() for n, t in loaded.items()}, state)
    fresh = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.BatchNorm2d(4, affine=False)
    )
    fresh.append(torch.nn.ModuleDict({"deep": torch.nn.Linear(5, 2).double()}))
    fresh.load_state_dict(loaded, strict=True)
    write_tensors(tmp_path / "b.pt", EVERY_KIND)
    loaded = torch.load(tmp_path / "b.pt", weights_only=True)
    assert all(loaded[n].tolist() == array.tolist() for n, array in EVERY_KIND.items())
    assert all(loaded[n].shape == array.shape for n, array in EVERY_KIND.items())


def test_golden_files_read_as_torch_reads_them(torch: Any) -> None:
    for name in ("ops.pt", "mixed_op.pt"):
        expected = torch.load(DATA / "golden" / name, weights_only=True)
        arrays = {n: t.contiguous().numpy() for n, t in expected.items()}
        assert same(read_tensors(DATA / "golden" / name), arrays)


# --- Checkpoints


META = {"kind": "supernet", "name": 'tab\t "é" \x7f'}
STORED = {"b": np.arange(3, dtype=np.float32), "a": np.array(5), "é": np.zeros((0, 2), bool)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "c.safetensors", Checkpoint(META, STORED))
    return tmp_path / "c.safetensors"


def rewrite_header(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a header and put its checksum right."""
    content = file.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:end])
    change(header)
    header["__metadata__"].pop("header_crc32", None)
    text = json.dumps(header, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    header["__metadata__"]["header_crc32"] = f"{zlib.crc32(text.encode()):08x}"
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + content[end:])


def test_checkpoint_round_trip(checkpoint: Path) -> None:
    read = read_checkpoint(checkpoint)
    assert read.meta == META and same(read.tensors, STORED)
    assert list(read.tensors) == ["a", "b", "é"]  # widest elements first
    content = checkpoint.read_bytes()
    write_checkpoint(checkpoint, read)
    assert checkpoint.read_bytes() == content
    rewrite_header(checkpoint, lambda header: None)
    assert same(read_checkpoint(checkpoint).tensors, STORED)


def test_checkpoint_header_as_the_programs_write_it(tmp_path: Path) -> None:
    """The bytes that save_checkpoint of src/core/checkpoint.cpp gives for these contents."""
    write_checkpoint(tmp_path / "c", Checkpoint({}, {"x": np.array([1.5], np.float32)}))
    metadata = (
        '{"__metadata__":{"crc32":"%08x","format":"darts-checkpoint"%s,"meta":"{}","version":"1"},'
        '"x":{"data_offsets":[0,4],"dtype":"F32","shape":[1]}}'
    )
    data = struct.pack("<f", 1.5)
    crc = zlib.crc32((metadata % (zlib.crc32(data), "")).encode())
    text = (metadata % (zlib.crc32(data), f',"header_crc32":"{crc:08x}"')).encode()
    text += b" " * (-len(text) % 8)
    assert (tmp_path / "c").read_bytes() == struct.pack("<Q", len(text)) + text + data


def test_bfloat16_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "c"
    bits = np.array([0x3F80, 0xC060], np.uint16).view(np.int16)
    write_checkpoint(file, Checkpoint({}, {"x": bits}))
    rewrite_header(file, lambda header: header["x"].update(dtype="BF16"))
    assert same(read_checkpoint(file).tensors, {"x": np.array([1, -3.5], np.float32)})


def test_cut_off_and_damaged_checkpoints(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    for length in range(0, len(content), 3):
        checkpoint.write_bytes(content[:length])
        with pytest.raises(UserError, match="is cut off"):
            read_checkpoint(checkpoint)
    for place in range(0, len(content), 2):
        damaged = bytearray(content)
        damaged[place] ^= 0x11
        checkpoint.write_bytes(damaged)
        # Blanks that pad the header are covered by no checksum, nor need they be.
        if content[place : place + 1] != b" ":
            with pytest.raises(UserError, match=r"damaged|cut off|not a checkpoint"):
                read_checkpoint(checkpoint)
    checkpoint.write_bytes(content + b"x")
    with pytest.raises(UserError, match="1 bytes follow its end"):
        read_checkpoint(checkpoint)


HEADERS = {
    "newer": (lambda h: h["__metadata__"].update(version="2"), "newer version (2)"),
    "version": (lambda h: h["__metadata__"].update(version="new"), "version is no number"),
    "foreign": (lambda h: h["__metadata__"].update(format="pt"), "not a checkpoint"),
    "meta": (lambda h: h["__metadata__"].update(meta="[]"), "metadata is incomplete"),
    "dtype": (lambda h: h["a"].update(dtype="C64"), "of a disagree"),
    "shape": (lambda h: h["a"].update(shape=[2]), "of a disagree"),
    "huge": (lambda h: h["é"].update(shape=[0, 1 << 63]), "of é disagree"),
    "negative": (lambda h: h["b"].update(shape=[-1, -3]), "of b disagree"),
    "offsets": (lambda h: h["b"].update(data_offsets=[9, 21]), "gap at b"),
    "no object": (lambda h: h.update(b=1), "of b disagree"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_wrong_headers(checkpoint: Path, case: str) -> None:
    change, message = HEADERS[case]
    rewrite_header(checkpoint, change)
    with pytest.raises(UserError, match=re.escape(message)):
        read_checkpoint(checkpoint)


def test_other_files_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PK\x03\x04" * 20)
    with pytest.raises(UserError, match="not a checkpoint"):
        read_checkpoint(tmp_path / "a")
    with pytest.raises(UserError, match="No such file"):
        read_checkpoint(tmp_path / "none")


def test_newest_checkpoint_of_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoints/"):
        find_checkpoint(tmp_path)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in ("epoch_002_step_000009", "epoch_010_step_000000", "epoch_009_step_1000000"):
        (folder / f"{name}.safetensors").touch()
    (folder / "best.safetensors").touch()
    assert find_checkpoint(tmp_path).name == "epoch_010_step_000000.safetensors"
    assert find_checkpoint(folder / "best.safetensors").name == "best.safetensors"


# --- The script


def test_import_export_import(
    run: Any, search: Tensors, alphas: Tensors, tmp_path: Path, capsys: Any
) -> None:
    write_tensors(tmp_path / "weights.pt", search | alphas)
    run("weights.pt", "-o", "c.safetensors")
    assert capsys.readouterr().out.splitlines()[1:] == [
        "alpha: imported",
        "c.safetensors",
        "next: darts_search --config cifar10.yaml --set space.channels=4 --set space.cells=4 "
        "--init-from c.safetensors",
    ]
    imported = read_checkpoint(tmp_path / "c.safetensors")
    assert same(imported.tensors, {f"model.{n}": a for n, a in (search | alphas).items()})
    run("--export", "c.safetensors", "-o", "back.pt")
    assert capsys.readouterr().out.splitlines() == ["back.pt", "back_alphas.pt"]
    assert same(read_tensors(tmp_path / "back.pt"), search)
    assert same(read_tensors(tmp_path / "back_alphas.pt"), alphas)
    (tmp_path / "back.pt").rename(tmp_path / "weights.pt")
    run("weights.pt", "--alphas", "back_alphas.pt", "-o", "again.safetensors")
    content = (tmp_path / "c.safetensors").read_bytes()
    assert (tmp_path / "again.safetensors").read_bytes() == content


def test_meta_and_report(run: Any, golden: Tensors, tmp_path: Path, capsys: Any) -> None:
    meta = read_tensors(DATA / "golden" / "search_first_order.pt")["meta"].tolist()
    sizes = {"channels": meta[0], "cells": meta[1], "nodes": 4, "classes": meta[2]}
    sizes |= {"image_channels": 3, "primitives": 8}
    write_tensors(tmp_path / "w.pt", {n: a for n, a in golden.items() if "alphas" not in n})
    run("w.pt", "-o", "c.safetensors", "--keep-dtype")
    assert "alpha: not in the file (see --alphas); it starts anew" in capsys.readouterr().out
    read = read_checkpoint(tmp_path / "c.safetensors")
    assert read.meta == {"kind": "supernet", "imported_from": "w.pt", "network": sizes}
    assert read.tensors["model.stem.0.weight"].dtype == np.float64
    run("w.pt", "-o", "c.safetensors")
    read = read_checkpoint(tmp_path / "c.safetensors")
    assert {a.dtype.str for a in read.tensors.values()} == {"<f4", "<i8"}
    assert not any("alphas" in name for name in read.tensors)


def test_data_parallel_of_2018(run: Any, search: Tensors, tmp_path: Path, capsys: Any) -> None:
    old = {f"module.{n}": a for n, a in search.items() if not n.endswith("tracked")}
    write_tensors(tmp_path / "w.pt", old)
    run("w.pt", "-o", "c.safetensors")
    counters = len(search) - len(old)
    assert f"num_batches_tracked: set to 0 in {counters} batch norms" in capsys.readouterr().out
    read = read_checkpoint(tmp_path / "c.safetensors").tensors
    zeroed = {n: np.array(0) if n.endswith("tracked") else a for n, a in search.items()}
    assert same(read, {f"model.{n}": a for n, a in zeroed.items()})


@pytest.mark.parametrize("wrapper", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_wrapped_networks(run: Any, search: Tensors, tmp_path: Path, wrapper: str) -> None:
    write_tensors(tmp_path / "w.pt", {f"{wrapper}{n}": a for n, a in search.items()})
    run("w.pt", "-o", "c.safetensors")
    read = read_checkpoint(tmp_path / "c.safetensors").tensors
    assert same(read, {f"model.{n}": a for n, a in search.items()})


def test_export_of_a_run(run: Any, search: Tensors, tmp_path: Path) -> None:
    for epoch in (1, 2):
        tensors = {f"model.{n}": a + epoch for n, a in search.items()}
        other = {"w_optimizer.x": np.zeros(1), "model.alphas_normal": np.zeros((2, 3))}
        file = tmp_path / "run" / "checkpoints" / f"epoch_00{epoch}_step_000000.safetensors"
        write_checkpoint(file, Checkpoint({}, tensors | other))
    run("--export", "run", "-o", "w.pt")
    assert same(read_tensors(tmp_path / "w.pt"), {n: a + 2 for n, a in search.items()})
    assert list(read_tensors(tmp_path / "w_alphas.pt")) == ["alphas_normal"]


def test_evaluation_network(run: Any, tmp_path: Path, capsys: Any) -> None:
    tensors = evaluation()
    write_tensors(tmp_path / "w.pt", tensors)
    (tmp_path / "made_up.txt").write_text(GENOTYPE_TEXT)
    run("w.pt", "--genotype", "made_up.txt", "-o", "c.safetensors")
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "evaluation network: 4 channels, 5 cells, 2 nodes, 10 classes, 3 image channels",
        "c.safetensors",
        "next: darts_eval c.safetensors --data-root data",
    ]
    read = read_checkpoint(tmp_path / "c.safetensors")
    network = read.meta["network"]
    assert read.meta["kind"] == "evaluation"
    assert network["genotype"]["reduce"][1][0] == ["conv_7x1_1x7", 2]
    assert network["genotype"]["reduce_concat"] == [3]
    assert (network["stem"], network["cells"], network["channels"]) == ("cifar", 5, 4)
    assert (network["dataset"], network["auxiliary"], network["height"]) == ("cifar10", True, 32)
    assert network["class_names"][:2] == ["airplane", "automobile"]
    run("--export", "c.safetensors", "-o", "back.pt")
    assert same(read_tensors(tmp_path / "back.pt"), tensors)
    assert not (tmp_path / "back_alphas.pt").exists()


def test_class_names(run: Any, tmp_path: Path) -> None:
    write_tensors(tmp_path / "w.pt", evaluation(classes=3))
    (tmp_path / "g.txt").write_text(GENOTYPE_TEXT)
    (tmp_path / "names.txt").write_text("cat\ndog\n\nfish\n")
    arguments = ("w.pt", "--genotype", "g.txt", "-o", "c.safetensors")
    run(*arguments, "--class-names", "names.txt")
    network = read_checkpoint(tmp_path / "c.safetensors").meta["network"]
    assert (network["class_names"], network["dataset"]) == (["cat", "dog", "fish"], "")
    run(*arguments)
    network = read_checkpoint(tmp_path / "c.safetensors").meta["network"]
    assert network["class_names"] == ["0", "1", "2"]
    (tmp_path / "names.txt").write_text("cat\n")
    with pytest.raises(UserError, match="1 class names for 3 classes"):
        run(*arguments, "--class-names", "names.txt")
    with pytest.raises(UserError, match=r"no\.txt: No such file"):
        run(*arguments, "--class-names", "no.txt")


def test_operations_that_the_original_lacks(run: Any, tmp_path: Path) -> None:
    write_tensors(tmp_path / "w.pt", evaluation())
    (tmp_path / "g.txt").write_text(GENOTYPE_TEXT.replace("skip_connect", "skip_connection"))
    with pytest.raises(UserError, match=r"no operation 'skip_connection', did you mean"):
        run("w.pt", "--genotype", "g.txt", "-o", "c.safetensors")


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("eval_*.pt")), ids=lambda file: file.stem)
def test_golden_evaluation_networks(run: Any, tmp_path: Path, capsys: Any, file: Path) -> None:
    content = read_tensors(file)
    tensors = {n.removeprefix("init/"): a for n, a in content.items() if n.startswith("init/")}
    for name, shape in content.items():
        if name.startswith("wave_shape/"):
            tensors[name.removeprefix("wave_shape/")] = np.zeros(shape)
    write_tensors(tmp_path / "w.pt", tensors)
    genotype = {"format": "darts-genotype", "version": 1}
    genotype |= json.loads(content["genotype_json"].tobytes())
    (tmp_path / "g.json").write_text(json.dumps(genotype))
    run("w.pt", "--genotype", "g.json", "-o", "c.safetensors")
    channels, cells, classes = content["meta"].tolist()[:3]
    expected = f"evaluation network: {channels} channels, {cells} cells, "
    assert re.match(rf"{expected}\d nodes, {classes} classes,", capsys.readouterr().out)
    with pytest.raises(UserError, match=r"w\.pt: not a network of the genotype NASNet: missing: "):
        run("w.pt", "--genotype", "NASNet", "-o", "c.safetensors")


def changed(tensors: Tensors, remove: str = "^$", **add: Any) -> Tensors:
    return {n: a for n, a in tensors.items() if not re.search(remove, n)} | add


def test_wrong_networks(
    run: Any, search: Tensors, alphas: Tensors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[Path, Tensors] = {}
    monkeypatch.setattr(import_reference, "read_tensors", files.__getitem__)
    one = {"alphas_normal": alphas["alphas_normal"]}
    short = {n: a[:-1] for n, a in alphas.items()}
    wide = {"cells.1._ops.0._ops.4.op.1.weight": np.zeros((8, 1, 5, 5), np.float32)}
    spare = {f"spare{i}": np.zeros(1) for i in range(5)}
    cases: list[tuple[Tensors, str]] = [
        ({}, "no stem.0.weight; it is empty"),
        ({"conv1.weight": np.zeros(1)}, "no stem.0.weight; it holds conv1.weight"),
        (changed(search, r"^classifier\.bias"), "missing: classifier.bias"),
        (changed(search, r"^classifier\.weight"), "no classifier.weight"),
        (changed(search, r"^cells\.1\."), "missing: cells.1.preprocess0"),
        (changed(search, r"^cells\."), "no cells.0.preprocess1.op.1.weight"),
        (changed(search, r"_ops\.13\."), "cells of 13 edges"),
        (changed(search, r"cells.2._ops.3._ops.5.op.[56]"), "cells.2._ops.3._ops.5.op.5.weight"),
        (search | spare, "unknown: spare0, spare1, spare2 and 2 more"),
        (search | wide, "has shape (8, 1, 5, 5) instead of (8, 1, 3, 3)"),
        (search | one, "holds alphas_normal alone"),
        (search | short, "alphas_normal has shape (13, 8)"),
        (evaluation() | alphas, "evaluation network has no alpha"),
        (evaluation(), "give --genotype"),
    ]
    of_genotype: list[tuple[Tensors, str]] = [
        (search, "a search network has no genotype"),
        (changed(evaluation(), r"cells.3._ops.0"), "missing: cells.3._ops.0.conv_1.weight"),
        (changed(evaluation(), r"auxiliary_head.features.3"), "auxiliary_head.features.3.weight"),
    ]
    (tmp_path / "g.txt").write_text(GENOTYPE_TEXT)
    tried = [((), *case) for case in cases] + [(("--genotype", "g.txt"), *c) for c in of_genotype]
    for options, tensors, message in tried:
        files[Path("w.pt")] = dict(tensors)
        with pytest.raises(UserError, match=re.escape(message)) as raised:
            run("w.pt", *options, "-o", "c.safetensors")
        assert str(raised.value).startswith("w.pt: ")
        assert len(str(raised.value)) < 400
    assert not (tmp_path / "c.safetensors").exists()


def test_alphas_from_a_list(run: Any, search: Tensors, alphas: Tensors, tmp_path: Path) -> None:
    write_tensors(tmp_path / "w.pt", search)
    write_tensors(
        tmp_path / "a.pt", {"first": alphas["alphas_normal"], "b": -search["stem.1.bias"]}
    )
    with pytest.raises(UserError, match="alphas_reduce has shape"):
        run("w.pt", "--alphas", "a.pt", "-o", "c.safetensors")
    write_tensors(tmp_path / "a.pt", dict(zip("ab", alphas.values(), strict=True)))
    run("w.pt", "--alphas", "a.pt", "-o", "c.safetensors")
    read = read_checkpoint(tmp_path / "c.safetensors").tensors
    assert same({n: read[f"model.{n}"] for n in alphas}, alphas)
    write_tensors(tmp_path / "a.pt", search)
    with pytest.raises(UserError, match=r"a\.pt: expected are two tensors"):
        run("w.pt", "--alphas", "a.pt", "-o", "c.safetensors")


def test_command_line_errors(run: Any, checkpoint: Path) -> None:
    for arguments, message in (
        (["-o", "x"], "either WEIGHTS or --export"),
        (["w.pt", "--export", "c", "-o", "x"], "either WEIGHTS or --export"),
        (["--export", "c", "-o", "x", "--keep-dtype"], "for an import"),
        (["--export", "c", "-o", "x", "--genotype", "NASNet"], "for an import"),
        (["w.pt"], "-o/--output"),
        (["--export", checkpoint, "-o", "x"], "no tensors of a network"),
    ):
        with pytest.raises(UserError, match=re.escape(message)):
            run(*arguments)


def test_what_is_read_is_not_replaced(run: Any, checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    with pytest.raises(UserError, match="would replace the file that is read"):
        run("--export", checkpoint, "-o", checkpoint)
    with pytest.raises(UserError, match="would replace the file that is read"):
        run(checkpoint, "-o", checkpoint)
    assert checkpoint.read_bytes() == content


def test_as_a_program(script: Script, search: Tensors, tmp_path: Path) -> None:
    result = script("import_reference.py", "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert "examples:\n  import_reference.py" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    fails_in_one_line(script("import_reference.py", "no.pt", "-o", "x"), "no.pt: No such file")
    write_tensors(tmp_path / "w.pt", search)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for output in ("folder", "file/x"):
        result = script("import_reference.py", "w.pt", "-o", output)
        fails_in_one_line(result, f"cannot write {output}: ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "w.pt"]
