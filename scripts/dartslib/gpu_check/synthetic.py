"""A data set of CIFAR-10's size and format with random pixels: for speed, not for learning."""

from __future__ import annotations

import random
from pathlib import Path

FOLDER = "cifar-10-batches-bin"
FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
IMAGE_BYTES = 3 * 32 * 32
CLASSES = 10


def write_cifar10(root: Path, records: int = 10_000, seed: int = 1) -> Path:
    """Write the six files, a label byte and an image a record; return `root`."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(seed)
    for name in FILES:
        content = bytearray(source.randbytes(records * (1 + IMAGE_BYTES)))
        labels = source.choices(range(CLASSES), k=records)
        content[:: 1 + IMAGE_BYTES] = bytes(labels)
        (folder / name).write_bytes(content)
    return root
