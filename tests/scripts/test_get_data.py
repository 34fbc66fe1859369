"""get_data.py against file:// and a loopback server, with small stand-ins for the data sets."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import pickle
import resource
import socket
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Script, fails_in_one_line

import get_data
from dartslib import download
from dartslib.cifar_python import read_pickle
from dartslib.cli import UserError
from dartslib.datasets import CIFAR10, CIFAR100, DATASETS, FASHION_MNIST, Cifar, IdxFile, Remote

IMAGES = 3  # in every batch of the small stand-ins


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def small(spec: Cifar, archive: bytes = b"") -> Cifar:
    """Return the data set with a few images a file, published as `archive`."""
    record = len(spec.python.labels) + 3072
    files = {name: size and IMAGES * record for name, size in spec.files.items()}
    return replace(spec, files=files, archive=Remote(spec.archive.name, md5(archive)))


def contents(spec: Cifar) -> dict[str, bytes]:
    """Return plausible contents for all files of a small data set."""
    return {
        name: bytes([number]) * size if size else b"airplane\nship\n"
        for number, (name, size) in enumerate(small(spec).files.items())
    }


def tar_gz(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return buffer.getvalue()


def in_folder(spec: Cifar, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{spec.folder}/{name}": content for name, content in files.items()}


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run get_data's main in this process, where its table of data sets can be replaced."""

    def call(name: str, *arguments: object, spec: Any = None) -> None:
        if spec is not None:
            monkeypatch.setitem(DATASETS, name, spec)
        monkeypatch.setattr(sys, "argv", ["get_data.py", name, *map(str, arguments)])
        get_data.main()

    return call


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "FIRST_PAUSE", 0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def serve(handler: Any) -> Iterator[str]:
    """Serve on a free loopback port and yield the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def left_over(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.is_file()]


# --- CIFAR from its archive


@pytest.mark.parametrize(("name", "spec"), [("cifar10", CIFAR10), ("cifar100", CIFAR100)])
def test_download_and_unpack(
    run: Any, root: Path, mirror: Path, capsys: Any, name: str, spec: Cifar
) -> None:
    files = contents(spec)
    archive = tar_gz(in_folder(spec, files | {"readme.html": b"not wanted"}))
    (mirror / spec.archive.name).write_bytes(archive)
    with serve(partial(Quiet, directory=str(mirror))) as url:
        run(name, "--root", root, "--mirror", url, spec=small(spec, archive))
    assert {p.name: p.read_bytes() for p in (root / spec.folder).iterdir()} == files
    assert sorted(left_over(root)) == sorted(files)
    output = capsys.readouterr()
    assert f"{root / spec.folder}: ready" in output.out
    assert f"next: darts_search --config {name}.yaml --set data.root={root}" in output.out
    assert f"{spec.archive.name}: " in output.err and "(100 %)" in output.err


def test_second_call_does_nothing_and_repair_fetches_what_is_missing(
    run: Any, root: Path, mirror: Path, capsys: Any
) -> None:
    files = contents(CIFAR10)
    archive = tar_gz(in_folder(CIFAR10, files))
    (mirror / CIFAR10.archive.name).write_bytes(archive)
    arguments = ("cifar10", "--root", root, "--mirror", mirror.as_uri())
    run(*arguments, spec=small(CIFAR10, archive))
    folder = root / CIFAR10.folder
    (folder / "test_batch.bin").write_bytes(b"cut off")
    kept = (folder / "data_batch_1.bin").stat().st_ino
    run(*arguments)
    assert (folder / "test_batch.bin").read_bytes() == files["test_batch.bin"]
    assert (folder / "data_batch_1.bin").stat().st_ino == kept
    (mirror / CIFAR10.archive.name).unlink()
    capsys.readouterr()
    run(*arguments)
    assert "complete, nothing to do" in capsys.readouterr().out


def test_nothing_lands_outside_the_folder(run: Any, root: Path, mirror: Path) -> None:
    outside = mirror / "outside"
    hostile = {"../evil": b"x", f"{CIFAR10.folder}/../../evil": b"x", str(outside): b"x"}
    archive = tar_gz(
        hostile | in_folder(CIFAR10, contents(CIFAR10)), {f"{CIFAR10.folder}/link": "/etc"}
    )
    (mirror / CIFAR10.archive.name).write_bytes(archive)
    run("cifar10", "--root", root, "--mirror", mirror.as_uri(), spec=small(CIFAR10, archive))
    assert sorted(left_over(root)) == sorted(CIFAR10.files)
    assert not outside.exists() and not (root.parent / "evil").exists()


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (tar_gz({"other/train.bin": b"x"}), "the archive lacks batches.meta.txt, data_batch_1.bin"),
        (
            tar_gz({}, {f"{CIFAR10.folder}/test_batch.bin": "/etc/passwd"}),
            "lacks .*test_batch.bin",
        ),
        (b"no archive", "not a sound archive"),
        (tar_gz(in_folder(CIFAR10, contents(CIFAR10)))[:200], "not a sound archive"),
    ],
)
def test_unsound_archives(run: Any, root: Path, mirror: Path, archive: bytes, message: str) -> None:
    (mirror / CIFAR10.archive.name).write_bytes(archive)
    with pytest.raises(UserError, match=message):
        run("cifar10", "--root", root, "--mirror", mirror.as_uri(), spec=small(CIFAR10, archive))
    for name in left_over(root):  # what came before the damage may stay, if whole
        assert (root / CIFAR10.folder / name).read_bytes() == contents(CIFAR10)[name]


def test_wrong_md5(script: Script, root: Path, mirror: Path) -> None:
    (mirror / CIFAR10.archive.name).write_bytes(b"something else")
    result = script("get_data.py", "cifar10", "--root", root, "--mirror", mirror.as_uri())
    fails_in_one_line(
        result,
        f"{CIFAR10.archive.name}: wrong MD5",
        f"expected {CIFAR10.archive.md5}",
        f"got {md5(b'something else')}",
    )
    assert not left_over(root)


# --- the network


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_connection(script: Script, root: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = script("get_data.py", "cifar100", "--root", root, "--mirror", url)
    fails_in_one_line(result, f"cannot download {url}/cifar-100-binary.tar.gz", "refused")
    assert result.stderr.count("trying again") == 2
    assert not left_over(root)


def test_missing_on_the_mirror(script: Script, root: Path, mirror: Path) -> None:
    with serve(partial(Quiet, directory=str(mirror))) as url:
        result = script("get_data.py", "cifar10", "--root", root, "--mirror", url)
    fails_in_one_line(result, "HTTP 404")
    assert "trying again" not in result.stderr
    result = script("get_data.py", "cifar10", "--root", root, "--mirror", mirror.as_uri())
    fails_in_one_line(result, "cannot download file:", "No such file")


@pytest.mark.parametrize("url", ["nonsense", "foo://x", "/plain/path"])
def test_mirror_that_is_no_url(script: Script, root: Path, url: str) -> None:
    fails_in_one_line(
        script("get_data.py", "cifar10", "--root", root, "--mirror", url), "cannot download", url
    )


def flaky(archive: bytes, faults: list[str]) -> type[BaseHTTPRequestHandler]:
    """Make a handler that commits the given faults and then serves `archive`."""

    class Flaky(Quiet):
        def do_GET(self) -> None:
            fault = faults.pop(0) if faults else ""
            if fault == "500":
                self.send_error(500)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(archive)))
            self.end_headers()
            self.wfile.write(archive[:50] if fault == "short" else archive)

    return Flaky


def test_trouble_that_passes_is_retried(run: Any, root: Path, capsys: Any) -> None:
    archive = tar_gz(in_folder(CIFAR10, contents(CIFAR10)))
    with serve(flaky(archive, ["500", "short"])) as url:
        run("cifar10", "--root", root, "--mirror", url, spec=small(CIFAR10, archive))
    errors = capsys.readouterr().err
    assert "HTTP 500" in errors and f"ended after 50 of {len(archive)} bytes" in errors
    assert sorted(left_over(root)) == sorted(CIFAR10.files)


def test_trouble_that_stays(run: Any, root: Path) -> None:
    archive = b"x" * 100
    with (
        serve(flaky(archive, ["short"] * 3)) as url,
        pytest.raises(UserError, match="ended after 50 of 100 bytes"),
    ):
        run("cifar10", "--root", root, "--mirror", url, spec=small(CIFAR10, archive))
    assert not left_over(root)


# --- the disk


def test_unwritable_root(script: Script, tmp_path: Path, mirror: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("cifar10", "fashion_mnist"):
        result = script("get_data.py", name, "--root", "file/data", "--mirror", mirror.as_uri())
        fails_in_one_line(result, "cannot write", "file/data", "Not a directory")


def test_disk_full_while_downloading(script: Script, root: Path, mirror: Path) -> None:
    """A limit on the size of files stands for the full disk: the same kind of error."""
    (mirror / CIFAR10.archive.name).write_bytes(bytes(1_000_000))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    arguments = ("cifar10", "--root", root, "--mirror", mirror.as_uri())
    result = script("get_data.py", *arguments, preexec_fn=limit)
    fails_in_one_line(result, f"cannot write {CIFAR10.archive.name} to {root}", "too large")
    assert not left_over(root)


def test_atomic_file_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    with pytest.raises(UserError, match=r"cannot write .*file: No space left"):  # noqa: SIM117
        with download.atomic_file(target) as file:
            file.write(b"x")
            raise OSError(28, "No space left on device")
    with pytest.raises(KeyboardInterrupt), download.atomic_file(target):
        raise KeyboardInterrupt
    assert not left_over(tmp_path)
    with download.atomic_file(target) as file:
        file.write(b"x")
    assert left_over(tmp_path) == ["file"]


# --- Fashion-MNIST


def idx(spec: IdxFile, level: int = 9) -> bytes:
    return gzip.compress(spec.magic.to_bytes(4, "big") + bytes(spec.size - 4), level, mtime=0)


@pytest.fixture
def fashion(tmp_path: Path, mirror: Path) -> Any:
    """Return Fashion-MNIST with small files, which lie on the mirror."""
    files = []
    for file in FASHION_MNIST.files:
        little = replace(file, size=1000)
        content = idx(little)
        (mirror / file.remote.name).write_bytes(content)
        files.append(replace(little, remote=Remote(file.remote.name, md5(content))))
    return replace(FASHION_MNIST, files=tuple(files), installed=tmp_path / "installed")


def test_fashion_mnist_from_the_mirror(
    run: Any, root: Path, mirror: Path, fashion: Any, capsys: Any
) -> None:
    run("fashion_mnist", "--root", root, "--mirror", mirror.as_uri(), spec=fashion)
    assert {p.name: p.read_bytes() for p in (root / "fashion-mnist").iterdir()} == {
        p.name: p.read_bytes() for p in mirror.iterdir()
    }
    assert "--config fashion_mnist.yaml" in capsys.readouterr().out


def test_fashion_mnist_from_the_installed_package(run: Any, root: Path, fashion: Any) -> None:
    fashion.installed.mkdir()
    for file in fashion.files:  # Debian compresses the same data anew: other MD5s
        (fashion.installed / file.remote.name).write_bytes(idx(file, level=1))
    spec = replace(fashion, base_url="file:///nowhere")
    run("fashion_mnist", "--root", root, spec=spec)
    assert len(left_over(root)) == 4
    first = root / "fashion-mnist" / fashion.files[0].remote.name
    first.write_bytes(first.read_bytes()[:-9])
    run("fashion_mnist", "--root", root)
    assert not fashion.missing(root)


def test_fashion_mnist_passes_over_a_damaged_package(
    run: Any, root: Path, mirror: Path, fashion: Any
) -> None:
    fashion.installed.mkdir()
    (fashion.installed / fashion.files[0].remote.name).write_bytes(b"damaged")
    run("fashion_mnist", "--root", root, spec=replace(fashion, base_url=mirror.as_uri()))
    assert not fashion.missing(root)


@pytest.mark.skipif(not FASHION_MNIST.installed.is_dir(), reason="dataset-fashion-mnist is absent")
def test_debians_files_are_accepted() -> None:
    for file in FASHION_MNIST.files:
        assert file.is_right(FASHION_MNIST.installed / file.remote.name)


# --- CIFAR from its Python version


def old_pickle(images: np.ndarray, labels: dict[str, list[int]]) -> bytes:
    """Compose a batch as Python 2 and the NumPy of 2009 pickled it, as the real files are."""

    def text(value: str) -> bytes:
        return b"U" + bytes([len(value)]) + value.encode()

    raw = images.tobytes()
    rows, columns = (b"J" + n.to_bytes(4, "little") for n in images.shape)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        + (b"(K\x01" + rows + columns + b"\x86")
        + b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
        + (b"(K\x03U\x01|NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb")
        + (b"\x89T" + len(raw).to_bytes(4, "little") + raw + b"tb")
    )
    lists = b"".join(
        text(key) + b"](" + b"".join(b"K" + bytes([v]) for v in values) + b"e"
        for key, values in labels.items()
    )
    return b"\x80\x02}(" + text("data") + array + lists + b"u."


def new_pickle(images: np.ndarray, labels: dict[str, list[int]], protocol: int) -> bytes:
    return pickle.dumps({b"data": images} | {k.encode(): v for k, v in labels.items()}, protocol)


PICKLERS = {
    "python2": old_pickle,
    "protocol2": partial(new_pickle, protocol=2),
    "protocol5": partial(new_pickle, protocol=5),
}


def python_folder(spec: Cifar, folder: Path, pickler: Any = old_pickle) -> dict[str, bytes]:
    """Write a small Python version; return the binary records that it stands for."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    expected = {}
    for binary, name in spec.python.batches.items():
        images = random.integers(0, 256, (IMAGES, 3072), dtype=np.uint8)
        labels = {
            key: random.integers(0, classes, IMAGES).tolist()
            for key, classes in spec.python.labels.items()
        }
        (folder / name).write_bytes(pickler(images, labels))
        expected[binary] = b"".join(
            bytes(values[i] for values in labels.values()) + images[i].tobytes()
            for i in range(IMAGES)
        )
    metas: dict[str, dict[bytes, list[bytes]]] = {}
    for text_file, (name, key) in spec.python.names.items():
        metas.setdefault(name, {})[key.encode()] = [b"apple", b"bee"]
        expected[text_file] = b"apple\nbee\n"
    for name, meta in metas.items():
        (folder / name).write_bytes(pickle.dumps(meta, 2))
    return expected


