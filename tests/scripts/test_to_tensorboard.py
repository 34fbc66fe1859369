"""What is written for TensorBoard and as CSV, also of a run that goes on and is resumed."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SCRIPTS, Script, fails_in_one_line, write_genotypes
from example_runs import (
    CELLS,
    alpha_record,
    make_search,
    make_training,
    search_record,
    stop_early,
)

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz's dot is not installed"
)


def events_in(folder: Path) -> Any:
    """Read a folder as TensorBoard does, with all of its events."""
    everything = {"scalars": 0, "histograms": 0, "images": 0}
    events = accumulator.EventAccumulator(str(folder), size_guidance=everything)
    events.Reload()
    return events


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    events = events_in(folder)
    if tag not in events.Tags()["scalars"]:
        return []
    return [(event.step, round(event.value, 5)) for event in events.Scalars(tag)]


def histogram_steps(folder: Path) -> list[int]:
    events, tag = events_in(folder), "alphas_normal/all"
    return [e.step for e in events.Histograms(tag)] if tag in events.Tags()["histograms"] else []


@needs_dot
def test_a_search_is_read_back(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path)
    result = script("to_tensorboard.py", run)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == str(run / "tensorboard")
    folder = run / "tensorboard"
    assert scalars(folder, "epoch/train_loss") == [(1, 2.0), (2, 1.0), (3, 0.66667)]
    assert scalars(folder / "steps", "step/gradient_norm") == [
        (step, 0.5) for step in (10, 20, 30, 40, 50, 60)
    ]
    events = events_in(folder)
    assert [
        round(e.wall_time - events.Scalars("epoch/seconds")[0].wall_time)
        for e in events.Scalars("epoch/seconds")
    ] == [0, 90, 180]
    last = events.Histograms("alphas_normal/sep_conv_3x3")[-1]
    assert (last.step, last.histogram_value.num) == (3, 9)
    assert last.histogram_value.min == pytest.approx(0.9)
    assert histogram_steps(folder) == [0, 1, 2, 3]
    pictures = events.Images("genotype")
    assert [picture.step for picture in pictures] == [1, 2, 3]
    assert pictures[0].encoded_image_string.startswith(b"\x89PNG") and pictures[0].width > 100
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["steps"]


def test_a_second_call_replaces_what_the_first_wrote(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path)
    other = tmp_path / "out" / "events.out.tfevents.1.of-another"
    other.parent.mkdir()
    other.write_bytes(b"")
    for _ in range(2):
        result = script("to_tensorboard.py", run, "-o", "out", "--no-images")
        assert (result.returncode, result.stdout) == (0, "out\n")
    assert len(list((tmp_path / "out").glob("*.darts"))) == 1 and other.exists()
    assert scalars(tmp_path / "out", "epoch/valid_loss")[0] == (1, 2.5)
    assert events_in(tmp_path / "out").Tags()["images"] == []
    assert not list(tmp_path.glob(".out*"))


def test_a_training_and_figures_that_are_not_finite(script: Script, tmp_path: Path) -> None:
    run = make_training(tmp_path)
    more = {"train_loss": float("nan"), "test_top1": None, "new": 1, "method": {"tau": 3.0}}
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"kind": "epoch", "epoch": 3} | more) + "\n")
    assert script("to_tensorboard.py", run).returncode == 0
    folder = run / "tensorboard"
    assert scalars(folder, "epoch/train_loss") == [(1, 1.0), (2, 0.5)]
    assert scalars(folder, "epoch/test_top1") == [(1, 0.5), (2, 0.75)]
    assert scalars(folder, "epoch/new") == [(3, 1.0)]
    assert scalars(folder, "method/tau") == [(3, 3.0)]


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines()))


def test_csv(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path, epochs=2)
    result = script("to_tensorboard.py", run, "--to", "csv")
    assert result.stdout.strip() == str(run / "csv")
    assert sorted(path.name for path in (run / "csv").iterdir()) == ["alphas.csv", "scalars.csv"]
    rows = rows_of(run / "csv/scalars.csv")
    assert rows[:4] == [
        ["kind", "epoch", "step", "figure", "value"],
        ["step", "1", "10", "gradient_norm", "0.5"],
        ["step", "1", "10", "train_loss", "3.0"],
        ["step", "1", "20", "gradient_norm", "0.5"],
    ]
    assert ["epoch", "2", "", "valid_accuracy", "0.4"] in rows
    assert [row[1] for row in rows[1:]] == sorted(row[1] for row in rows[1:])
    rows = rows_of(run / "csv/alphas.csv")
    assert rows[0] == ["epoch", "cell", "edge", "from", "into", "operation", "alpha", "weight"]
    assert rows[1] == ["0", "normal", "0", "c_{k-2}", "0", "none", "0.0", "0.25"]
    assert rows[-1][:7] == ["2", "reduce", "8", "1", "2", "sep_conv_3x3", "0.6000000000000001"]
    assert len(rows) == 1 + 3 * 2 * 9 * 4


def test_csv_of_edge_weights_and_of_what_is_not_finite(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path, epochs=1, method="pc-darts")
    theta = {"betas_normal": [0.0] * 9, "betas_reduce": [0.0] * 9}
    record = alpha_record(1) | {"theta": theta}
    record["normal"] = [[None] * 4, *record["normal"][1:]]
    (run / "alphas.jsonl").write_text(json.dumps(record) + "\n")
    assert script("to_tensorboard.py", run, "--to", "csv", "-o", "tables").returncode == 0
    rows = rows_of(tmp_path / "tables/edges.csv")
    assert rows[0] == ["epoch", "cell", "edge", "from", "into", "weight"]
    assert rows[4] == ["1", "normal", "3", "c_{k-1}", "1", "0.3333333333333333"]
    assert rows_of(tmp_path / "tables/alphas.csv")[1][-2:] == ["", ""]
    assert script("to_tensorboard.py", run, "--no-images").returncode == 0
    (last,) = events_in(run / "tensorboard").Histograms("alphas_normal/all")
    assert last.histogram_value.num == 8 * 4


class RunningSearch:
    """A search of 6 epochs that a test has go on, and resumes."""

    def __init__(self, folder: Path) -> None:
        self.run = make_search(folder, epochs=0)
        config = self.run / "config.yaml"
        config.write_text(config.read_text().replace("epochs: 0", "epochs: 6"))

    def finish_epoch(self, epoch: int, **change: Any) -> None:
        """Append what the program does, in its order."""
        step = {"kind": "step", "epoch": epoch, "step": 10, "train_loss": 1.0 * epoch}
        self.append("metrics.jsonl", step)
        self.append("metrics.jsonl", search_record(epoch) | change)
        self.append("alphas.jsonl", alpha_record(epoch))
        write_genotypes(self.run, {epoch: CELLS[epoch % 2]})

    def append(self, name: str, record: dict[str, Any]) -> None:
        with (self.run / name).open("a") as file:
            file.write(json.dumps(record) + "\n")

    def size(self) -> dict[str, int]:
        """What a checkpoint remembers."""
        return {n: (self.run / n).stat().st_size for n in ("metrics.jsonl", "alphas.jsonl")}

    def resume(self, sizes: dict[str, int]) -> None:
        for name, size in sizes.items():
            with (self.run / name).open("r+") as file:
                file.truncate(size)


@pytest.fixture
def search(tmp_path: Path) -> RunningSearch:
    return RunningSearch(tmp_path)


@pytest.fixture
def follower(search: RunningSearch) -> Iterator[subprocess.Popen]:
    """The program as it follows that search."""
    command = [sys.executable, str(SCRIPTS / "to_tensorboard.py"), str(search.run)]
    command += ["--follow", "--every", "0.1", "--no-images"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    yield process
    process.kill()
    process.communicate()


def wait_for_epoch(search: RunningSearch, epochs: list[int], seconds: float = 30) -> None:
    """Wait until the event file has these epochs' alphas, which are written last."""
    end = time.monotonic() + seconds
    folder = search.run / "tensorboard"
    while True:
        if list(folder.glob("*.darts")) and histogram_steps(folder) == epochs:
            return
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_follow_loses_and_doubles_nothing(
    search: RunningSearch, follower: subprocess.Popen
) -> None:
    folder = search.run / "tensorboard"
    search.finish_epoch(1)
    checkpoint = search.size()
    search.finish_epoch(2)
    wait_for_epoch(search, [0, 1, 2])
    search.finish_epoch(3, train_loss=7.0)
    search.append("metrics.jsonl", {"kind": "step", "epoch": 4, "step": 10, "train_loss": 9.0})
    wait_for_epoch(search, [0, 1, 2, 3])
    search.resume(checkpoint)  # and grow beyond what was there before it is looked at again
    for epoch in (2, 3, 4, 5):
        search.finish_epoch(epoch)
    wait_for_epoch(search, [0, 1, 2, 3, 4, 5])
    assert scalars(folder, "epoch/train_loss") == [
        (1, 2.0),
        (2, 1.0),
        (3, 0.66667),
        (4, 0.5),
        (5, 0.4),
    ]
    search.resume(checkpoint)
    wait_for_epoch(search, [0, 1])
    for epoch in (2, 3, 4, 5, 6):
        search.finish_epoch(epoch)
    output, errors = follower.communicate(timeout=30)
    assert (follower.returncode, errors) == (0, "")
    assert output.strip() == str(folder)
    assert histogram_steps(folder) == [0, 1, 2, 3, 4, 5, 6]
    assert [step for step, _ in scalars(folder, "epoch/valid_loss")] == [1, 2, 3, 4, 5, 6]
    assert scalars(folder, "epoch/train_loss")[2] == (3, 0.66667)
    assert scalars(folder / "steps", "step/train_loss") == [
        (10 * epoch, float(epoch)) for epoch in range(1, 7)
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_follow_ends_when_interrupted(
    search: RunningSearch, follower: subprocess.Popen, number: int
) -> None:
    search.finish_epoch(1)
    wait_for_epoch(search, [0, 1])
    with (search.run / "metrics.jsonl").open("a") as file:
        file.write('{"kind":"ep')  # a line on its way
    time.sleep(0.3)
    follower.send_signal(number)
    output, errors = follower.communicate(timeout=30)
    assert (follower.returncode, errors) == (0, "")
    assert output.strip() == str(search.run / "tensorboard")
    assert scalars(search.run / "tensorboard", "epoch/train_loss") == [(1, 2.0)]


def test_follow_draws_the_genotypes(search: RunningSearch, script: Script) -> None:
    for epoch in range(1, 7):
        search.finish_epoch(epoch)
    result = script("to_tensorboard.py", search.run, "--follow", "--every", "0.1")
    assert (result.returncode, result.stderr) == (0, "")
    pictures = events_in(search.run / "tensorboard").Images("genotype")
    assert [picture.step for picture in pictures] == [1, 2, 3, 4, 5, 6]


def test_follow_with_csv(search: RunningSearch, script: Script) -> None:
    for epoch in range(1, 7):
        search.finish_epoch(epoch)
    result = script("to_tensorboard.py", search.run, "--follow", "--to", "csv", "--every", "0.1")
    assert (result.returncode, result.stderr) == (0, "")
    epochs = {row[1] for row in rows_of(search.run / "csv/scalars.csv")[1:]}
    assert epochs == set("123456")


def test_follow_ends_with_a_search_that_stopped_early(
    search: RunningSearch, script: Script
) -> None:
    search.finish_epoch(1)
    search.finish_epoch(2)
    stop_early(search.run, 2, 1)
    result = script("to_tensorboard.py", search.run, "--follow", "--to", "csv", "--every", "0.1")
    assert (result.returncode, result.stderr) == (0, "")


def test_follow_ends_with_a_genotype_that_was_drawn(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path, epochs=1, method="random")
    (run / "genotypes/epoch_001.json").rename(run / "genotype.json")
    (run / "metrics.jsonl").write_text("")
    result = script("to_tensorboard.py", run, "--follow", "--to", "csv", "--every", "0.1")
    assert (result.returncode, result.stderr) == (0, "")


def test_tables_of_another_run_are_replaced(script: Script, tmp_path: Path) -> None:
    for run in (make_search(tmp_path), make_training(tmp_path)):
        assert script("to_tensorboard.py", run, "--to", "csv", "-o", "csv").returncode == 0
    assert [path.name for path in (tmp_path / "csv").iterdir()] == ["scalars.csv"]


def test_this_folder_as_output(script: Script, tmp_path: Path) -> None:
    assert script("to_tensorboard.py", make_search(tmp_path), "-o", ".").returncode == 0
    assert list(tmp_path.glob("*.darts"))


def test_errors(script: Script, tmp_path: Path) -> None:
    fails_in_one_line(script("to_tensorboard.py", "nowhere"), "no such run directory")
    (tmp_path / "empty").mkdir()
    fails_in_one_line(script("to_tensorboard.py", "empty", "--follow"), "not a run directory")
    run = make_search(tmp_path)
    fails_in_one_line(script("to_tensorboard.py", run, "--every", "0"), "'0' is no number")
    fails_in_one_line(script("to_tensorboard.py", run, "-o", "/proc/x"), "/proc/")
    (run / "metrics.jsonl").write_text('{"kind": "epoch", "epoch": 1.5}\n')
    fails_in_one_line(script("to_tensorboard.py", run), "line 1: 'epoch' is not a whole number")
    (run / "metrics.jsonl").write_text('{"kind"\n{}\n')
    fails_in_one_line(script("to_tensorboard.py", run, "--to", "csv"), "metrics.jsonl, line 1")
    fails_in_one_line(script("to_tensorboard.py", run, "--follow"), "metrics.jsonl, line 1")
    (run / "metrics.jsonl").write_text("")
    (run / "alphas.jsonl").write_text("")
    fails_in_one_line(script("to_tensorboard.py", run), "nothing is recorded yet")
    assert not (run / "tensorboard").exists() and not (run / "csv").exists()


def test_a_cut_off_line_is_skipped_with_a_warning(script: Script, tmp_path: Path) -> None:
    run = make_search(tmp_path)
    text = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(text[:-20])
    result = script("to_tensorboard.py", run, "--to", "csv")
    assert result.returncode == 0 and "the last line is cut off" in result.stderr


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tensorboardX'] = None; sys.argv[0] = 'to_tensorboard.py';"
        "from dartslib import cli; import to_tensorboard; cli.run(to_tensorboard.main)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(make_search(tmp_path))],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
    )
    fails_in_one_line(result, "'tensorboardX' is missing: pip install -r", "requirements.txt")


def test_stages_of_a_search_have_histograms_of_what_is_offered(
    script: Script, tmp_path: Path
) -> None:
    run = make_search(tmp_path, epochs=1)
    later = {"primitives": ["skip_connect"], "normal": [[1.0]] * 9, "reduce": [[2.0]] * 9}
    records = [alpha_record(0), alpha_record(1) | later]
    (run / "alphas.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    assert script("to_tensorboard.py", run, "--no-images").returncode == 0
    events = events_in(run / "tensorboard")
    assert [e.step for e in events.Histograms("alphas_normal/none")] == [0]
    last = events.Histograms("alphas_reduce/skip_connect")[-1]
    assert np.isclose(last.histogram_value.sum, 18.0)
