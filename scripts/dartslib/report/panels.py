"""Which figures of an epoch share a panel of the page, and what they are called.

A figure that is not named here has a panel of its own, under its own name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dartslib.method import FIGURES
from dartslib.runlog import FIGURE

LEARNING, SPEED = "learning", "speed"
NORMAL_AND_REDUCE = {"_normal": "normal cell", "_reduce": "reduction cell"}
VALIDATION = {
    True: "validation",
    False: "part of the images trained on",
    None: "validation; of joint searches, of images trained on",
}
NOT_SHOWN = {"epoch", FIGURE + "stage"}  # the axis; borders show stages


@dataclass(frozen=True)
class Panel:
    """A panel: `lines` names its curves by key, `counts` asks for whole numbers from 0 up.

    `mostly_zero` leaves it out where there is nothing but zeros.
    """

    title: str
    lines: dict[str, str]
    group: str = LEARNING
    factor: float = 1
    counts: bool = False
    mostly_zero: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what the page reads."""
        return {
            "title": self.title,
            "lines": [{"key": key, "label": label} for key, label in self.lines.items()],
            "group": self.group,
            "factor": self.factor,
            "counts": self.counts,
        }


def _of_cells(title: str, *quantities: str, **options: Any) -> Panel:
    """Describe a panel of quantities that both cell types have."""
    lines = {q + ending: name for q in quantities for ending, name in NORMAL_AND_REDUCE.items()}
    return Panel(title, lines, **options)


def _known(validates: bool | None) -> tuple[Panel, ...]:
    """Describe the panels of known figures; a joint search has no validation."""
    valid = VALIDATION[validates]
    figures = (Panel(title, {FIGURE + name: ""}) for name, title in FIGURES.items())
    return (
        Panel("Loss", {"train_loss": "training", "valid_loss": valid, "test_loss": "test"}),
        Panel(
            "Accuracy, %",
            {
                "train_accuracy": "training",
                "valid_accuracy": valid,
                "test_top1": "test",
                "test_top5": "test, top-5",
            },
            factor=100,
        ),
        Panel("Learning rate of w", {"learning_rate": ""}),
        _of_cells("Entropy of α's shares, nats an edge", "alpha_entropy"),
        _of_cells("Skip connections in the genotype", "skip_connections", counts=True),
        _of_cells("Skip connections in the genotype", "skips", counts=True),
        _of_cells("Share of none, % of an edge's weight", "none_share", factor=100),
        Panel("Dominant eigenvalue of the Hessian of the loss by α", {"eigenvalue": ""}),
        *figures,
        Panel("Drop path", {"drop_path": ""}, mostly_zero=True),
        Panel("Images a second", {"images_per_second": ""}, SPEED),
        Panel("Seconds an epoch", {"seconds": ""}, SPEED),
        Panel("Waiting for data, % of the time", {"loader_share": ""}, SPEED, factor=100),
        Panel(
            "Unreadable images",
            {
                "skipped_images": "training",
                "skipped_valid_images": "validation",
                "skipped_test_images": "test",
            },
            SPEED,
            counts=True,
            mostly_zero=True,
        ),
    )


def panels_for(figures: dict[str, bool], validates: bool | None) -> list[Panel]:
    """Choose the panels that show these figures, each with the curves that there are.

    `figures` tells of every figure, by its key, whether it is ever anything but zero; `validates`
    is None where some runs do and others do not.
    """
    left = [key for key in figures if key not in NOT_SHOWN]
    chosen = []
    for panel in _known(validates):
        lines = {key: label for key, label in panel.lines.items() if key in left}
        left = [key for key in left if key not in lines]
        known = any(panel.title == other.title for other in chosen)  # by its older names
        if lines and not known and (not panel.mostly_zero or any(figures[k] for k in lines)):
            chosen.append(replace(panel, lines=lines))
    unknown = [Panel(key.removeprefix(FIGURE).replace("_", " "), {key: ""}) for key in left]
    at = next((i for i, panel in enumerate(chosen) if panel.group == SPEED), len(chosen))
    return chosen[:at] + unknown + chosen[at:]
