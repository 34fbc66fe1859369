"""What docs/results.md says of the study follows from the numbers in docs/results."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SEARCHES = {"first", "first-old-init", "second", "joint", "pc-darts"}


def rows(name: str) -> list[dict[str, str]]:
    """Return the lines of a CSV file in docs/results."""
    with (DOCS / "results" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def text() -> str:
    """Return the page, a paragraph a line."""
    page = (DOCS / "results.md").read_text(encoding="utf-8")
    return re.sub(r"(?<!\n)\n(?![\n|#-])", " ", page)


@pytest.fixture
def accuracies() -> dict[str, list[float]]:
    """Return each method's accuracies in percent: a candidate's is the mean over its trainings."""
    trainings: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows("small.csv"):
        trainings[row["method"], row["candidate"]].append(100 * float(row["selection_top1"]))
    methods: dict[str, list[float]] = defaultdict(list)
    for (method, _), values in trainings.items():
        methods[method].append(mean(values))
    return methods


def test_the_study_is_whole(accuracies: dict[str, list[float]]) -> None:
    counts = dict.fromkeys(SEARCHES, 3) | {"random": 8}
    assert {name: len(values) for name, values in accuracies.items()} == counts
    assert len(rows("small.csv")) == 2 * sum(counts.values())
    assert len(rows("small_epochs.csv")) == 3 * len(SEARCHES) * 10


def test_the_methods_figures_are_those_of_the_runs(
    text: str, accuracies: dict[str, list[float]]
) -> None:
    table = dict(re.findall(r"^\| ([\w-]+) \| \d+ \| ([\d.]+ ± [\d.]+) \|", text, re.MULTILINE))
    assert table == {name: f"{mean(x):.2f} ± {stdev(x):.2f}" for name, x in accuracies.items()}


def test_the_distances_from_chance_are_those_of_the_runs(
    text: str, accuracies: dict[str, list[float]]
) -> None:
    chance = accuracies.pop("random")
    distances = {
        name: (mean(values) - mean(chance)) / stdev(chance) for name, values in accuracies.items()
    }
    said = re.search(
        r"in standard deviations of theirs: (.*\d)\. More than two above it: (.*)\.", text
    )
    assert said is not None
    assert dict(entry.rsplit(" ", 1) for entry in said[1].split(", ")) == {
        name: f"{distance:+.1f}" for name, distance in distances.items()
    }
    assert set(said[2].split(", ")) == {name for name in distances if distances[name] > 2}


def test_the_candidates_figures_are_those_of_the_runs(text: str) -> None:
    trainings: dict[str, list[float]] = defaultdict(list)
    for row in rows("small.csv"):
        trainings[row["candidate"]].append(100 * float(row["selection_top1"]))
    table = dict(
        re.findall(r"^\| ([\w-]+-\d) \| [\w-]+ \| ([\d.]+ ± [\d.]+) \|", text, re.MULTILINE)
    )
    assert table == {name: f"{mean(x):.2f} ± {stdev(x):.2f}" for name, x in trainings.items()}


def test_the_initial_weights_figures_are_those_of_the_epochs(text: str) -> None:
    epochs = rows("small_epochs.csv")

    def of(method: str, epoch: str) -> list[dict[str, str]]:
        lines = [row for row in epochs if (row["method"], row["epoch"]) == (method, epoch)]
        return sorted(lines, key=lambda row: row["search_seed"])

    def accuracy(lines: list[dict[str, str]], kind: str) -> str:
        return f"{100 * mean(float(row[f'{kind}_accuracy']) for row in lines):.1f}"

    def skips(lines: list[dict[str, str]]) -> str:
        columns = ("skip_connections_normal", "skip_connections_reduce")
        return ", ".join("+".join(row[column] for column in columns) for row in lines)

    table = re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE)
    assert [epoch for epoch, _ in table] == ["1", "2", "4", "6", "8", "10"]
    for epoch, cells in table:
        both = of("first", epoch), of("first-old-init", epoch)
        expected = [accuracy(lines, kind) for kind in ("valid", "train") for lines in both]
        assert cells.split(" | ") == expected + [skips(lines) for lines in both]
