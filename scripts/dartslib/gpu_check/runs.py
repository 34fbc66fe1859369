"""Reading what a run of darts_search or darts_train leaves, without the tensors."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Speed:
    """The training steps of one epoch, or of as much of it as was run."""

    steps: int
    images: int
    seconds: float
    loader_share: float
    whole: bool

    @property
    def images_per_s(self) -> float:
        """Return images that w was trained on a second."""
        return self.images / self.seconds


def speed_of(run: Path) -> Speed | None:
    """Read the first epoch's speed from metrics.jsonl, or that of a begun one from a checkpoint."""
    epochs = [r for r in _records(run / "metrics.jsonl") if r.get("kind") == "epoch"]
    if epochs:
        seconds, rate = float(epochs[0]["seconds"]), float(epochs[0]["images_per_second"])
        return Speed(0, round(seconds * rate), seconds, float(epochs[0]["loader_share"]), True)
    for checkpoint in sorted((run / "checkpoints").glob("epoch_*.safetensors"), reverse=True):
        state = json.loads(_metadata(checkpoint)["meta"])["state"]
        if state["seconds"] > 0:
            share = state["loader_seconds"] / state["seconds"]
            return Speed(state["step"], state["images"], state["seconds"], share, False)
    return None


def environment_of(run: Path) -> dict[str, Any]:
    """Read environment.json."""
    return json.loads((run / "environment.json").read_text(encoding="utf-8"))


def run_in(text: str) -> Path | None:
    """Find the line that says where the run directory is."""
    lines = [line for line in text.splitlines() if line.startswith("run directory: ")]
    return Path(lines[0].removeprefix("run directory: ")) if lines else None


def _records(path: Path) -> list[dict[str, Any]]:
    """Read the whole lines of a file of JSON lines."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def _metadata(safetensors: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file."""
    with safetensors.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(size))["__metadata__"]
