from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SCRIPTS, Script, fails_in_one_line

from dartslib.cell import nodes_of
from dartslib.cli import UserError
from dartslib.method import softmax
from dartslib.operations import curve_colours
from dartslib.runlog import read_alphas, read_metrics

PRIMITIVES = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"]


def epoch_record(epoch: int) -> dict[str, Any]:
    return {
        "kind": "epoch",
        "epoch": epoch,
        "train_loss": 2.0 / epoch,
        "train_accuracy": 0.5,
        "valid_loss": 2.1 / epoch,
        "valid_accuracy": 0.4,
        "alpha_entropy_normal": 1.3,
        "alpha_entropy_reduce": 1.2,
        "skip_connections_normal": epoch // 2,
        "skip_connections_reduce": 0,
    }


def alpha_record(epoch: int, nodes: int = 2, primitives: list[str] = PRIMITIVES) -> dict[str, Any]:
    rows, columns = nodes * (nodes + 3) // 2, len(primitives)
    matrix = [[0.1 * epoch * (i + j) for j in range(columns)] for i in range(rows)]
    return {"epoch": epoch, "primitives": primitives, "normal": matrix, "reduce": matrix}


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def make_run(folder: Path, epochs: int, **options: Any) -> Path:
    run = folder / "cifar10-run"
    run.mkdir()
    steps = [{"kind": "step", "step": 1, "train_loss": 9.0}]
    write_lines(run / "metrics.jsonl", steps + [epoch_record(e) for e in range(1, epochs + 1)])
    write_lines(run / "alphas.jsonl", [alpha_record(e, **options) for e in range(epochs + 1)])
    return run


def svg_text(folder: Path) -> str:
    """The text of s.svg, which matplotlib also writes as comments."""
    return (folder / "s.svg").read_text()


def test_default_output(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 3, nodes=4)
    result = script("plot_search.py", run)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == str(run / "search.png")
    assert (run / "search.png").read_bytes().startswith(b"\x89PNG")


def test_one_epoch_as_svg_shows_every_edge(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 1, nodes=2)
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    svg = (tmp_path / "s.svg").read_text()
    assert all(name in svg for name in PRIMITIVES)
    assert len(re.findall("<!-- .*→.* -->", svg)) == 2 * 5
    assert "cifar10-run" in svg and "Reduction cell" in svg and "Loss" in svg


def test_other_primitives_and_one_node_as_pdf(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 2, nodes=1, primitives=["my_conv", "other"])
    assert script("plot_search.py", run, "-o", "s.pdf").returncode == 0
    assert (tmp_path / "s.pdf").read_bytes().startswith(b"%PDF")


def test_every_edge_shows_what_it_offers(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 2, nodes=1)
    sets = {"normal": [["none", "noise"], ["sep_conv_3x3"]], "reduce": ["skip_connect", "noise"]}
    record = {"primitives": sets, "normal": [[0, 1], [5]], "reduce": [[1, 2], [3, 4]]}
    write_lines(run / "alphas.jsonl", [{"epoch": e} | record for e in range(3)])
    alphas = read_alphas(run)
    assert alphas.names == ["none", "noise", "sep_conv_3x3", "skip_connect"]
    np.testing.assert_allclose(alphas.offered("normal", 0)[2], softmax(np.array([0.0, 1.0])))
    np.testing.assert_allclose(alphas.offered("normal", 1), np.ones((3, 1)))
    assert alphas.weights["normal"][0, 1, 1] == 0
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    svg = (tmp_path / "s.svg").read_text()
    assert all(name in svg for name in alphas.names)


def test_cut_off_last_lines_are_skipped_with_a_warning(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 3, nodes=1)
    for name in ("metrics.jsonl", "alphas.jsonl"):
        text = (run / name).read_text()
        (run / name).write_text(text[: len(text) - 20])
    result = script("plot_search.py", run)
    assert result.returncode == 0
    warnings = result.stderr.splitlines()
    assert len(warnings) == 2
    assert all("warning:" in w and "last line is cut off" in w for w in warnings)
    assert len(read_metrics(run).records) == 2
    assert read_alphas(run).epochs == [0, 1, 2]