@pytest.mark.parametrize("pickler", PICKLERS.values(), ids=PICKLERS)
@pytest.mark.parametrize(("name", "spec"), [("cifar10", CIFAR10), ("cifar100", CIFAR100)])
def test_conversion(
    run: Any, root: Path, tmp_path: Path, name: str, spec: Cifar, pickler: Any
) -> None:
    expected = python_folder(spec, tmp_path / spec.python.folder, pickler)
    run(name, "--root", root, "--from-python", tmp_path, spec=small(spec))
    assert {p.name: p.read_bytes() for p in (root / spec.folder).iterdir()} == expected


def test_conversion_of_the_folder_itself_happens_once(
    run: Any, root: Path, tmp_path: Path, capsys: Any
) -> None:
    python_folder(CIFAR10, tmp_path / "renamed")
    arguments = ("cifar10", "--root", root, "--from-python", tmp_path / "renamed")
    run(*arguments, spec=small(CIFAR10))
    assert f"{root / CIFAR10.folder}: ready" in capsys.readouterr().out
    run(*arguments)
    assert "nothing to do" in capsys.readouterr().out


def sound(**changes: Any) -> bytes:
    batch = {b"data": np.zeros((10_000, 3072), np.uint8), b"labels": [0] * 10_000}
    return pickle.dumps(batch | {key.encode(): value for key, value in changes.items()})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (old_pickle(np.zeros((3, 3072), np.uint8), {"labels": [1]})[:5000], "cut off"),
        (b"", "cut off or not a CIFAR pickle"),
        (b"no pickle", "cut off or not a CIFAR pickle"),
        (pickle.dumps([1]), "no dictionary"),
        (pickle.dumps({b"labels": [1]}), "'data' is missing"),
        (pickle.dumps({b"data": [1]}), "'data' is not a matrix of bytes"),
        (sound(data=np.zeros((3, 3072), np.uint8)), "'data' is 3 x 3072, expected is 10000 x 3072"),
        (sound(labels=[0] * 9), "'labels' is not a list of 10000 whole numbers"),
        (sound(labels=[10] * 10_000), "'labels' has a label outside 0 to 9"),
        (b"cos\nsystem\n(S'touch hacked'\ntR.", "refused to load os.system"),
        (
            b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
            "refused to load builtins.eval",
        ),
    ],
)
def test_unsound_pickles(
    script: Script, root: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "data_batch_1").write_bytes(content)
    result = script("get_data.py", "cifar10", "--root", root, "--from-python", ".")
    fails_in_one_line(result, "data_batch_1: ", message)
    assert not left_over(root)
    assert not (tmp_path / "hacked").exists()


def test_missing_python_folder(script: Script, tmp_path: Path) -> None:
    fails_in_one_line(script("get_data.py", "cifar10", "--from-python", "no"), "no such folder")
    result = script("get_data.py", "cifar100", "--from-python", tmp_path)
    fails_in_one_line(result, "no 'train' here nor in cifar-100-python")
    (tmp_path / "train").write_bytes(b"")
    with pytest.raises(UserError, match="meta: No such file"):
        read_pickle(tmp_path / "meta")


# --- the command line


def test_wrong_usage(script: Script) -> None:
    fails_in_one_line(script("get_data.py", "mnist"), "invalid choice: 'mnist'", "fashion_mnist")
    fails_in_one_line(script("get_data.py"), "required: NAME")
    fails_in_one_line(
        script("get_data.py", "fashion_mnist", "--from-python", "."), "is for cifar10 and cifar100"
    )
    fails_in_one_line(
        script("get_data.py", "cifar10", "--from-python", ".", "--mirror", "file:///x"),
        "not allowed with",
    )
