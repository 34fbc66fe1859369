"""The cells of a search by epoch: what is read, and the GIF of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import TWO_NODES, Script, fails_in_one_line, write_genotypes
from example_runs import search_record, stop_early, write_lines
from PIL import Image

from dartslib.cell_history import Place, read_history
from dartslib.cli import UserError
from dartslib.history_picture import drawing

needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz's dot is not installed"
)

OTHER_CELL = {
    "normal": [[["skip_connect", 0]], [], [["sep_conv_3x3", 0], ["sep_conv_5x5", 0]]],
    "normal_concat": [2, 4],
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "search-1"
    write_genotypes(folder, {1: {}, 2: OTHER_CELL, 10: {"normal": TWO_NODES, "normal_concat": [3]}})
    return folder


def test_a_history_has_a_place_for_every_edge(run: Path) -> None:
    history = read_history(run)
    assert list(history.genotypes) == [1, 2, 10]
    assert history.nodes("normal") == 3
    assert history.outputs("normal") == [2, 3, 4]
    places = history.places("normal")
    assert places[Place(0, 0)] == ["sep_conv_3x3", "skip_connect"]
    assert (places[Place(0, 2, 0)], places[Place(0, 2, 1)]) == (["sep_conv_3x3"], ["sep_conv_5x5"])
    assert [place.node for place in places] == sorted(place.node for place in places)


def test_epochs_that_a_resumed_run_took_back_are_left_out(run: Path) -> None:
    assert list(read_history(run, 2).genotypes) == [1, 2]
    with pytest.raises(UserError, match="no genotypes by epoch"):
        read_history(run, 0)


@needs_dot
def test_a_drawing_has_classes_for_what_changes(run: Path) -> None:
    svg = drawing(read_history(run), "normal")
    assert svg.startswith("<svg") and svg.endswith("</svg>")
    count = len(read_history(run).places("normal"))
    boxes = re.findall(r'class="node op op_(\d+)"', svg)
    assert sorted(map(int, boxes)) == list(range(count))
    assert all(svg.count(f'class="edge edge_{place}"') == 2 for place in range(count))
    assert all(f"output_{state}" in svg and f"state_{state}" in svg for state in (2, 3, 4))


@needs_dot
def test_the_animation_has_a_frame_for_every_epoch(script: Script, run: Path) -> None:
    result = script("plot_genotype.py", run, "--format", "gif", "--seconds", "0.2")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == str(run / "genotype.gif")
    with Image.open(run / "genotype.gif") as picture:
        assert picture.n_frames == 3
        frames, times = [], []
        for index in range(3):
            picture.seek(index)
            frames.append(picture.convert("RGB"))
            times.append(picture.info["duration"])
    assert times == [200, 200, 1000]
    assert frames[0].getpixel((0, 0)) == (255, 255, 255)
    assert frames[0].tobytes() != frames[1].tobytes() != frames[2].tobytes()


@needs_dot
def test_the_animation_of_a_search_that_stopped_early_ends_with_its_result(
    script: Script, run: Path
) -> None:
    (run / "config.yaml").write_text("search:\n  epochs: 50\n")
    records = [search_record(epoch) for epoch in (1, 2, 10)]
    write_lines(run / "metrics.jsonl", records)
    stop_early(run, 10, 2)
    assert script("plot_genotype.py", run, "-o", "cell.gif").returncode == 0
    with Image.open(run.parent / "cell.gif") as picture:
        assert picture.n_frames == 4
        frames = []
        for index in range(4):
            picture.seek(index)
            frames.append(picture.convert("RGB").tobytes())
        assert picture.info["duration"] == 2500
    assert frames[1] == frames[3] != frames[2]
    (run / "genotypes/epoch_002.json").unlink()
    result = script("plot_genotype.py", run, "-o", "cell.gif")
    fails_in_one_line(result, "its result is of epoch 2, of which there is no genotype")


@needs_dot
def test_the_animation_ends_with_the_last_recorded_epoch(script: Script, run: Path) -> None:
    (run / "metrics.jsonl").write_text('{"kind": "epoch", "epoch": 2}\n')
    assert script("plot_genotype.py", run, "--format", "gif").returncode == 0
    with Image.open(run / "genotype.gif") as picture:
        assert picture.n_frames == 2


@needs_dot
def test_one_epoch_and_another_output(script: Script, tmp_path: Path) -> None:
    write_genotypes(tmp_path / "run", {3: {}})
    result = script("plot_genotype.py", "run", "-o", "new/cell.gif", "--layout", "side-by-side")
    assert (result.returncode, result.stdout) == (0, "new/cell.gif\n")
    assert (tmp_path / "new/cell.gif").read_bytes().startswith(b"GIF89a")


def test_errors(script: Script, run: Path, tmp_path: Path) -> None:
    fails_in_one_line(script("plot_genotype.py", "nowhere", "-o", "a.gif"), "no such run directory")
    fails_in_one_line(
        script("plot_genotype.py", "DARTS_V2", "-o", "a.gif"), "no such run directory"
    )
    fails_in_one_line(script("plot_genotype.py", run, "--seconds", "nan"), "'nan' is no number of")
    (tmp_path / "empty").mkdir()
    fails_in_one_line(script("plot_genotype.py", "empty", "-o", "a.gif"), "no genotypes by epoch")
    (run / "genotypes" / "epoch_002.json").write_text('{"format": "darts-ge')
    fails_in_one_line(script("plot_genotype.py", run, "-o", "a.gif"), "epoch_002.json: not JSON")
    assert not (tmp_path / "a.gif").exists()