def test_diverged_search_is_drawn(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 1, nodes=1)
    record = alpha_record(1, nodes=1) | {"normal": [[None] * 4] * 2, "reduce": [[None] * 4] * 2}
    write_lines(run / "alphas.jsonl", [record])
    write_lines(run / "metrics.jsonl", [epoch_record(1) | {"train_loss": None}])
    result = script("plot_search.py", run, "-o", "s.svg")
    assert result.returncode == 0
    assert result.stderr == (
        f"warning: {run}: the search diverged, and what is not finite is left out: "
        "train_loss (epoch 1), alpha (epoch 1)\n"
    )
    assert "diverged; not finite: train_loss (epoch 1), alpha (epoch 1)" in svg_text(tmp_path)


def test_a_joint_search_has_no_validation(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 2, nodes=1)
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    assert "validation" in svg_text(tmp_path)
    joint = [epoch_record(e) | {"valid_images": "trained on"} for e in (1, 2)]
    write_lines(run / "metrics.jsonl", joint)
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    svg = svg_text(tmp_path)
    assert "validation" not in svg and "part of the images trained on" in svg


def test_a_run_whose_name_is_not_utf8_is_drawn(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 1, nodes=1)
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    run.rename(odd)
    result = script("plot_search.py", odd, "-o", "s.svg")
    assert (result.returncode, result.stderr) == (0, "")
    assert "caf\\xe9" in svg_text(tmp_path)


def test_errors(script: Script, tmp_path: Path) -> None:
    fails_in_one_line(script("plot_search.py", "nowhere"), "nowhere: no such run directory")
    run = make_run(tmp_path, 0)
    fails_in_one_line(script("plot_search.py", run), "metrics.jsonl: no finished epoch yet")
    fails_in_one_line(script("plot_search.py", run, "-o", "x.gif"), "png, svg, pdf")
    (run / "alphas.jsonl").unlink()
    fails_in_one_line(script("plot_search.py", run), "no run of darts_search")
    (run / "metrics.jsonl").unlink()
    fails_in_one_line(script("plot_search.py", run), "a search, it has no metrics.jsonl")


def test_unwritable_output(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 1, nodes=1)
    fails_in_one_line(
        script("plot_search.py", run, "-o", "/proc/s.png"), "cannot write /proc/s.png"
    )


def test_a_full_disk_leaves_the_picture_that_was_there(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 1, nodes=1)
    assert script("plot_search.py", run).returncode == 0
    before = (run / "search.png").read_bytes()
    limit = len(before) // 2
    code = (
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        f"sys.argv = ['plot_search.py', {str(run)!r}]\n"
        f"runpy.run_path({str(SCRIPTS / 'plot_search.py')!r}, run_name='__main__')\n"
    )
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    fails_in_one_line(result, "search.png: File too large")
    assert (run / "search.png").read_bytes() == before
    assert [path.name for path in run.glob(".*")] == []


def test_names_are_drawn_as_they_are(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 1, nodes=1).rename(tmp_path / ("lr$0.1^$2 " + "a long name " * 20))
    result = script("plot_search.py", run, "-o", "s.svg")
    assert (result.returncode, result.stderr) == (0, "")
    assert "lr$0.1^$2" in svg_text(tmp_path)


def test_standard_output_may_be_the_picture(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 1, nodes=1)
    (tmp_path / "out.svg").symlink_to("/dev/stdout")
    result = script("plot_search.py", run, "-o", "out.svg")
    assert result.returncode == 0 and "</svg>" in result.stdout


