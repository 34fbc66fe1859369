"""Describes an imported evaluation network as a checkpoint of ours does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dartslib.cli import UserError
from dartslib.genotype import Genotype, record_of
from dartslib.reference_network import Network, Shapes

CIFAR10_NAMES = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]


@dataclass(frozen=True)
class Images:
    """What the original's training scripts take for images: sizes in pixels, and statistics."""

    size: int
    resize_size: int
    mean: tuple[float, ...]
    stddev: tuple[float, ...]


CIFAR = Images(
    32,
    32,
    (0.49139968, 0.48215827, 0.44653124),
    (0.24703233, 0.24348505, 0.26158768),
)
IMAGENET = Images(224, 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# By ImageNet's stem and the number of classes.
DATASETS = {(False, 10): "cifar10", (False, 100): "cifar100", (True, 1000): "imagenet"}


def read_class_names(path: Path) -> list[str]:
    """Read the names of classes, one a line."""
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}"
        ) from None
    return [name for name in names if name]


def describe(
    network: Network, tensors: Shapes, genotype: Genotype, class_names: list[str] | None
) -> dict[str, Any]:
    """Say what a network is and on which images it was trained, as the original trains it."""
    imagenet = "stem0.0.weight" in tensors
    images = IMAGENET if imagenet else CIFAR
    dataset = DATASETS.get((imagenet, network.classes), "")
    if class_names is None:
        numbers = [str(number) for number in range(network.classes)]
        class_names = CIFAR10_NAMES if dataset == "cifar10" else numbers
    if len(class_names) != network.classes:
        raise UserError(f"{len(class_names)} class names for {network.classes} classes")
    if network.image_channels != len(images.mean):
        raise UserError(f"the original takes images of 3 channels, not {network.image_channels}")
    return {
        "genotype": record_of(genotype),
        "stem": "imagenet" if imagenet else "cifar",
        "cells": network.cells,
        "channels": network.channels,
        "image_channels": network.image_channels,
        "classes": network.classes,
        "auxiliary": "auxiliary_head.classifier.weight" in tensors,
        "dataset": dataset,
        "root": "data",
        "height": images.size,
        "width": images.size,
        "resize_size": images.resize_size,
        "class_names": class_names,
        "mean": list(images.mean),
        "stddev": list(images.stddev),
    }
