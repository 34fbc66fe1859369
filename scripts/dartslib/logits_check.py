"""Compares the logits of an exported network with those of `darts_eval --logits`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dartslib.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from dartslib.cli import UserError, require
from dartslib.onnx_graph import REQUIREMENTS
from dartslib.stored_network import StoredNetwork

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 1e-5  # of the logits, relative where they are over 1
IMAGES = 4
ROOT = Path(__file__).resolve().parents[2]  # of the source tree, or <prefix>/share/darts


def find_darts_eval() -> Path:
    """Find the program: the newest one built here, the installed one, or one on the PATH."""
    built = sorted(ROOT.glob("build/*/bin/darts_eval"), key=lambda path: path.stat().st_mtime)
    installed = ROOT.parents[1] / "bin" / "darts_eval"
    found = built[-1:] or [installed] * installed.is_file() or [shutil.which("darts_eval")]
    if not found[0]:
        raise UserError(
            "darts_eval, which the export is compared with, is not built; build it, or --no-check"
        )
    return Path(found[0])


def our_logits(program: Path, file: Path, images: np.ndarray, trained_weights: bool) -> np.ndarray:
    """Let darts_eval compute the logits of a checkpoint."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_checkpoint(folder / "images", Checkpoint({}, {"images": images}))
        command = [program, file, "--logits", folder / "images", "-o", folder / "logits"]
        command += ["--device", "cpu", *(["--trained-weights"] if trained_weights else [])]
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if result.returncode:
            raise UserError(f"{program}: {result.stderr.strip() or result.returncode}")
        return read_checkpoint(folder / "logits").tensors["logits"]


def onnx_logits(model: Path, images: np.ndarray) -> np.ndarray:
    """Let onnxruntime compute the logits of an ONNX file."""
    runtime = require("onnxruntime", REQUIREMENTS)
    session = runtime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"images": images})[0]


def check_onnx(model: Path, network: StoredNetwork, trained_weights: bool) -> float:
    """Return the largest difference of the logits; one over the tolerance is an error."""
    np = require("numpy")
    sizes = [network.description[name] for name in ("image_channels", "height", "width")]
    images = np.random.default_rng(0).standard_normal([IMAGES, *sizes]).astype(np.float32)
    ours = our_logits(find_darts_eval(), network.file, images, trained_weights)
    exported = onnx_logits(model, images)
    difference = float(np.max(np.abs(ours - exported) / np.maximum(1.0, np.abs(ours))))
    if not difference <= TOLERANCE:
        raise UserError(f"the model's logits differ from those of darts_eval by {difference:.1e}")
    return difference
