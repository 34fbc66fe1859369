"""What the page knows of one run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from dartslib.cell_history import History, genotype_files, read_history
from dartslib.cli import UserError, as_utf8, warn
from dartslib.decisions import Decision, read_decisions
from dartslib.genotype import load_genotype
from dartslib.method import method_of
from dartslib.records import numbers_of
from dartslib.runlog import Alphas, Metrics, diverged, read_alphas, read_metrics
from dartslib.settings import Settings, epochs_planned, read_config, read_json

Series = tuple[list[int], list[float | None]]
DIGITS = 6  # of the figures that the page shows


@dataclass(frozen=True)
class Run:
    """A search or a training, finished or going on.

    `history` is None where no genotype is found yet; without `alphas` it is a training.
    """

    name: str
    config: Settings
    environment: Settings
    result: Settings
    metrics: Metrics
    alphas: Alphas | None
    history: History | None
    method: str
    broken: str
    decisions: list[Decision]

    @property
    def searches(self) -> bool:
        """Tell a search from a training."""
        return any(key.startswith("search.") for key in self.config)

    def series(self) -> dict[str, Series]:
        """Return every figure by its key: epochs and values; None is a gap in its curve.

        An epoch whose record does not have the figure at all is left out.
        """
        found: dict[str, Series] = {}
        for record in self.metrics.records:
            for key, value in numbers_of(record).items():
                epochs, values = found.setdefault(key, ([], []))
                epochs.append(record["epoch"])
                values.append(None if value is None else rounded(value))
        return {key: pair for key, pair in found.items() if any(v is not None for v in pair[1])}

    def summary(self) -> Settings:
        """Return what tells runs apart at a glance."""
        config, planned = self.config, epochs_planned(self.config)
        selects = config.get("selection.by", "none") != "none"
        search = (
            f"{'selection by ' + config['selection.by'] if selects else 'search'} ({self.method})"
        )
        table = {
            "kind": search if self.searches else "training",
            "data set": config.get("data.dataset", ""),
            "seed": config.get("seed", ""),
            "epochs": f"{len(self.metrics.records)}" + (f" of {planned}" if planned else ""),
        }
        if stop := self.metrics.stop:
            table["epochs"] += f", stopped early: {stop.why}"
            table["genotype"] = f"of epoch {stop.genotype_epoch}"
        valid = "validation" if self.metrics.validates else "images trained on"
        for key, label in (("valid_accuracy", valid), ("test_top1", "test")):
            values = [v for v in self.metrics.column(key) if math.isfinite(v)]
            if values:
                table[f"{label}: last epoch"] = f"{100 * values[-1]:.2f} %"
                table[f"{label}: best epoch"] = f"{100 * max(values):.2f} %"
        seconds = [s for s in self.metrics.column("seconds") if math.isfinite(s)]
        if seconds:
            table["time of all steps"] = duration(sum(seconds))
        return table


def rounded(value: float, digits: int = DIGITS) -> float | None:
    """Round to so many digits; None for what is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def duration(seconds: float) -> str:
    """Write a time in its two largest units."""
    minutes = int(seconds) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min {int(seconds) % 60:02} s" if minutes else f"{seconds:.1f} s"


def read_run(path: Path) -> Run:
    """Read a run directory; what is missing or broken in it is an error in one line."""
    if not path.is_dir():
        raise UserError(f"{path}: no such run directory")
    config = read_config(path)
    history, alphas = None, None
    has_genotype = (path / "genotype.json").exists()
    metrics = read_metrics(path, may_be_empty=has_genotype)
    if (path / "alphas.jsonl").exists():
        alphas = read_alphas(path)
    last = metrics.last_epoch
    if genotype_files(path, last):
        history = read_history(path, last, metrics.stop and metrics.stop.genotype_epoch)
    elif has_genotype:
        history = History({last or 0: load_genotype(str(path / "genotype.json"))})
    broken = diverged(metrics, alphas)
    if broken:
        warn(f"{path}: the run diverged, and what is not finite is left out: {broken}")
    return Run(
        as_utf8(path.resolve().name),
        config,
        read_json(path / "environment.json"),
        read_json(path / "result.json"),
        metrics,
        alphas,
        history,
        method_of(path),
        broken,
        read_decisions(path / "metrics.jsonl", alphas, config, lambda _: None),  # warned already
    )
