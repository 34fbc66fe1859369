"""The data sets that can be fetched: where from, their checksums and their files."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Remote:
    """A file to download, relative to its data set's base URL, and its published MD5."""

    name: str
    md5: str


@dataclass(frozen=True)
class PythonBatches:
    """How a CIFAR's Python pickles map to its binary files."""

    folder: str
    batches: dict[str, str]  # binary file: pickle
    labels: dict[str, int]  # keys in the order of the record's label bytes: number of classes
    names: dict[str, tuple[str, str]]  # text file: pickle and key of the class names


@dataclass(frozen=True)
class Cifar:
    """A CIFAR data set in its binary version, published as one archive."""

    folder: str
    base_url: str
    archive: Remote
    files: dict[str, int | None]  # sizes in bytes, None where any size but 0 will do
    python: PythonBatches

    def missing(self, root: Path) -> list[str]:
        """Return the names of the files that are not there in full."""
        return [name for name, size in self.files.items() if not self._complete(root, name, size)]

    def _complete(self, root: Path, name: str, size: int | None) -> bool:
        """Say whether a file is there with the size it must have."""
        path = root / self.folder / name
        return path.is_file() and (path.stat().st_size == size if size else path.stat().st_size > 0)


@dataclass(frozen=True)
class IdxFile:
    """A gzip-compressed IDX file: its download, and its magic number and size unpacked."""

    remote: Remote
    magic: int
    size: int

    def is_right(self, path: Path) -> bool:
        """Say whether `path` holds this file; other compressions of the same data count too."""
        try:
            with gzip.open(path) as file:
                content = file.read(self.size + 1)
        except (OSError, EOFError, zlib.error):
            return False
        return len(content) == self.size and int.from_bytes(content[:4], "big") == self.magic


@dataclass(frozen=True)
class FashionMnist:
    """Fashion-MNIST: four files, which Debian's dataset-fashion-mnist installs as well."""

    folder: str
    base_url: str
    installed: Path
    files: tuple[IdxFile, ...]

    def missing(self, root: Path) -> list[IdxFile]:
        """Return the files that are not there in full."""
        return [file for file in self.files if not file.is_right(self.path(root, file))]

    def path(self, root: Path, file: IdxFile) -> Path:
        """Return the place of a file under `root`."""
        return root / self.folder / file.remote.name


def _images(name: str, md5: str, count: int) -> IdxFile:
    """Describe an IDX file of 28 x 28 images."""
    return IdxFile(Remote(name, md5), magic=0x803, size=16 + 28 * 28 * count)


def _labels(name: str, md5: str, count: int) -> IdxFile:
    """Describe an IDX file of labels."""
    return IdxFile(Remote(name, md5), magic=0x801, size=8 + count)


IMAGE_BYTES = 3 * 32 * 32

CIFAR10 = Cifar(
    folder="cifar-10-batches-bin",
    base_url="https://www.cs.toronto.edu/~kriz",
    archive=Remote("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
    files={f"data_batch_{i}.bin": 10_000 * (1 + IMAGE_BYTES) for i in range(1, 6)}
    | {"test_batch.bin": 10_000 * (1 + IMAGE_BYTES), "batches.meta.txt": None},
    python=PythonBatches(
        folder="cifar-10-batches-py",
        batches={f"data_batch_{i}.bin": f"data_batch_{i}" for i in range(1, 6)}
        | {"test_batch.bin": "test_batch"},
        labels={"labels": 10},
        names={"batches.meta.txt": ("batches.meta", "label_names")},
    ),
)

CIFAR100 = Cifar(
    folder="cifar-100-binary",
    base_url=CIFAR10.base_url,
    archive=Remote("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),
    files={
        "train.bin": 50_000 * (2 + IMAGE_BYTES),
        "test.bin": 10_000 * (2 + IMAGE_BYTES),
        "coarse_label_names.txt": None,
        "fine_label_names.txt": None,
    },
    python=PythonBatches(
        folder="cifar-100-python",
        batches={"train.bin": "train", "test.bin": "test"},
        labels={"coarse_labels": 20, "fine_labels": 100},
        names={
            "coarse_label_names.txt": ("meta", "coarse_label_names"),
            "fine_label_names.txt": ("meta", "fine_label_names"),
        },
    ),
)

FASHION_MNIST = FashionMnist(
    folder="fashion-mnist",
    base_url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    installed=Path("/usr/share/datasets/fashion-mnist"),
    files=(
        _images("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 60_000),
        _labels("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 60_000),
        _images("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 10_000),
        _labels("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 10_000),
    ),
)

DATASETS: dict[str, Cifar | FashionMnist] = {
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
    "fashion_mnist": FASHION_MNIST,
}
