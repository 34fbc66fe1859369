"""An evaluation network as a checkpoint holds it (`src/eval/stored_network.cpp`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslib.checkpoint import find_checkpoint, read_checkpoint
from dartslib.cli import UserError, require
from dartslib.genotype import genotype_from

if TYPE_CHECKING:
    import numpy as np

SIZES = ("cells", "channels", "image_channels", "classes", "height", "width")
STEMS = ("cifar", "imagenet")
PREFIX = "model."
AVERAGE_PREFIX = "average."


@dataclass(frozen=True)
class StoredNetwork:
    """What a network is, and its tensors by the original's names (see evaluation_network.py)."""

    file: Path
    description: dict[str, Any]
    tensors: dict[str, np.ndarray]


def choose_checkpoint(given: Path, best: bool) -> Path:
    """Return the file that is meant: `given`, or a run's newest or best checkpoint."""
    if not best:
        return find_checkpoint(given)
    if not given.is_dir():
        raise UserError(f"--best goes with a run directory, and {given} is none")
    return given / "checkpoints" / "best.safetensors"


def read_network(file: Path, trained_weights: bool = False) -> StoredNetwork:
    """Read a network: the moving average of its weights where there is one, as darts_eval does.

    `trained_weights` takes the weights as trained in any case.
    """
    checkpoint = read_checkpoint(file)
    description = checkpoint.meta.get("network")
    check_description(description, str(file))
    has_average = any(name.startswith(AVERAGE_PREFIX) for name in checkpoint.tensors)
    prefix = AVERAGE_PREFIX if has_average and not trained_weights else PREFIX
    tensors = {
        name.removeprefix(prefix): array
        for name, array in checkpoint.tensors.items()
        if name.startswith(prefix)
    }
    if not tensors:
        raise UserError(f"{file}: no tensors of a network, {PREFIX}...")
    check_finite(tensors, file)
    return StoredNetwork(file, description, dict(sorted(tensors.items(), key=_natural)))


def check_description(description: Any, where: str) -> None:
    """Check that this describes an evaluation network."""
    if not isinstance(description, dict) or "genotype" not in description:
        raise UserError(f"{where}: not a checkpoint of an evaluation network with its genotype")
    for name in SIZES:
        if type(description.get(name)) is not int or description[name] < 1:
            raise UserError(f"{where}: the network's '{name}' is missing, or no whole number")
    if description.get("stem") not in STEMS:
        raise UserError(f"{where}: the network's 'stem' is none of {', '.join(STEMS)}")
    if not isinstance(description["genotype"], dict):
        raise UserError(f"{where}: the network's genotype is no JSON object")
    genotype_from(description["genotype"], f"{where}: its genotype")


def check_finite(tensors: dict[str, np.ndarray], file: Path) -> None:
    """Refuse weights that are NaN or infinite."""
    np = require("numpy")
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UserError(
                f"{file}: {name} holds numbers that are not finite: its training had diverged; "
                "take an older checkpoint"
            )


def default_output(given: Path, file: Path, ending: str) -> Path:
    """Choose where an export goes: into the run directory, else beside the checkpoint."""
    if given.is_dir():
        return given / f"model{ending}"
    output = file.with_suffix(ending)
    # An export must never take a checkpoint's place.
    return output if output != file else file.with_name(f"{file.stem}_weights{ending}")


def _natural(item: tuple[str, Any]) -> list[tuple[int, str]]:
    """Sort cells.2 before cells.10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in item[0].split(".")]
