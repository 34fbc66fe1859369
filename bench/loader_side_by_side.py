#!/usr/bin/env python3
"""Time darts' loader and torchvision's on the same photographs, in turns.

usage: loader_side_by_side.py IMAGENET_DIR [--workers N] [--images N] [--rounds N] [--program FILE]

IMAGENET_DIR holds train/CLASS/*.JPEG and val/CLASS/*.JPEG. Both loaders read, decode and augment
as for training (random crop, flip, colour jitter) and as for testing (resize, crop in the middle),
with the same number of workers. Prints the median images a second of both and their ratio: in
turns, so that what else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def torchvision_loader(arguments: argparse.Namespace, split: str):
    """Torchvision's loader with the original's transforms."""
    try:
        import torch
        import torchvision.transforms as t
        from torchvision.datasets import ImageFolder
    except ImportError as missing:
        sys.exit(
            f"error: {missing}: the comparison needs torchvision and Pillow, which darts does not; "
            "in an environment with torch: pip install --no-deps torchvision==0.26.0 Pillow"
        )
    torch.set_num_threads(1)
    change = {
        "train": [
            t.RandomResizedCrop(224),
            t.RandomHorizontalFlip(),
            t.ColorJitter(0.4, 0.4, 0.4, 0.2),
        ],
        "test": [t.Resize(256), t.CenterCrop(224)],
    }[split]
    normalise = t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    folder = arguments.imagenet / ("train" if split == "train" else "val")
    images = ImageFolder(str(folder), t.Compose([*change, t.ToTensor(), normalise]))
    repeated = torch.utils.data.Subset(images, [i % len(images) for i in range(arguments.images)])
    return torch.utils.data.DataLoader(
        repeated,
        batch_size=32,
        shuffle=split == "train",
        num_workers=arguments.workers,
        persistent_workers=arguments.workers > 0,
    )


def time_torchvision(loader) -> float:
    """Return the images a second of one epoch."""
    begin = time.perf_counter()
    images = sum(batch.size(0) for batch, _ in loader)
    return images / (time.perf_counter() - begin)


def time_darts(arguments: argparse.Namespace, split: str) -> float:
    """Return the images a second of one epoch."""
    command = [arguments.program, arguments.imagenet, split, arguments.workers, arguments.images, 1]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return float(done.stdout)


def main() -> None:
    """Parse the arguments, time, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("imagenet", type=Path, metavar="IMAGENET_DIR")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--images", type=int, default=1000, help="of an epoch: those there are, over and over"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--program", type=Path, default=ROOT / "build/release/bin/darts_loader_bench"
    )
    arguments = parser.parse_args()
    if not arguments.program.is_file():
        sys.exit(
            f"error: no {arguments.program}; build it: "
            "cmake --build build/release --target darts_loader_bench_program"
        )
    for split in ("train", "test"):
        loader = torchvision_loader(arguments, split)
        time_torchvision(loader)  # starts the workers, reads the files into the page cache
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(time_darts(arguments, split))
            theirs.append(time_torchvision(loader))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(
            f"{split}: darts {statistics.median(ours):.0f} images/s, torchvision "
            f"{statistics.median(theirs):.0f} images/s, ratio {ratio:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
