"""Downloading, checking and unpacking files so that a finished name means a finished file."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import shutil
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dartslib.atomic_file import atomic_file
from dartslib.cli import UserError
from dartslib.datasets import Remote

ATTEMPTS = 3
FIRST_PAUSE = 0.5  # seconds before the second attempt, doubled before each further one
TIMEOUT = 30  # seconds without an answer
CHUNK = 1 << 18


class TransferError(Exception):
    """A download that failed; trying again may help."""


@contextlib.contextmanager
def scratch_file(folder: Path, name: str) -> Iterator[BinaryIO]:
    """Open a file without a name in `folder`, gone when the block ends; `name` is for errors."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            yield file
    except OSError as error:
        raise UserError(f"cannot write {name} to {folder}: {error.strerror or error}") from None


class Progress:
    """One line on stderr about a download, redrawn on a terminal."""

    def __init__(self, name: str, total: int | None) -> None:
        """Begin a download of `total` bytes, where that is known."""
        self._name, self._total, self._done = name, total, 0
        self._began = self._shown = time.monotonic()

    def add(self, count: int) -> None:
        """Count bytes; on a terminal redraw the line some times a second."""
        self._done += count
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._shown > 0.2:
            self._shown = now
            print(f"\r{self._text()}\033[K", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the final state standing."""
        start, end = ("\r", "\033[K\n") if sys.stderr.isatty() else ("", "\n")
        print(f"{start}{self._text()}", end=end, file=sys.stderr, flush=True)

    def _text(self) -> str:
        """Compose the line."""
        megabytes = self._done / 1e6
        speed = megabytes / max(time.monotonic() - self._began, 1e-3)
        share = f" ({100 * self._done // self._total} %)" if self._total else ""
        return f"{self._name}: {megabytes:.1f} MB{share}, {speed:.1f} MB/s"


def fetch(base_url: str, remote: Remote, file: BinaryIO) -> None:
    """Download into an open file, trying again where that may help, and check the MD5."""
    url = f"{base_url.rstrip('/')}/{remote.name}"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            got = _transfer(url, remote.name, file)
            break
        except TransferError as error:
            if attempt == ATTEMPTS or url.startswith("file:"):
                raise UserError(f"cannot download {url}: {error}") from None
            print(f"{remote.name}: {error}, trying again", file=sys.stderr)
            time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
    if got != remote.md5:
        raise UserError(f"{url}: wrong MD5, expected {remote.md5}, got {got}; deleted")


def _transfer(url: str, name: str, file: BinaryIO) -> str:
    """Try once to download `url` into `file`; return the MD5 of what came."""
    file.seek(0)
    file.truncate()
    digest = hashlib.md5(usedforsecurity=False)
    with _open(url) as response:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        with Progress(name, total) as progress:
            while chunk := _read(response):
                digest.update(chunk)
                file.write(chunk)
                progress.add(len(chunk))
    if total is not None and file.tell() != total:
        raise TransferError(f"the connection ended after {file.tell()} of {total} bytes")
    file.flush()
    return digest.hexdigest()


def _open(url: str) -> http.client.HTTPResponse:
    """Open a URL; errors that trying again cannot mend are `UserError`s."""
    try:
        return urllib.request.urlopen(url, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise UserError(f"cannot download {url}: HTTP {error.code} {error.reason}") from None
        raise TransferError(f"HTTP {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        detail = getattr(error.reason, "strerror", None) or error.reason
        raise TransferError(f"no connection ({detail})") from None
    except ValueError as error:
        raise UserError(f"cannot download {url}: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(str(error) or type(error).__name__) from None


def _read(response: http.client.HTTPResponse) -> bytes:
    """Read some bytes, telling trouble with the network from trouble with the disk."""
    try:
        return response.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(str(error) or type(error).__name__) from None


def unpack(archive: BinaryIO, name: str, folder: str, wanted: set[str], root: Path) -> None:
    """Unpack the wanted files of `folder` in a tar archive into `root`/`folder`.

    Names are compared with those expected, none is taken from the archive, and links are
    passed over: nothing can land elsewhere.
    """
    missing = set(wanted)
    archive.seek(0)
    try:
        with tarfile.open(fileobj=archive, mode="r:*") as tar:
            for member in tar:
                parent, _, file_name = member.name.removeprefix("./").rpartition("/")
                if parent == folder and file_name in missing and member.isreg():
                    with atomic_file(root / folder / file_name) as out:
                        shutil.copyfileobj(tar.extractfile(member), out)
                    missing.remove(file_name)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"{name}: not a sound archive: {error}") from None
    if missing:
        raise UserError(f"{name}: the archive lacks {', '.join(sorted(missing))}")
