"""Decisions of a selection by perturbation: read, on the page, for TensorBoard and as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import find, needs_browser
from conftest import Script, fails_in_one_line
from example_runs import decision_record, make_selection, write_lines
from test_report import data_of, needs_dot

from dartslib.decisions import Decision, read_decisions
from dartslib.runlog import read_alphas
from dartslib.settings import read_config


def decisions_of(run: Path) -> list[Decision]:
    config = read_config(run)
    return read_decisions(run / "metrics.jsonl", read_alphas(run), config, lambda _: None)


@pytest.mark.parametrize("criterion", ["accuracy", "loss"])
def test_edges_and_rounds_have_names(tmp_path: Path, criterion: str) -> None:
    found = decisions_of(make_selection(tmp_path, criterion=criterion))
    assert [(d.epoch, d.cell) for d in found[:3]] == [(1, "normal"), (1, "reduce"), (2, "normal")]
    assert len(found) == 22
    assert found[0].subject == "c_{k-2} → 0" and found[14].subject == "0 → 2"
    names = [trial.candidate for trial in found[0].trials]
    assert names == ["max_pool_3x3", "skip_connect", "sep_conv_3x3"]  # none is no candidate
    last = found[-1]
    assert (last.subject, last.kept, last.edge) == ("edges into 2", ["c_{k-2}", "0"], None)
    rounds = [[trial.candidate for trial in trials] for trials in last.rounds()]
    assert rounds == [["c_{k-2}", "c_{k-1}", "0", "1"], ["c_{k-2}", "0", "1"]]


def test_a_resumed_run_says_a_decision_twice(tmp_path: Path) -> None:
    run = make_selection(tmp_path, 2)
    again = decision_record(2, "normal") | {"operation": "max_pool_3x3"}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    write_lines(run / "metrics.jsonl", [*lines[:-1], again, lines[-1]])
    found = [d for d in decisions_of(run) if (d.epoch, d.cell) == (2, "normal")]
    assert [d.kept for d in found] == [["max_pool_3x3"]]


def test_a_loss_that_is_not_finite(script: Script, tmp_path: Path) -> None:
    run = make_selection(tmp_path, criterion="loss")
    text = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(text.replace('"loss": 0.5', '"loss": null'))
    last = decisions_of(run)[-1]
    assert [trial.candidate for trial in last.rounds()[1]] == ["c_{k-2}", "c_{k-1}", "0"]
    assert script("to_tensorboard.py", run, "--to", "csv").returncode == 0


def test_names_without_the_alphas(tmp_path: Path) -> None:
    run = make_selection(tmp_path, 1)
    found = read_decisions(run / "metrics.jsonl", None, read_config(run), lambda _: None)
    assert [trial.candidate for trial in found[0].trials][:2] == ["operation 0", "operation 1"]


@pytest.mark.parametrize(
    "change",
    [
        {"cell": "both"},
        {"figures": [{"accuracy": "high"}]},
        {"edge": None},
        {"edge": -1},
        {"edge": 10**12},
    ],
)
def test_a_broken_decision(script: Script, tmp_path: Path, change: dict[str, Any]) -> None:
    run = make_selection(tmp_path, 1)
    write_lines(run / "metrics.jsonl", [decision_record(1, "normal") | change, {"kind": "x"}])
    result = script("to_tensorboard.py", run, "--to", "csv")
    fails_in_one_line(result, "metrics.jsonl, line 1: not a decision of a selection")


def test_a_node_with_too_few_figures(script: Script, tmp_path: Path) -> None:
    run = make_selection(tmp_path, 1)
    record = decision_record(11, "normal")
    for edges, count in (([5, 7], 3), ([5, 77], 7), ([], 7)):
        changed = record | {"edges": edges, "figures": record["figures"][:count]}
        write_lines(run / "metrics.jsonl", [changed])
        result = script("to_tensorboard.py", run, "--to", "csv")
        fails_in_one_line(result, "line 1: not a decision of a selection")


@needs_dot
def test_on_the_page(script: Script, tmp_path: Path) -> None:
    run = make_selection(tmp_path, criterion="loss")
    assert script("report.py", run).returncode == 0
    (only,) = data_of(run / "report.html")["runs"]
    assert only["summary"]["epochs"] == "11 of 11"
    assert only["decisions"]["by"] == "loss" and len(only["decisions"]["list"]) == 22
    first = only["decisions"]["list"][0]["rounds"][0]
    assert first[1] == {"name": "skip_connect", "value": 1.5}


def test_as_csv(script: Script, tmp_path: Path) -> None:
    run = make_selection(tmp_path)
    assert script("to_tensorboard.py", run, "--to", "csv").returncode == 0
    with (run / "csv/decisions.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:6] == ["epoch", "cell", "edge", "into", "round", "candidate"]
    assert rows[1] == ["1", "normal", "0", "0", "1", "max_pool_3x3", "0.5", "1.0", "0"]
    assert rows[2][-1] == "1"
    assert rows[-1] == ["11", "reduce", "", "2", "2", "1", "0.5", "1.0", "0"]
    assert len(rows) == 1 + 2 * (9 * 3 + 3 + 7)


def test_following_ends_by_itself(script: Script, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = make_selection(tmp_path)
    result = script("to_tensorboard.py", run, "--follow", "--every", "0.1", "--no-images")
    assert (result.returncode, result.stderr) == (0, "")
    events = accumulator.EventAccumulator(str(run / "tensorboard"), {"tensors": 0})
    events.Reload()
    texts = events.Tensors("decisions/reduce/text_summary")
    assert [text.step for text in texts] == list(range(1, 12))
    last = texts[-1].tensor_proto.string_val[0].decode()
    assert last.startswith("edges into 2: **c_{k-2}, 0**")
    assert "| 2 | 1 | 0.5000 | 1.0000 |" in last


class TestInABrowser:
    pytestmark = needs_browser

    def test_a_table_says_what_was_kept(self, opened: Callable[..., Any], tmp_path: Path) -> None:
        browser = opened(make_selection(tmp_path))
        rows = find(browser, "#decisions tbody tr")
        assert len(rows) == 22
        shown = " ".join(rows[0].text.split())
        assert shown.startswith("1 Normal cell ck−2 → 0 skip_connect")
        assert [part.text for part in find(browser, "#decisions tr:first-child .kept")] == [
            "skip_connect 25.00"
        ]
        assert len(find(browser, "#decisions tr:last-child .trials")) == 2

    def test_only_selections_have_it(self, opened: Callable[..., Any], tmp_path: Path) -> None:
        run = make_selection(tmp_path, 1)
        lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
        (run / "metrics.jsonl").write_text(lines[-1])
        assert not find(opened(run), "#decisions")
