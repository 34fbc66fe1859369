"""The page of runs: what it is made of. How it works in a browser is in test_report_page.py."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Script, fails_in_one_line
from example_runs import alpha_record, make_search, make_training, search_record, write_lines

from dartslib.genotype import parse_genotype
from dartslib.genotype_notation import parse_notation
from dartslib.report.page import SCRIPTS, _read, notation
from dartslib.report.panels import panels_for
from dartslib.report.run_data import duration
from dartslib.settings import differing, epochs_planned, flat, read_config

needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz's dot is not installed"
)


def data_of(page: Path) -> dict[str, Any]:
    """The figures that the page holds."""
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL
    )
    assert found
    return json.loads(found[1])


@needs_dot
def test_one_search(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path)
    result = script("report.py", run)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == str(run / "report.html")
    data = data_of(run / "report.html")
    assert data["title"] == "search-1"
    (only,) = data["runs"]
    assert only["summary"]["epochs"] == "3 of 3"
    assert only["summary"]["validation: last epoch"] == "60.00 %"
    assert only["summary"]["time of all steps"] == "4 min 30 s"
    assert only["series"]["train_loss"] == [[1, 2, 3], [2.0, 1.0, 0.666667]]
    assert only["cells"]["epochs"] == [1, 2, 3]
    assert only["config"]["space.primitives"] == "[none, max_pool_3x3, skip_connect, sep_conv_3x3]"
    assert only["environment"] == {"threads": "2", "device.name": "cpu"}
    frames = only["cells"]["kinds"]["normal"]["frames"]
    assert "max_pool_3x3" in frames[0]["operations"] and frames[0]["outputs"] == [3]
    weights = only["alphas"]["cells"]["normal"][0]["weights"]
    assert weights[0][0] == 0.25 and weights[3][3] > weights[0][3]
    titles = [panel["title"] for panel in data["panels"]]
    assert titles[:3] == ["Loss", "Accuracy, %", "Learning rate of w"]
    assert "Unreadable images" not in titles


@needs_dot
def test_searches_and_a_training_beside_each_other(script: Script, tmp_path: Path) -> None:
    runs = [make_search(tmp_path), make_search(tmp_path, "b", 2, seed=4), make_training(tmp_path)]
    result = script("report.py", *runs, "--title", "All of them")
    assert (result.returncode, result.stdout) == (0, "report.html\n")
    data = data_of(tmp_path / "report.html")
    assert data["differing"] == {
        "config": ["seed", "search.epochs"],
        "environment": [],
    }
    training = data["runs"][2]
    assert training["alphas"] is None and training["cells"]["epochs"] == [2]
    assert training["result"]["parameters"] == "1234"
    assert training["summary"]["test: last epoch"] == "75.00 %"
    assert "<title>All of them</title>" in (tmp_path / "report.html").read_text()


@needs_dot
def test_two_runs_of_one_name_are_told_apart(script: Script, tmp_path: Path) -> None:
    runs = [make_search(tmp_path / folder) for folder in ("a", "b")]
    assert script("report.py", *runs).returncode == 0
    names = [run["name"] for run in data_of(tmp_path / "report.html")["runs"]]
    assert names == ["search-1 (1)", "search-1 (2)"]


@needs_dot
def test_no_name_ends_the_script_or_becomes_markup(script: Script, tmp_path: Path) -> None:
    name = "</script><img src=x onerror=alert(1)>"
    run = make_search(tmp_path, "r")
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("name: example", f"name: '{name}'"))
    assert script("report.py", run, "-o", "p.html", "--title", name).returncode == 0
    page = (tmp_path / "p.html").read_text()
    assert page.count("</script>") == 2 and "<img" not in page
    assert data_of(tmp_path / "p.html")["title"] == name
    assert data_of(tmp_path / "p.html")["runs"][0]["config"]["name"] == name


def test_the_scripts_can_be_inlined() -> None:
    for name in SCRIPTS:
        assert not re.search(r"</script|<!--|@@", _read(name), re.IGNORECASE), name
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", "".join(map(_read, SCRIPTS)))
    assert "url(" not in _read("page.css") and "@import" not in _read("page.css")


@needs_dot
def test_figures_that_are_not_known_or_not_finite(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path)
    more = [
        {"eigenvalue": 0.5, "new_figure": 7, "method": {"tau": 9.0, "stage": 1}, "deep": {"er": 2}},
        {"train_loss": math.nan, "skip_connections_normal": None, "skip_connections_reduce": 1},
        {"train_loss": None, "is_good": True, "skip_connections_normal": 2, "eigenvalue": 1.5},
    ]
    write_lines(run / "metrics.jsonl", [search_record(i + 1) | more[i] for i in range(3)])
    result = script("report.py", run)
    assert result.returncode == 0
    assert result.stderr == (
        f"warning: {run}: the run diverged, and what is not finite is left out: "
        "train_loss (epoch 2)\n"
    )
    data = data_of(run / "report.html")
    series = data["runs"][0]["series"]
    assert series["train_loss"] == [[1, 2, 3], [2.0, None, None]]
    assert series["eigenvalue"] == [[1, 3], [0.5, 1.5]]  # measured in these
    assert series["skip_connections_normal"] == [[2, 3], [None, 2.0]]
    titles = {panel["title"]: panel["lines"][0]["key"] for panel in data["panels"]}
    assert titles["new figure"] == "new_figure" and titles["deep.er"] == "deep.er"
    assert titles["Temperature τ"] == "method.tau" and "stage" not in titles
    assert "Dominant eigenvalue of the Hessian of the loss by α" in titles
    assert "is_good" not in series
    assert data["runs"][0]["broken"] == "train_loss (epoch 2)"


@needs_dot
def test_alphas_that_are_not_finite(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path)
    broken = alpha_record(3) | {"normal": [[None] * 4] * 9}
    write_lines(run / "alphas.jsonl", [alpha_record(2), broken])
    result = script("report.py", run)
    assert result.returncode == 0 and "alpha (epoch 3)" in result.stderr
    weights = data_of(run / "report.html")["runs"][0]["alphas"]["cells"]["normal"][0]["weights"]
    assert weights[0][1] is None and weights[0][0] is not None


@needs_dot
def test_a_run_that_goes_on(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path, epochs=2, method="fair-darts")
    (run / "genotypes" / "epoch_001.json").unlink()  # of which alphas meant none
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"kind":"epoch","epo')
    (run / "config.yaml").write_text(
        (run / "config.yaml").read_text().replace("epochs: 2", "epochs: 9")
    )
    result = script("report.py", run)
    assert result.returncode == 0 and "last line is cut off" in result.stderr
    (only,) = data_of(run / "report.html")["runs"]
    assert only["summary"]["epochs"] == "2 of 9"
    assert only["summary"]["kind"] == "search (fair-darts)"
    assert only["cells"]["epochs"] == [2]
    shutil.rmtree(run / "genotypes")
    assert script("report.py", run).returncode == 0
    assert data_of(run / "report.html")["runs"][0]["cells"] is None


@needs_dot
def test_a_search_that_only_draws_a_genotype(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path, epochs=0, method="random")
    make_search(tmp_path, "other", 1)
    shutil.copy(tmp_path / "other/genotypes/epoch_001.json", run / "genotypes/epoch_000.json")
    shutil.copy(tmp_path / "other/genotypes/epoch_001.json", run / "genotype.json")
    assert script("report.py", run).returncode == 0
    data = data_of(run / "report.html")
    assert data["panels"] == [] and data["runs"][0]["cells"]["epochs"] == [0]


def test_errors(script: Script, tmp_path: Path) -> None:
    fails_in_one_line(script("report.py", "nowhere"), "nowhere: no such run directory")
    run = make_search(tmp_path)
    (tmp_path / "empty").mkdir()
    fails_in_one_line(script("report.py", run, "empty"), "empty: not a run directory")
    (run / "environment.json").write_text("{")
    fails_in_one_line(script("report.py", run), "environment.json: not JSON")
    (run / "config.yaml").write_text("a: [")
    fails_in_one_line(script("report.py", run), "config.yaml: not YAML")
    (run / "config.yaml").write_text("search: {epochs: 3}")
    (run / "metrics.jsonl").write_text("{}\n[]\n{}\n")
    fails_in_one_line(script("report.py", run), "metrics.jsonl, line 2")
    (run / "metrics.jsonl").write_text("")
    fails_in_one_line(script("report.py", run), "no finished epoch yet")
    assert not list(tmp_path.rglob("*.html")) and not list(tmp_path.rglob("*.part"))


@needs_dot
def test_unwritable_output(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path)
    fails_in_one_line(script("report.py", run, "-o", "/proc/p.html"), "cannot write /proc/p.html")


def test_a_genotype_as_text_can_be_read_again(genotype_file: Path) -> None:
    genotype = parse_genotype(genotype_file.read_text(), "g.json", "g")
    fields = parse_notation(notation(genotype), "text")
    assert fields["normal"][2] == [("max_pool_3x3", 1), ("none", 3)]
    assert fields["reduce_concat"] == [2, 3]


def test_panels_of_newer_names_and_of_zeros() -> None:
    panels = panels_for(dict.fromkeys(["skips_normal", "none_share_reduce"], True), True)
    assert [panel.title for panel in panels] == [
        "Skip connections in the genotype",
        "Share of none, % of an edge's weight",
    ]
    assert panels_for({"drop_path": False, "skipped_images": False}, True) == []
    assert panels_for({"drop_path": True}, True)[0].title == "Drop path"
    joint = panels_for({"valid_loss": True}, False)
    assert joint[0].lines == {"valid_loss": "part of the images trained on"}
    mixed = panels_for({"valid_loss": True}, None)
    assert mixed[0].lines == {"valid_loss": "validation; of joint searches, of images trained on"}


def test_differing_settings() -> None:
    tables = [{"a": "1", "b": "2"}, {"a": "1", "c": "3"}, {"a": "1", "d": "4"}]
    assert differing(tables, ["search", "search", "training"]) == ["b", "c"]
    assert differing([{"a": "1"}, {"a": "2"}], ["search", "training"]) == ["a"]
    assert differing(tables[:1], ["search"]) == []
    assert flat({"a": {"b": [1, [True]], "c": None}, "d": 0.25}) == {
        "a.b": "[1, [true]]",
        "a.c": "null",
        "d": "0.25",
    }


def test_times() -> None:
    assert [duration(s) for s in (4.34, 61, 7325)] == ["4.3 s", "1 min 01 s", "2 h 02 min"]


def test_epochs_planned(tmp_path: Path) -> None:
    config = read_config(make_search(tmp_path))
    assert epochs_planned(config) == 3
    selection = config | {"selection.by": "perturbation"}
    assert epochs_planned(selection) == 81  # 14 edges and 3 nodes, 5 epochs between each
    smaller = {"selection.interval": "1", "space.nodes": "2", "space.edges_per_node": "[2, 3]"}
    assert epochs_planned(selection | smaller) == 5
    assert epochs_planned(selection | {"space.edges_per_node": "[2, 2]"}) is None
    assert epochs_planned(config | {"search.method": "random"}) is None
    assert epochs_planned({"train.epochs": "600"}) == 600
