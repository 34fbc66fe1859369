"""The page of a study in a browser."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import find, needs_browser, scheme_and_size
from example_studies import make_study, read_results, write_outcome, write_results

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
pytestmark = needs_browser
MARK = "<img src=x onerror='window.broken = 1'>"


def texts(browser: Any, selector: str) -> list[str]:
    return [part.text for part in find(browser, selector)]


def test_sections_and_words(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_study(tmp_path), title="small")
    assert texts(browser, "h2") == [
        *("Study", "Methods", "Candidates", "What goes with accuracy", "Cells"),
        *("Skip connections over the epochs", "Curves of the searches", "Throughput", "Settings"),
    ]
    assert "92.50, 92.10 % top-1" in find(browser, "#winner")[0].text
    verdict = find(browser, "#verdict")[0].text
    assert verdict == (
        "2 of 3 differences are more than noise: pc-darts over first, pc-darts over random."
    )
    words = texts(browser, "#methods .data:last-of-type td:last-child")
    assert words[-3:] == ["pc-darts is better", "pc-darts is better", "within noise"]
    assert "92.40 ± 0.40" in texts(browser, "#methods td")


def test_the_plot_has_all_candidates_and_a_reference(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    browser = opened(make_study(tmp_path))
    assert len(find(browser, ".methods .mark")) == 11
    assert len(find(browser, ".methods .reference")) == 1
    assert texts(browser, ".methods .name") == ["DARTS_V2", "pc-darts", "first", "random"]
    first = find(browser, ".methods .mark")[0]
    webdriver.ActionChains(browser).move_to_element(first).perform()
    (tooltip,) = find(browser, "#tooltip")
    assert tooltip.text.split("\n") == ["DARTS_V2", "top-1, %", "93.00 ± 0.14"]
    assert len(find(browser, ".mark.near")) == 1


def test_candidates_are_sorted_by_a_click(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_study(tmp_path))
    names = functools.partial(texts, browser, "#candidates td:first-child")
    assert names()[:2] == ["DARTS_V2", "pc-darts-2"]
    heads = {head.text: head for head in find(browser, "#candidates th button")}
    heads["top-1, %"].click()  # largest first, as it is
    heads["top-1, %"].click()
    assert names()[0] == "random-0" and names()[-1] == "DARTS_V2"
    assert len(find(browser, "th[aria-sort=ascending]")) == 1
    heads["eigenvalue"].click()
    assert names()[:3] == ["first-2", "first-1", "first-0"]
    heads["eigenvalue"].click()
    assert names()[:3] == ["first-0", "first-1", "first-2"]  # those without are last again
    heads["candidate"].click()
    assert names() == sorted(names(), key=str.lower)
    assert len(find(browser, "#candidates th[aria-sort]")) == 1


def test_cells_are_chosen_from_the_list_or_the_table(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    browser = opened(make_study(tmp_path))
    boxes = functools.partial(texts, browser, "[data-cell=normal] .op text")
    even = boxes()
    assert even == ["sep_conv_3x3", "skip_connect"]
    find(browser, "#cells option")[1].click()
    assert "pc-darts, top-1 92.80 ± 0.14 %" in find(browser, "#cells .note")[0].text
    buttons = {button.text: button for button in find(browser, "#candidates .link")}
    buttons["random-1"].click()
    assert boxes() == ["max_pool_3x3", "skip_connect"] != even
    assert "thick rim" not in find(browser, "#cells")[0].text


def test_relations_and_their_legend(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_study(tmp_path))
    counts = [
        len(panel.find_elements("css selector", ".mark"))
        for panel in find(browser, "#relations .panel")
    ]
    assert counts == [6, 11, 3, 11]
    notes = texts(browser, "#relations .panel .note")
    assert notes[0] == "6 candidates; rank correlation 0.25, n = 12, p = 0.062 (Spearman)."
    assert notes[2] == "3 candidates."
    buttons = {button.text: button for button in find(browser, "#relations .legend button")}
    buttons["first"].click()
    assert len(find(browser, "#relations .chart .mark")) == 31 - 12
    buttons["first"].click()
    assert len(find(browser, "#relations .chart .mark")) == 31


def test_what_is_no_validation_is_said(opened: Callable[..., Any], tmp_path: Path) -> None:
    study = make_study(tmp_path)
    for seed in range(3):
        path = study / f"searches/first-{seed}/metrics.jsonl"
        path.write_text(path.read_text().replace("held out", "trained on"))
    browser = opened(study)
    note = find(browser, "#relations .panel .note")[0].text
    assert note.endswith("Not validation: first, on images trained on.")
    legend = texts(browser, "#curves .panel:first-child .legend button")
    assert legend == ["training", "validation; of joint searches, of images trained on"]


def test_curves_of_searches(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_study(tmp_path))
    assert texts(browser, "#skips h3") == ["pc-darts", "first"]
    assert len(find(browser, "#skips .chart .line")) == 6
    loss = functools.partial(find, browser, "#curves .panel:first-child .chart .line")
    assert len(loss()) == 6 * 2
    (legend, *_) = find(browser, "#curves .runs")
    assert legend.text.split() == ["pc-darts", "first"]
    legend.find_elements("css selector", "button")[0].click()
    assert len(loss()) == 3 * 2


def test_a_study_that_goes_on(opened: Callable[..., Any], tmp_path: Path) -> None:
    study = make_study(tmp_path)
    nothing = {"candidates": [], "methods": [], "comparisons": [], "missing": ["first-0"]}
    write_results(study, read_results(study) | nothing | {"winner": None})
    write_outcome(study, "first-0-t0", {"finished": False, "reason": MARK})
    browser = opened(study)
    warnings = texts(browser, ".warning")
    assert warnings == ["Not done yet: first-0.", f"first-0-t0 failed: {MARK}"]
    assert "No candidate has been tested" in find(browser, "#winner")[0].text
    assert not find(browser, "#candidates") and len(find(browser, "#skips .panel")) == 2


def test_one_candidate_alone(opened: Callable[..., Any], tmp_path: Path) -> None:
    study = make_study(tmp_path, seeds=0, random=0, known="Mine")
    browser = opened(study)
    assert find(browser, "#verdict")[0].text == "No two methods have two candidates each."
    assert len(find(browser, "#relations .panel")) == 2 and not find(browser, "#curves")
    assert not find(browser, "#random")
    assert not find(browser, ".reference")


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_windows_in_both_schemes(
    opened: Callable[..., Any], tmp_path: Path, width: int, scheme: str
) -> None:
    browser = opened(make_study(tmp_path, seeds=2, known="a_genotype_with_a_very_long_name_of_it"))
    with scheme_and_size(browser, scheme, width):
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        fill = "return getComputedStyle(document.querySelector('.methods .name')).fill"
        assert (browser.execute_script(fill) == "rgb(31, 35, 40)") == (scheme == "light")
