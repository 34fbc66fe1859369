"""What pictures know of search methods: how weights come of theta, and what figures are called.

A method that is not named here mixes operations by softmax(alpha), and figures go by their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dartslib.cli import require

if TYPE_CHECKING:
    import numpy as np

FIGURES = {
    "dropout": "Dropout after skip connections",
    "tau": "Temperature τ",
    "epsilon": "Largest perturbation ε",
    "beta": "Weight of the auxiliary skip β",
    "lambda": "Weight of the regulariser λ",
}


@dataclass(frozen=True)
class Weights:
    """How numbers become weights along the last axis, where -inf stands for what is not there."""

    of: str
    compute: Callable[[np.ndarray], np.ndarray]


def softmax(values: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    np = require("numpy")
    with np.errstate(invalid="ignore"):  # a diverged search: NaN and infinity become NaN
        exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + e^-x), each for itself."""
    np = require("numpy")
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-values))


def _as_they_are(values: np.ndarray) -> np.ndarray:
    """Return weights that need nothing done."""
    np = require("numpy")
    return np.where(np.isneginf(values), 0.0, values)


SOFTMAX = Weights("softmax(α)", softmax)
OPERATION_WEIGHTS = {
    "fair-darts": Weights("σ(α)", _sigmoid),
    "gaea": Weights("α", _as_they_are),
}
# By the name that alphas.jsonl has for what a method knows of edges: within a node.
EDGE_WEIGHTS = {
    "betas": Weights("softmax(β)", softmax),
    "edges": Weights("weights", _as_they_are),
}


def method_of(run: Path) -> str:
    """Return the search method that RUN/config.yaml names; "darts" where it names none."""
    try:
        text = (run / "config.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "darts"
    found = re.search(r"^search:\n(?: .*\n)*? +method: *[\"']?([^\s\"']+)", text, re.MULTILINE)
    return found[1] if found else "darts"


def operation_weights(run: Path) -> Weights:
    """Return how the operations of an edge are weighed in a run."""
    return OPERATION_WEIGHTS.get(method_of(run), SOFTMAX)
