"""What a selection by perturbation decided, edge by edge and node by node, and by which figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dartslib.cell import INPUTS, first_edge, state_name
from dartslib.cli import UserError
from dartslib.records import OnCut, read_records, whole_number
from dartslib.runlog import CELL_TYPES, Alphas
from dartslib.settings import Settings

MOST = 10_000  # edges of a cell
NONE = "none"  # stands in a list of figures, but is no candidate


@dataclass(frozen=True)
class Trial:
    """How the supernet does without a candidate; `round` counts from 1 where a node drops edges."""

    candidate: str
    round: int
    accuracy: float
    loss: float


@dataclass(frozen=True)
class Decision:
    """An edge's operation or, where `edge` is None, which edges a node keeps.

    It is made before the first step of `epoch`; `kept` names what stays.
    """

    epoch: int
    cell: str
    node: int
    edge: int | None
    kept: list[str]
    trials: list[Trial]

    def rounds(self) -> list[list[Trial]]:
        """Return the trials, round by round."""
        numbers = sorted({trial.round for trial in self.trials})
        return [[trial for trial in self.trials if trial.round == n] for n in numbers]

    @property
    def subject(self) -> str:
        """Name what is decided on."""
        if self.edge is None:
            return f"edges into {self.node}"
        return f"{state_name(self.edge - first_edge(self.node))} → {self.node}"


def by_loss(config: Settings) -> bool:
    """Tell whether candidates are judged by the loss, not by the accuracy."""
    return config.get("selection.criterion") == "loss"


def read_decisions(
    path: Path, alphas: Alphas | None, config: Settings, on_cut: OnCut
) -> list[Decision]:
    """Read the decisions in RUN/metrics.jsonl, those of a resumed run once."""
    found: dict[tuple[Any, ...], Decision] = {}
    last = 0
    for number, record in read_records(path, on_cut):
        if record.get("kind") == "epoch":
            last = whole_number(record, "epoch", path, number)
        elif record.get("kind") == "decision":
            try:
                decision = _decision(record, last + 1, alphas, by_loss(config))
            except (KeyError, TypeError, ValueError):
                raise UserError(f"{path}, line {number}: not a decision of a selection") from None
            found[decision.cell, decision.node, decision.edge] = decision
    return sorted(found.values(), key=lambda d: (d.epoch, CELL_TYPES.index(d.cell)))


def _decision(record: dict[str, Any], epoch: int, alphas: Alphas | None, loss: bool) -> Decision:
    """Check and convert a record."""
    cell = record["cell"]
    figures = [(_figure(one["accuracy"]), _figure(one["loss"])) for one in record["figures"]]
    if cell not in CELL_TYPES:
        raise ValueError
    if "edge" not in record:
        node, kept = _number(record["node"]), record["edges"]
        names = _names_in_rounds(node, figures, len(kept), loss)
        return Decision(epoch, cell, node, None, [_source(node, e) for e in kept], names)
    edge = _number(record["edge"])
    names = alphas.primitives[cell][edge] if alphas and edge < len(alphas.primitives[cell]) else []
    if len(names) != len(figures):
        names = [f"operation {i}" for i in range(len(figures))]
    trials = [
        Trial(name, 1, *pair)
        for name, pair in zip(names, figures, strict=True)
        if name != NONE or len(names) == 1
    ]
    node = next(n for n in range(edge + 1) if edge < first_edge(n + 1))
    return Decision(epoch, cell, node, edge, [str(record["operation"])], trials)


def _number(value: Any) -> int:
    """Check the number of a node or an edge."""
    if type(value) is not int or not 0 <= value < MOST:
        raise ValueError
    return value


def _figure(value: Any) -> float:
    """Convert a number; null stands for NaN."""
    return math.nan if value is None else float(value)


def _source(node: int, edge: int) -> str:
    """Name the state that an edge into a node comes from."""
    if not 0 <= edge - first_edge(node) < node + INPUTS:
        raise ValueError
    return state_name(edge - first_edge(node))


def _names_in_rounds(
    node: int, figures: list[tuple[float, float]], kept: int, loss: bool
) -> list[Trial]:
    """Name the edges that were tried: in each round one goes, the last of those missed least."""
    left, trials, at = [state_name(state) for state in range(node + INPUTS)], [], 0
    while len(left) > kept:
        pairs = figures[at : at + len(left)]
        if len(pairs) < len(left):
            raise ValueError
        number = node + INPUTS - len(left) + 1
        trials += [Trial(name, number, *pair) for name, pair in zip(left, pairs, strict=True)]
        at += len(left)
        left.pop(_missed_least([pair[1] if loss else -pair[0] for pair in pairs]))
    return trials


def _missed_least(values: list[float]) -> int:
    """Return the place of the last of the smallest values, with NaN as the program has it."""
    least = 0
    for place, value in enumerate(values):
        if not value > values[least]:
            least = place
    return least
