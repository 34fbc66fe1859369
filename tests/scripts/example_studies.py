"""A study's folder, as darts_select leaves it, for what shows studies."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from itertools import combinations
from pathlib import Path
from typing import Any

from conftest import GENOTYPE
from example_runs import CELLS, make_search, make_training, search_record, write_lines

from dartslib.genotype import genotype_from
from dartslib.report.page import notation

SEARCHES = {"first": 0.90, "pc-darts": 0.92}
EIGENVALUES = {1: 0.25, 3: 0.5}  # by epoch, of searches by `first`


def write_results(study: Path, results: dict[str, Any]) -> None:
    """Write results.json."""
    (study / "results.json").write_text(json.dumps(results, indent=2))


def read_results(study: Path) -> dict[str, Any]:
    """Read results.json, to be changed."""
    return json.loads((study / "results.json").read_text())


def make_study(
    folder: Path, seeds: int = 3, random: int = 4, epochs: int = 3, known: str = "DARTS_V2"
) -> Path:
    """Write a finished study: two methods of so many seeds, random and one known genotype."""
    study = folder / "small"
    candidates = []
    for offset, (method, accuracy) in enumerate(SEARCHES.items()):
        for seed in range(seeds):
            config = {"seed": seed, "method": "pc-darts" if method == "pc-darts" else "darts"}
            run = make_search(study / "searches", f"{method}-{seed}", epochs, **config)
            write_epochs(run, epochs, method, seed)
            candidates.append(candidate(f"{method}-{seed}", method, seed, accuracy + 0.004 * seed))
            candidates[-1]["skip_connections_normal"] = (seed + offset) % 3
            candidates[-1]["search"] = {
                "seconds": 90.0 * epochs,
                "valid_accuracy": max(0.6 - 0.1 * seed, 0.0),
                "eigenvalue": None,
            }
            if method == "first":
                last = max(epoch for epoch in EIGENVALUES if epoch <= epochs)
                candidates[-1]["search"]["eigenvalue"] = EIGENVALUES[last] + seed
    for seed in range(random):
        candidates.append(candidate(f"random-{seed}", "random", seed, 0.89 + 0.005 * seed))
    candidates.append(candidate(known, known, 0, 0.93))
    for run in [*(c["name"] for c in candidates if c["search"]), *trainings_of(candidates)]:
        write_outcome(study, run, {"finished": True})
    template = make_training(folder, "template")
    for name in trainings_of(candidates):
        shutil.copytree(template, study / "trainings" / name)
    shutil.rmtree(template)
    write_results(study, results_of(candidates))
    return study


def write_outcome(study: Path, run: str, outcome: dict[str, Any]) -> None:
    """Write how a run ended."""
    (study / "outcomes").mkdir(parents=True, exist_ok=True)
    (study / "outcomes" / f"{run}.json").write_text(json.dumps(outcome))


def trainings_of(candidates: list[dict[str, Any]]) -> list[str]:
    """Return the trainings' names."""
    return [training["name"] for c in candidates for training in c["trainings"]]


def write_epochs(run: Path, epochs: int, method: str, seed: int) -> None:
    """Write records as methods differ in them."""
    records = []
    for epoch in range(1, epochs + 1):
        record = search_record(epoch) | {"skip_connections_normal": (epoch + seed) % 4}
        if method == "first" and epoch in EIGENVALUES:
            record["eigenvalue"] = EIGENVALUES[epoch] + seed
        records.append(record)
    write_lines(run / "metrics.jsonl", records)


def candidate(name: str, method: str, seed: int, accuracy: float) -> dict[str, Any]:
    """A candidate of two trainings."""
    trainings = [
        {"name": f"{name}-t{t}", "seed": t, "selection_top1": accuracy + off, "seconds": 60.0}
        for t, off in enumerate((-0.001, 0.001))
    ]
    genotype = genotype_from(GENOTYPE | CELLS[seed % 2], "", name)
    return {
        "name": name,
        "method": method,
        "seed": seed,
        "selection_top1": accuracy,
        "parameters": 1_000_000 + 1000 * seed,
        "multiply_adds": 50_000_000,
        "skip_connections_normal": seed % 3,
        "skip_connections_reduce": 1,
        "search": None,
        "trainings": trainings,
        "genotype": notation(genotype),
    }


def results_of(candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum candidates up; the statistics are nearly the program's."""
    ranked = sorted(candidates, key=lambda c: -c["selection_top1"])
    methods = [method_of(ranked, name) for name in dict.fromkeys(c["method"] for c in ranked)]
    several = [m for m in methods if m["candidates"] > 1]
    above_random(methods)
    return {
        "study": "small",
        "hold_out": 5000,
        "candidates": ranked,
        "methods": methods,
        "comparisons": [comparison(*pair) for pair in combinations(several, 2)],
        "correlations": [
            correlation("supernet_valid_accuracy", 0.25),
            correlation("skip_connections_normal", -0.5),
            correlation("eigenvalue", None),
        ],
        "missing": [],
        "winner": {
            "candidate": ranked[0]["name"],
            "compared": [c["name"] for c in ranked],
            "test_top1": [0.925, 0.921],
        },
    }


def correlation(figure: str, rank: float | None) -> dict[str, Any]:
    """A correlation, as of twelve candidates."""
    p = None if rank is None else 0.0625
    return {"figure": figure, "candidates": 12, "rank_correlation": rank, "p": p}


def above_random(methods: list[dict[str, Any]]) -> None:
    """Add to every method how far it is above chance."""
    random = next((m for m in methods if m["name"] == "random" and m["candidates"] > 1), None)
    for method in methods:
        if random is None or method is random:
            method["above_random"] = None
        else:
            higher = method["selection_top1"] - random["selection_top1"]
            method["above_random"] = higher / random["standard_deviation"]


def method_of(candidates: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Sum a method's candidates up."""
    own = sorted((c for c in candidates if c["method"] == name), key=lambda c: c["seed"])
    values = [c["selection_top1"] for c in own]
    mean, several = statistics.mean(values), len(values) > 1
    deviation = statistics.stdev(values) if several else None
    method = {
        "name": name,
        "candidates": len(own),
        "seeds": [c["seed"] for c in own],
        "selection_top1": mean,
        "standard_deviation": deviation,
    }
    if several:
        half = 3 * deviation / math.sqrt(len(own))
        method["interval_95"] = [mean - half, mean + half]
    return method | {
        "parameters": statistics.mean(c["parameters"] for c in own),
        "multiply_adds": 5e7,
        "skip_connections_normal": statistics.mean(c["skip_connections_normal"] for c in own),
        "search_seconds": 270.0 if own[0]["search"] else 0.0,
    }


def comparison(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Compare two methods, in words that fit."""
    difference = first["selection_top1"] - second["selection_top1"]
    noise = abs(difference) < 0.015
    return {
        "first": first["name"],
        "second": second["name"],
        "paired": "random" not in (first["name"], second["name"]),
        "difference": difference,
        "t": 100 * difference,
        "degrees_of_freedom": 2.0,
        "p": 0.25 if noise else 0.0002,
        "p_corrected": 0.5 if noise else 0.0004,
        "within_noise": noise,
    }
