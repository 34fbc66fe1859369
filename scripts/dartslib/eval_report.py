"""Reading test.json, the report that darts_eval writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslib.cli import UserError, reason, require

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Report:
    """A test's figures; `confusion` counts images, classes x what they were taken for."""

    images: int
    top1: float
    names: list[str]
    confusion: np.ndarray

    def headline(self) -> str:
        """Say in a line what was tested and how it went."""
        return f"{self.images:,} images of {len(self.names)} classes, {self.top1:.2%} right"

    def shares(self) -> np.ndarray:
        """Return every row of the matrix as shares of its class; 0 where it has no image."""
        np = require("numpy")
        totals = self.confusion.sum(axis=1, keepdims=True)
        return self.confusion / np.maximum(totals, 1)

    def confused_most(self, count: int) -> list[tuple[float, str, str]]:
        """Return the largest shares off the diagonal: share, class, what it was taken for."""
        np = require("numpy")
        shares = self.shares()
        np.fill_diagonal(shares, 0.0)
        order = np.argsort(-shares, axis=None, kind="stable")[:count]
        places = [divmod(int(place), len(self.names)) for place in order]
        return [(shares[i, j], self.names[i], self.names[j]) for i, j in places if shares[i, j] > 0]


def read_report(path: Path) -> Report:
    """Read and check a report."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "; darts_eval RUN_DIR writes it" if path.name == "test.json" else ""
        raise UserError(f"{reason(error)}{hint}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: not a JSON file") from None
    if isinstance(content, dict) and "confusion" in content and content["confusion"] is None:
        raise UserError(f"{path}: no confusion matrix; darts_eval keeps none of over 2,000 classes")
    try:
        names = [str(entry["name"]) for entry in content["classes"]]
        report = Report(
            int(content["images"]), float(content["top1"]), names, _matrix(content["confusion"])
        )
    except (TypeError, LookupError, ValueError, OverflowError):
        raise UserError(f"{path}: not a report of darts_eval") from None
    if not names or report.confusion.shape != (len(names), len(names)):
        raise UserError(
            f"{path}: a confusion matrix of shape {report.confusion.shape} for {len(names)} classes"
        )
    return report


def _matrix(rows: Any) -> np.ndarray:
    """Convert the matrix to an array."""
    return require("numpy").array(rows, dtype="int64")