def test_damage_before_the_last_line(tmp_path: Path) -> None:
    run = make_run(tmp_path, 2)
    path = run / "metrics.jsonl"
    path.write_text("{cut\n" + path.read_text())
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 1: "):
        read_metrics(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primitives": "none"}, "'primitives' is not a list"),
        ({"normal": [[1, 2], [3]]}, "'normal' has 2 edges, 'reduce' 5"),
        ({"normal": [[0, 0, 0, 0]] * 4 + [[0]]}, "'normal', edge 4: 4 numbers expected"),
        ({"normal": None}, "'normal' has no edges"),
        ({"normal": [[0, 0, 0]] * 5}, "'normal', edge 0: 4 numbers expected"),
        ({"primitives": {"normal": [["none"]] * 4}}, "'primitives' of 4 edges, 'normal' has 5"),
        ({"primitives": {"normal": PRIMITIVES}}, "'primitives' is not a list"),
        ({"reduce": [[0, 0, 0, 0]] * 3}, "'reduce' has 3 edges"),
        ({"reduce": [[0, 0, 0, 0]] * 2}, "'normal' has 5 edges, 'reduce' 2"),
        ({"normal": [[0] * 4] * 2, "reduce": [[0] * 4] * 2}, "other edges than before"),
        ({"epoch": "1"}, "'epoch' is not a whole number"),
        ({"theta": {"betas_normal": [0.5], "betas_reduce": [1]}}, "'betas_normal': 5 numbers"),
        ({"theta": {"betas_normal": [0] * 5, "betas_reduce": [0] * 5}}, "other edges than"),
    ],
)
def test_wrong_alphas(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    run = make_run(tmp_path, 1)
    write_lines(run / "alphas.jsonl", [alpha_record(0), alpha_record(1) | change])
    with pytest.raises(UserError, match=message) as caught:
        read_alphas(run)
    assert "alphas.jsonl, line 2" in str(caught.value)


def test_empty_alphas(tmp_path: Path) -> None:
    run = make_run(tmp_path, 1)
    (run / "alphas.jsonl").write_text("")
    with pytest.raises(UserError, match="no record yet"):
        read_alphas(run)


def test_a_repeated_epoch_counts_as_last_written(tmp_path: Path) -> None:
    run = make_run(tmp_path, 2)
    later = epoch_record(2) | {"train_loss": 7.0}
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(later))
    assert read_metrics(run).column("train_loss") == [2.0, 7.0]
    assert math.isnan(read_metrics(run).column("absent")[0])


def test_weights_are_the_softmax(tmp_path: Path) -> None:
    alphas = read_alphas(make_run(tmp_path, 2))
    expected = np.exp([0.2 * (4 + j) for j in range(4)])
    np.testing.assert_allclose(alphas.weights["normal"][2, 4], expected / expected.sum())
    assert alphas.nodes == 2
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000.0])), [0.5, 0.5])


def make_method_run(folder: Path, method: str, theta: dict[str, Any], **figures: Any) -> Path:
    """A run of two epochs and one node: alphas 0, 1, 2 and 3 of each edge, after every epoch."""
    run = make_run(folder, 2, nodes=1)
    (run / "config.yaml").write_text(
        f"w:\n  method: no\nsearch:\n  epochs: 2\n  method: {method}\n"
    )
    rows = [[0.0, 1.0, 2.0, 3.0]] * 2
    alphas = {"primitives": PRIMITIVES, "normal": rows, "reduce": rows, "theta": theta}
    write_lines(run / "alphas.jsonl", [{"epoch": epoch} | alphas for epoch in range(3)])
    records = [epoch_record(e) | {"method": {k: v / e for k, v in figures.items()}} for e in (1, 2)]
    write_lines(run / "metrics.jsonl", records)
    return run


def test_edge_weights_are_the_softmax_within_a_node(script: Script, tmp_path: Path) -> None:
    run = make_method_run(
        tmp_path, "pc-darts", {"betas_normal": [0.0, 1.0], "betas_reduce": [2.0, 2.0]}
    )
    alphas = read_alphas(run)
    assert (alphas.weights_of, alphas.edge_weights_of) == ("softmax(α)", "softmax(β)")
    np.testing.assert_allclose(alphas.edge_weights["normal"][2], softmax(np.array([0.0, 1.0])))
    np.testing.assert_allclose(alphas.edge_weights["reduce"], np.full((3, 2), 0.5))
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    svg = (tmp_path / "s.svg").read_text()
    assert svg.count("Edges into a node: softmax(β)") == 2
    assert svg.count("into 0") == 2


def test_edge_weights_of_every_node_sum_to_one(tmp_path: Path) -> None:
    run = make_run(tmp_path, 0, nodes=3)
    betas = [0.3 * edge for edge in range(9)]
    theta = {"theta": {"betas_normal": betas, "betas_reduce": betas[::-1]}}
    write_lines(run / "alphas.jsonl", [alpha_record(0, nodes=3) | theta])
    weights = read_alphas(run).edge_weights["reduce"][0]
    np.testing.assert_allclose([weights[:2].sum(), weights[2:5].sum(), weights[5:].sum()], 1)


def test_gaea_has_weights_already(tmp_path: Path) -> None:
    run = make_method_run(
        tmp_path, "gaea", {"edges_normal": [0.25, 0.75], "edges_reduce": [0.5, 0.5]}
    )
    alphas = read_alphas(run)
    np.testing.assert_array_equal(alphas.weights["normal"][1, 0], [0, 1, 2, 3])
    np.testing.assert_array_equal(alphas.edge_weights["normal"][1], [0.25, 0.75])
    assert alphas.weights_of == "α"


