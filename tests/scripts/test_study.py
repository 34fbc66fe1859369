"""Reading a study's folder, and the data of its page; test_study_page.py has it in a browser."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Script, fails_in_one_line
from example_runs import make_search
from example_studies import make_study, read_results, write_outcome, write_results
from test_report import data_of, needs_dot

from dartslib.cli import UserError
from dartslib.study import is_study, read_study
from dartslib.study_picture import beside

Change = Callable[[dict[str, Any]], Any]


def test_a_study_is_read(tmp_path: Path) -> None:
    study = read_study(make_study(tmp_path))
    assert (study.name, study.hold_out, len(study.candidates)) == ("small", 5000, 11)
    best = study.candidates[0]
    assert (best.name, best.supernet, best.genotype.name) == ("DARTS_V2", None, "DARTS_V2")
    assert best.deviation == pytest.approx(0.002 / 2**0.5)
    assert [method.name for method in study.methods] == ["DARTS_V2", "pc-darts", "first", "random"]
    assert study.random and study.random.seeds == [0, 1, 2, 3]
    assert study.methods[0].interval is None and study.methods[1].interval is not None
    assert [c.within_noise for c in study.comparisons] == [False, False, True]
    assert study.winner and study.winner.test == [0.925, 0.921]
    assert study.methods[0].above_random == pytest.approx(0.0325 / study.random.deviation)
    assert study.random.above_random is None
    assert list(study.correlations) == ["supernet_valid_accuracy", "skip_connections_normal"]
    assert str(study.correlations["skip_connections_normal"]) == (
        "rank correlation -0.50, n = 12, p = 0.062"
    )


def test_a_study_that_has_come_to_nothing_yet(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    nothing = {"candidates": [], "methods": [], "comparisons": [], "missing": ["first-0"]}
    open_end = {"correlations": [], "winner": None}
    write_results(study, read_results(study) | nothing | open_end)
    write_outcome(study, "first-0", {"finished": False, "reason": "killed"})
    found = read_study(study)
    assert (found.candidates, found.winner, found.random) == ([], None, None)
    assert (found.missing, found.failed) == (["first-0"], {"first-0": "killed"})


def test_an_infinite_t_and_an_unknown_interval(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    results = read_results(study)
    results["comparisons"][0]["t"] = None
    results["methods"][1]["interval_95"] = [None, None]
    write_results(study, results)
    found = read_study(study)
    assert found.comparisons[0].t is None and found.methods[1].interval is None


def test_a_study_is_told_from_a_run(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    assert is_study(study) and not is_study(study / "searches/first-0")
    assert not is_study(tmp_path / "nowhere")
    (study / "results.json").unlink()
    assert is_study(study)
    with pytest.raises(UserError, match=r"results\.json: No such file.*when it is stopped"):
        read_study(study)


def _set(*path: Any, to: Any) -> Change:
    """Return what sets a place in the results to a value."""

    def change(results: dict[str, Any]) -> None:
        *outer, last = path
        for key in outer:
            results = results[key]
        results[last] = to

    return change


FIRST = ("candidates", 0)
BROKEN = {
    "'study' is missing": lambda r: r.pop("study"),
    "candidates[0]: 'seed' is missing": lambda r: r["candidates"][0].pop("seed"),
    "unknown field 'winer', did you mean 'winner'?": _set("winer", to=1),
    "candidates[0]: unknown field 'x'": _set(*FIRST, "x", to=1),
    "'candidates' is not a list": _set("candidates", to={}),
    "candidates[0]: not an object": _set(*FIRST, to=3),
    "'selection_top1' is not a number from 0 to 1": _set(*FIRST, "selection_top1", to=93.0),
    "'parameters' is not a whole number": _set(*FIRST, "parameters", to=1.5),
    "'multiply_adds' is not a whole number": _set(*FIRST, "multiply_adds", to=True),
    "candidates[0]: genotype: neither JSON": _set(*FIRST, "genotype", to="nothing"),
    "candidates[0]: 'name' is not a name": _set(*FIRST, "name", to="../up"),
    "trainings[1]: 'seed' is not": _set(*FIRST, "trainings", 1, "seed", to=None),
    "two candidates are called 'random-0'": _set(*FIRST, "name", to="random-0"),
    "candidates are called 'first-0'": _set("missing", to=["first-0"]),
    "'evolution' is none of the methods": _set("comparisons", 0, "first", to="evolution"),
    "'candidates' and 'seeds' differ": _set("methods", 0, "candidates", to=7),
    "'interval_95' is not a pair": _set("methods", 1, "interval_95", to=[1]),
    "'within_noise' is not true or false": _set("comparisons", 0, "within_noise", to=0),
    "winner: 'test_top1' is not a list of numbers": _set("winner", "test_top1", to=["0.9"]),
    "'hold_out' is not a whole number": _set("hold_out", to=10**400),
    "'difference' is not a number": _set("comparisons", 0, "difference", to="much"),
}


def test_what_is_broken_is_named(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    whole = read_results(study)
    for message, change in BROKEN.items():
        results = json.loads(json.dumps(whole))
        change(results)
        write_results(study, results)
        with pytest.raises(UserError) as error:
            read_study(study)
        text = str(error.value)
        assert message in text and text.startswith(str(study / "results.json")), message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"study": "small", "cand', "not JSON, or cut off"),
        ('{"hold_out": NaN}', "NaN is not a number of JSON"),
        ('{"hold_out": -Infinity}', "-Infinity is not"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        (b"\xff\xfe", "not a text file"),
    ],
)
def test_what_is_no_json(script: Script, tmp_path: Path, text: str | bytes, message: str) -> None:
    study = make_study(tmp_path)
    (study / "results.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    fails_in_one_line(script("report.py", study), "results.json", message)
    fails_in_one_line(script("plot_study.py", study), "results.json", message)


def test_broken_outcomes(script: Script, tmp_path: Path) -> None:
    study = make_study(tmp_path)
    (study / "outcomes/first-0.json").write_text('{"finished": "yes"}')
    fails_in_one_line(script("report.py", study), "first-0.json: 'finished' is not true or false")


@needs_dot
def test_the_page_of_a_study(script: Script, tmp_path: Path) -> None:
    study = make_study(tmp_path)
    result = script("report.py", study)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == str(study / "report.html")
    data = data_of(study / "report.html")
    assert data["title"] == "small"
    first = [f"first-{seed}" for seed in (2, 1, 0)]
    names = [run["name"] for run in data["runs"]]
    assert names == ["pc-darts-2", "pc-darts-1", "pc-darts-0", *first]
    assert {run["method"] for run in data["runs"]} == {"first", "pc-darts"}
    assert all(run["cells"] is None and run["alphas"] is None for run in data["runs"])
    of = {c["name"]: c for c in data["study"]["candidates"]}
    assert of["first-2"]["eigenvalue"] == 2.5 and of["pc-darts-0"]["eigenvalue"] is None
    assert of["first-1"]["supernet"] == 0.5 and of["random-1"]["supernet"] is None
    assert all(len(c["cells"]["kinds"]) == 2 for c in of.values())
    assert data["study"]["colours"] == {"DARTS_V2": 0, "pc-darts": 1, "first": 2, "random": None}
    assert data["differing"]["config"] == ["search.method"]
    assert data["study"]["training"]["train.epochs"] == "2"


@needs_dot
def test_what_is_missing_or_failed_is_said(script: Script, tmp_path: Path) -> None:
    study = make_study(tmp_path)
    results = read_results(study)
    results["candidates"] = [c for c in results["candidates"] if c["name"] != "first-2"]
    write_results(study, results | {"missing": ["first-2", "first-3"], "winner": None})
    make_search(study / "searches", "first-2", 1, seed=2)  # goes on
    make_search(study / "searches", "first-3", 1, seed=3)
    (study / "searches/first-3/metrics.jsonl").write_text("")  # has just begun
    shutil.rmtree(study / "searches/pc-darts-0")
    write_outcome(study, "first-2-t0", {"finished": False, "reason": "exit status 3"})
    assert script("report.py", study).returncode == 0
    data = data_of(study / "report.html")
    assert [run["name"] for run in data["runs"]][-1] == "first-2"
    assert data["study"]["silent"] == ["first-3", "pc-darts-0"]
    assert data["study"]["failed"] == {"first-2-t0": "exit status 3"}
    assert data["study"]["missing"] == ["first-2", "first-3"]


@needs_dot
def test_a_large_study_is_a_file_of_less_than_two_megabytes(script: Script, tmp_path: Path) -> None:
    study = make_study(tmp_path, seeds=8, random=8, epochs=50)
    assert script("report.py", study).returncode == 0
    assert (study / "report.html").stat().st_size < 2e6


@needs_dot
def test_several_studies_have_a_page_each(script: Script, tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, 2, 2) for name in ("a", "b")]
    result = script("report.py", *studies)
    assert result.stdout.split() == [str(study / "report.html") for study in studies]
    fails_in_one_line(script("report.py", *studies, "-o", "p.html"), "p.html: every study has")
    run = studies[0] / "searches/first-0"
    fails_in_one_line(script("report.py", *studies, run), "a study has a page of its own")
    assert script("report.py", run, "-o", "run.html").returncode == 0


def test_no_point_of_a_picture_hides_another(tmp_path: Path) -> None:
    (best, *_) = read_study(make_study(tmp_path)).candidates
    same = [replace(best, accuracy=0.7 + 1e-5 * number) for number in range(10)]
    places = beside(same, width=10.0)
    assert len({(candidate.accuracy, offset) for candidate, offset in places}) == 10
    assert max(Counter(offset for _, offset in places).values()) == 2
    apart = [replace(best, accuracy=accuracy) for accuracy in (0.6, 0.7, 0.8)]
    assert [offset for _, offset in beside(apart, width=20.0)] == [0.0, 0.0, 0.0]


def test_pictures(script: Script, tmp_path: Path) -> None:
    study = make_study(tmp_path)
    result = script("plot_study.py", study)
    assert (result.stdout.strip(), result.stderr) == (str(study / "study.png"), "")
    assert (study / "study.png").read_bytes().startswith(b"\x89PNG")
    assert script("plot_study.py", study, "-o", "s.svg", "--title", "$1 & more").returncode == 0
    text = (tmp_path / "s.svg").read_text()
    for part in (
        "pc-darts",
        "random",
        "DARTS_V2",
        "rank correlation 0.25, n = 12",
        "$1 &amp; more",
    ):
        assert part in text
    assert "5,000 training images" not in text
    fails_in_one_line(script("plot_study.py", study, "-o", "s.gif"), "s.gif")
    fails_in_one_line(script("plot_search.py", study), "is a study: plot_study.py draws it")
    fails_in_one_line(script("plot_study.py", "nowhere"), "nowhere: no such folder")


def test_pictures_of_little(script: Script, tmp_path: Path) -> None:
    study = make_study(tmp_path, seeds=1, random=0, epochs=1)
    results = read_results(study)
    one = [c for c in results["candidates"] if c["name"] == "DARTS_V2"]
    methods = [m for m in results["methods"] if m["name"] == "DARTS_V2"]
    little = {"candidates": one, "methods": methods, "correlations": []}
    write_results(study, results | little)
    assert script("plot_study.py", study, "-o", "s.svg").returncode == 0
    assert "no search" in (tmp_path / "s.svg").read_text()
    write_results(study, results | {"candidates": [], "methods": [], "comparisons": []})
    fails_in_one_line(script("plot_study.py", study), "no candidate is done yet")
