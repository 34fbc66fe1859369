"""Small run directories, as the programs leave them, for what shows runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conftest import write_genotypes

PRIMITIVES = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"]
EDGES = 9  # of three nodes, as the genotypes have
CONFIG = """\
name: example
seed: {seed}
data:
  dataset: fashion_mnist
space:
  primitives: [none, max_pool_3x3, skip_connect, sep_conv_3x3]
search:
  method: {method}
  epochs: {epochs}
"""
TRAINING = """\
name: example
seed: 3
data:
  dataset: fashion_mnist
train:
  epochs: 2
"""
CELLS = (
    {"normal": [[["sep_conv_3x3", 0]], [["skip_connect", 1]], []], "normal_concat": [2, 3]},
    {"normal": [[["max_pool_3x3", 0]], [["skip_connect", 2]], []], "normal_concat": [3]},
)


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    """Write records as JSON Lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def search_record(epoch: int) -> dict[str, Any]:
    """The record of an epoch of a search."""
    return {
        "kind": "epoch",
        "epoch": epoch,
        "learning_rate": 0.1 / epoch,
        "train_loss": 2.0 / epoch,
        "train_accuracy": 0.25 * epoch,
        "valid_loss": 2.5 / epoch,
        "valid_accuracy": 0.2 * epoch,
        "valid_images": "held out",
        "skipped_images": 0,
        "seconds": 90.0,
        "images_per_second": 50.0 + epoch,
    }


def alpha_record(epoch: int) -> dict[str, Any]:
    """The record of alpha after an epoch: at every edge the last operation rises."""
    matrix = [[0.1 * epoch * column for column in range(len(PRIMITIVES))]] * EDGES
    return {"epoch": epoch, "primitives": PRIMITIVES, "normal": matrix, "reduce": matrix}


def make_search(folder: Path, name: str = "search-1", epochs: int = 3, **config: Any) -> Path:
    """Write a search of so many epochs; `config` has its seed, method and epochs planned."""
    run = folder / name
    write_genotypes(run, {epoch: CELLS[epoch % len(CELLS)] for epoch in range(1, epochs + 1)})
    settings = {"seed": 1, "method": "darts", "epochs": epochs} | config
    (run / "config.yaml").write_text(CONFIG.format(**settings))
    (run / "environment.json").write_text('{"threads": 2, "device": {"name": "cpu"}}')
    steps = [
        {"kind": "step", "epoch": epoch, "step": step, "train_loss": 3.0, "gradient_norm": 0.5}
        for epoch in range(1, epochs + 1)
        for step in (10, 20)
    ]
    by_epoch = [search_record(epoch) for epoch in range(1, epochs + 1)]
    records = sorted(steps + by_epoch, key=lambda r: (r["epoch"], r["kind"] == "epoch"))
    write_lines(run / "metrics.jsonl", records)
    write_lines(run / "alphas.jsonl", [alpha_record(epoch) for epoch in range(epochs + 1)])
    return run


def stop_early(run: Path, after: int, genotype_epoch: int) -> None:
    """Have a search end early, with an earlier epoch's genotype, as the program records it."""
    stop = {"kind": "early_stop", "epoch": after, "by": "eigenvalue", "why": "it grew"}
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(stop | {"genotype_epoch": genotype_epoch}) + "\n")
    epoch = run / "genotypes" / f"epoch_{genotype_epoch:03}.json"
    (run / "genotype.json").write_text(epoch.read_text())


def make_training(folder: Path, name: str = "training-1") -> Path:
    """Write a training of two epochs."""
    run = folder / name
    write_genotypes(run, {1: {}})
    (run / "genotypes" / "epoch_001.json").rename(run / "genotype.json")
    (run / "genotypes").rmdir()
    (run / "config.yaml").write_text(TRAINING)
    (run / "result.json").write_text('{"epochs": 2, "test_top1": 0.75, "parameters": 1234}')
    records = [
        {"kind": "epoch", "epoch": e, "train_loss": 1.0 / e, "test_top1": 0.25 + 0.25 * e}
        for e in (1, 2)
    ]
    write_lines(run / "metrics.jsonl", records)
    return run


def make_selection(folder: Path, epochs: int = 11, criterion: str = "accuracy") -> Path:
    """Write a selection by perturbation of 9 edges and then 2 nodes, a decision an epoch."""
    run = make_search(folder, "selection-1", epochs)
    config = (run / "config.yaml").read_text()
    config = config.replace("space:\n", "space:\n  nodes: 3\n  edges_per_node: 2\n")
    chosen = f"selection:\n  by: perturbation\n  criterion: {criterion}\n  interval: 1\n"
    (run / "config.yaml").write_text(config + chosen)
    records = []
    for epoch in range(1, epochs + 1):
        records += [decision_record(epoch, cell) for cell in ("normal", "reduce")]
        records.append(search_record(epoch) | {"valid_accuracy": 0.05 * epoch})
    write_lines(run / "metrics.jsonl", records)
    return run


def decision_record(epoch: int, cell: str) -> dict[str, Any]:
    """The decision before an epoch: the edges in their order, then nodes 1 and 2."""
    if epoch <= EDGES:
        figures = [(0.0, 0.0), (0.5, 1.0), (0.25, 1.5), (0.75, 0.5)]  # of none there are none
        what = {"edge": epoch - 1, "operation": "skip_connect"}
    elif epoch == EDGES + 1:
        figures, what = [(0.5, 1.0), (0.75, 0.5), (0.25, 1.5)], {"node": 1, "edges": [2, 4]}
    else:  # at first the second of four edges goes, then the last of the equal two
        figures = [(0.5, 1.0), (0.75, 0.5), (0.25, 1.5), (0.5, 1.0)]
        figures += [(0.5, 1.0), (0.25, 1.5), (0.5, 1.0)]
        what = {"node": 2, "edges": [5, 7]}
    named = [{"accuracy": accuracy, "loss": loss} for accuracy, loss in figures]
    return {"kind": "decision", "cell": cell, "figures": named} | what
