from __future__ import annotations

import json
import math
from pathlib import Path

from conftest import Script, fails_in_one_line


def run_with(path: Path, first_alpha: float) -> Path:
    """Write a run whose last alphas are zeros but for one."""
    path.mkdir()
    alphas = [[[0.0, 0.0]] * 2, [[first_alpha, 0.0], [0.0, 0.0]]]
    lines = [{"epoch": e, "normal": a, "reduce": [[0.0, 0.0]] * 2} for e, a in enumerate(alphas)]
    header = {"primitives": ["none", "skip_connect"]}
    text = "".join(json.dumps(header | line) + "\n" for line in lines)
    (path / "alphas.jsonl").write_text(text)
    return path


def test_differences_of_settings_and_seeds(script: Script, tmp_path: Path) -> None:
    runs = [run_with(tmp_path / name, a) for name, a in zip("abcd", (0, 1, 0, 1), strict=True)]
    result = script("compare_alphas.py", "--one", *runs[:2], "--other", *runs[2:])
    assert result.returncode == 0, result.stderr
    settings, seeds = result.stdout.splitlines()
    assert settings == "between settings: mean 0.0000, largest 0.0000"
    # softmax moves two of eight weights from 0.5 by 0.2311
    assert seeds == "between seeds: mean 0.0578, largest 0.2311"


def test_unequal_numbers_of_runs(script: Script, tmp_path: Path) -> None:
    runs = [run_with(tmp_path / name, 0) for name in "abc"]
    result = script("compare_alphas.py", "--one", *runs[:2], "--other", runs[2])
    fails_in_one_line(result, "as many runs")


def test_other_operations(script: Script, tmp_path: Path) -> None:
    runs = [run_with(tmp_path / name, 0) for name in "ab"]
    text = (runs[1] / "alphas.jsonl").read_text()
    (runs[1] / "alphas.jsonl").write_text(text.replace("skip_connect", "sep_conv_3x3"))
    result = script("compare_alphas.py", "--one", runs[0], "--other", runs[1])
    fails_in_one_line(result, "b has another search space than")


def test_what_is_no_search(script: Script, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    result = script("compare_alphas.py", "--one", "x", "--other", "x")
    fails_in_one_line(result, "x: not a run directory of a search, it has no alphas.jsonl")


def test_a_search_that_diverged(script: Script, tmp_path: Path) -> None:
    run = run_with(tmp_path / "a", math.nan)
    result = script("compare_alphas.py", "--one", run, "--other", run)
    fails_in_one_line(result, "alpha is not finite after epoch 1: the search diverged")
