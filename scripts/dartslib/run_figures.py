"""Every figure of a run as points over epochs and steps, for other programs to plot.

A run that goes on may be resumed from an earlier checkpoint, which cuts its records: what is read
here is always all that the records say now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dartslib.cell_history import genotype_files
from dartslib.cli import UserError
from dartslib.decisions import Decision, read_decisions
from dartslib.records import OnCut, numbers_of, read_records, whole_number
from dartslib.runlog import Alphas, read_alphas, read_stop
from dartslib.settings import epochs_planned, read_config

Figures = dict[str, float]
AXES = ("epoch", "step")  # of the records, no figures


@dataclass(frozen=True)
class RunFigures:
    """What a run's records say: figures by epoch, and by epoch and step within it.

    `genotypes` are the files of the epochs that are recorded; `planned` epochs end the run, where
    the configuration says how many. `decisions` are those of a selection. `ended` before that: a
    search that stopped early, or one that trains nothing and has its genotype.
    """

    epochs: dict[int, Figures]
    steps: dict[tuple[int, int], Figures]
    alphas: Alphas | None
    genotypes: dict[int, Path] = field(default_factory=dict)
    planned: int | None = None
    decisions: list[Decision] = field(default_factory=list)
    ended: bool = False

    @property
    def finished(self) -> bool:
        """Tell whether the last epoch is there."""
        if self.ended:
            return True
        return self.planned is not None and max(self.epochs, default=0) >= self.planned

    def is_empty(self) -> bool:
        """Tell whether nothing is recorded yet."""
        return not (self.epochs or self.steps or self.alphas)

    def global_step(self, epoch: int, step: int) -> int:
        """Number a recorded step over all epochs, each as long as the last step of the first."""
        first = min(self.steps)[0]
        length = max(s for e, s in self.steps if e == first)
        return (epoch - 1) * length + step


def read_figures(run: Path, on_cut: OnCut) -> RunFigures:
    """Read a run's figures; those that are not finite are left out."""
    config = read_config(run)
    planned = epochs_planned(config)
    epochs: dict[int, Figures] = {}
    steps: dict[tuple[int, int], Figures] = {}
    path = run / "metrics.jsonl"
    ended = planned is None and (run / "genotype.json").exists()
    for number, record in read_records(path, on_cut):
        ended = ended or read_stop(record, path, number) is not None
        if record.get("kind") not in ("epoch", "step"):
            continue
        figures = {k: v for k, v in numbers_of(record).items() if v is not None and k not in AXES}
        epoch = whole_number(record, "epoch", path, number)
        if record["kind"] == "epoch":
            epochs[epoch] = figures
        else:
            steps[epoch, whole_number(record, "step", path, number)] = figures
    alphas = None
    if (run / "alphas.jsonl").exists() and (run / "alphas.jsonl").stat().st_size:
        alphas = read_alphas(run, on_cut)
    last = max([*epochs, *(alphas.epochs if alphas else [])], default=-1)
    decisions = read_decisions(path, alphas, config, lambda _: None)  # told already
    return RunFigures(epochs, steps, alphas, genotype_files(run, last), planned, decisions, ended)


def check_is_run(run: Path) -> None:
    """Make sure that this is a run directory."""
    if not run.is_dir():
        raise UserError(f"{run}: no such run directory")
    read_config(run)