def test_fair_darts_weighs_by_sigmoids(script: Script, tmp_path: Path) -> None:
    run = make_method_run(tmp_path, "fair-darts", {})
    alphas = read_alphas(run)
    np.testing.assert_allclose(alphas.weights["normal"][0, 1], 1 / (1 + np.exp([0, -1, -2, -3])))
    assert alphas.edge_weights == {}
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    assert "σ(α) of every edge" in (tmp_path / "s.svg").read_text()


def test_stages_offer_less_and_less(script: Script, tmp_path: Path) -> None:
    run = make_run(tmp_path, 4, nodes=1)
    both = {"normal": [[0.0, 1.0], [0.0, 1.0]], "reduce": [[0.0, 1.0], [0.0, 1.0]]}
    later = {
        "primitives": {"normal": [["b"], ["a"]], "reduce": [["a", "b"], ["b", "a"]]},
        "normal": [[3.0], [3.0]],
        "reduce": [[1.0, 2.0], [2.0, 1.0]],
    }
    records = [{"epoch": e, "primitives": ["a", "b"]} | both for e in (0, 1)]
    write_lines(run / "alphas.jsonl", records + [{"epoch": e} | later for e in (2, 3)])
    alphas = read_alphas(run)
    assert alphas.borders == [1.5]
    assert alphas.primitives["normal"] == alphas.primitives["reduce"] == [["a", "b"]] * 2
    np.testing.assert_array_equal(alphas.weights["normal"][2], [[0, 1], [1, 0]])
    np.testing.assert_allclose(alphas.weights["reduce"][3, 1], softmax(np.array([1.0, 2.0])))
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0


def test_figures_of_the_method_have_panels(script: Script, tmp_path: Path) -> None:
    run = make_method_run(tmp_path, '"gdas"', {}, tau=10.0, other=1.0, stage=2.0)
    assert read_metrics(run).method_figures == ["tau", "other", "stage"]
    assert read_metrics(run).column("method.tau") == [10.0, 5.0]
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    svg = (tmp_path / "s.svg").read_text()
    assert "Temperature τ" in svg and "other" in svg and "softmax(α)" in svg
    assert "stage" not in svg


def test_what_tells_of_a_collapse_is_drawn_where_it_is_recorded(
    script: Script, tmp_path: Path
) -> None:
    run = make_run(tmp_path, 4, nodes=1)
    assert script("plot_search.py", run, "-o", "s.svg").returncode == 0
    assert "eigenvalue" not in svg_text(tmp_path) and "Share of none" not in svg_text(tmp_path)
    records = [epoch_record(e) | {"none_share_normal": 0.1 * e} for e in range(1, 5)]
    for measured in (0, 2):
        records[measured]["eigenvalue"] = 0.2 + 0.1 * measured
    write_lines(
        run / "metrics.jsonl", [*records, {"kind": "early_stop", "epoch": 4, "genotype_epoch": 2}]
    )
    result = script("plot_search.py", run, "-o", "s.svg")
    assert (result.returncode, result.stderr) == (0, "")
    assert "Largest eigenvalue" in svg_text(tmp_path) and "Share of none" in svg_text(tmp_path)


@pytest.mark.parametrize("empty", [1, 2])
def test_epochs_without_a_genotype(script: Script, tmp_path: Path, empty: int) -> None:
    run = make_run(tmp_path, 2, nodes=1)
    none = {"skip_connections_normal": None, "skip_connections_reduce": None, "genotype": None}
    records = [epoch_record(e) | (none if e <= empty else {}) for e in (1, 2)]
    write_lines(run / "metrics.jsonl", records)
    result = script("plot_search.py", run, "-o", "s.svg")
    assert (result.returncode, result.stderr) == (0, "")
    assert ("no genotype yet" in (tmp_path / "s.svg").read_text()) == (empty == 2)


def test_nodes_of_edges() -> None:
    assert [nodes_of(edges) for edges in (0, 2, 3, 5, 9, 13, 14, 20)] == [0, 1, 0, 2, 3, 0, 4, 5]


def test_colours_are_distinct() -> None:
    colours = curve_colours([*PRIMITIVES, "sep_conv_5x5", "dil_conv_3x3", "new_a", "new_b"])
    assert len(set(colours)) == len(colours)
