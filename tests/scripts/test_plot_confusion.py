from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Script, fails_in_one_line

from dartslib.cli import UserError
from dartslib.confusion_picture import _colours, _grouped
from dartslib.eval_report import read_report


def report_of(matrix: np.ndarray, **other: Any) -> dict[str, Any]:
    images = int(matrix.sum())
    return {
        "images": images,
        "loss": 0.5,
        "top1": float(np.trace(matrix)) / images,
        "top5": 0.9,
        "classes": [{"name": f"class number {i}"} for i in range(len(matrix))],
        "confusion": matrix.tolist(),
    } | other


def write_report(folder: Path, matrix: np.ndarray, **other: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "test.json"
    path.write_text(json.dumps(report_of(matrix, **other)))
    return path


def random_matrix(classes: int) -> np.ndarray:
    random = np.random.default_rng(1)
    return random.poisson(0.4, (classes, classes)) + np.diag(random.integers(20, 80, classes))


@pytest.mark.parametrize("classes", [1, 2, 10, 40, 130])
def test_any_number_of_classes(script: Script, tmp_path: Path, classes: int) -> None:
    write_report(tmp_path / "run", random_matrix(classes))
    result = script("plot_confusion.py", "run")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == "run/confusion.png"
    assert (tmp_path / "run" / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_of_very_many_classes_there_is_no_matrix(script: Script, tmp_path: Path) -> None:
    path = write_report(tmp_path, random_matrix(3), confusion=None)
    fails_in_one_line(script("plot_confusion.py", path), "no confusion matrix", "2,000 classes")


def test_few_classes_show_their_numbers(script: Script, tmp_path: Path) -> None:
    path = write_report(tmp_path, np.array([[6, 2, 0], [0, 5, 0], [1, 0, 199]]))
    assert script("plot_confusion.py", path, "-o", "c.svg").returncode == 0
    svg = (tmp_path / "c.svg").read_text()
    for text in ("class number 2", ">75<", ">25<", ">100<", ">75.0<", ">99.5<"):
        assert text in svg, text
    assert "213 images of 3 classes, 98.59% right" in svg


def test_many_classes_list_the_worst(script: Script, tmp_path: Path) -> None:
    matrix = 100 * np.eye(120, dtype=int)
    matrix[7, 7], matrix[7, 31] = 58, 42
    path = write_report(tmp_path, matrix)
    assert script("plot_confusion.py", path, "-o", "c.svg", "--title", "A & B").returncode == 0
    svg = (tmp_path / "c.svg").read_text()
    assert "42.0%  class number 7 → class number 31" in svg.replace("\xa0", " ")
    assert "A &amp; B" in svg
    assert svg.count("→") == 2  # this pair, and the heading
    assert "118–119" in svg


def test_odd_names_and_titles(script: Script, tmp_path: Path) -> None:
    names = [{"name": f"$5^$ note {i}"} for i in range(3)]
    path = write_report(tmp_path, np.eye(3, dtype=int), classes=names)
    title = os.fsdecode(b"caf\xe9 $\\frac{1}$ of")
    result = script("plot_confusion.py", path, "-o", "x.svg", "--title", title)
    assert (result.returncode, result.stderr) == (0, "")
    text = (tmp_path / "x.svg").read_text()
    assert "$5^$ note 2" in text and "caf\\xe9 $\\frac{1}$ of" in text


def test_shares_and_confused_most(tmp_path: Path) -> None:
    matrix = np.array([[6, 2, 0], [0, 0, 0], [1, 0, 3]])
    report = read_report(write_report(tmp_path, matrix))
    np.testing.assert_allclose(report.shares(), [[0.75, 0.25, 0], [0, 0, 0], [0.25, 0, 0.75]])
    assert [pair[1:] for pair in report.confused_most(5)] == [
        ("class number 0", "class number 1"),
        ("class number 2", "class number 0"),
    ]


def test_groups_keep_shares() -> None:
    shares = np.random.default_rng(3).dirichlet(np.ones(250), 250)
    grouped, names = _grouped(shares)
    assert grouped.shape == (84, 84) and names[0] == "0–2" and names[-1] == "249–249"
    np.testing.assert_allclose(grouped.sum(axis=1), 1.0)
    np.testing.assert_allclose(grouped[1, 2], shares[3:6, 6:9].sum() / 3)


def test_colours_tell_right_from_wrong() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    colours = _colours(matplotlib, np.array([[0.9, 0.1], [0.0, 1.0]]))
    assert (colours[1, 0] == 1.0).all()  # nothing: white
    assert colours[1, 1, 2] > colours[1, 1, 0]  # right: blue
    assert colours[0, 1, 0] > colours[0, 1, 2]  # wrong: orange


def test_errors(script: Script, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    result = script("plot_confusion.py", "run")
    fails_in_one_line(result, "run/test.json: No such file", "darts_eval RUN_DIR writes it")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"confusion": [[1, 2], [3]]}, "not a report"),
        ({"confusion": [[1, 2], [3, 4]]}, "shape (2, 2) for 3 classes"),
        ({"classes": "x"}, "not a report"),
        ({"images": None}, "not a report"),
        ({"images": math.inf}, "not a report"),
        ({"confusion": [[2**70, 0, 0], [0, 1, 0], [0, 0, 1]]}, "not a report"),
    ]
    for change, message in cases:
        path = write_report(tmp_path, np.eye(3, dtype=int), **change)
        with pytest.raises(UserError) as raised:
            read_report(path)
        assert message in str(raised.value)
    path.write_text("{")
    fails_in_one_line(script("plot_confusion.py", path), "not a JSON file")
    write_report(tmp_path, np.eye(3, dtype=int))
    fails_in_one_line(script("plot_confusion.py", path, "-o", "x.gif"), "png, svg, pdf")
