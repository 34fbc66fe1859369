"""The page of runs in a browser: what clicking and moving does, and that nothing is fetched."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import find, needs_browser, scheme_and_size
from example_runs import make_search, make_training, stop_early

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
pytestmark = needs_browser
MARK = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"


def operations(browser: Any, cell: str) -> list[str]:
    """What the boxes of a cell say that are to be seen."""
    boxes = find(browser, f"[data-cell={cell}] .op:not(.away) text")
    return sorted(box.get_attribute("textContent") for box in boxes)


def move_slider(browser: Any, to: int) -> None:
    (slider,) = find(browser, "input[type=range]")
    code = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    browser.execute_script(code, slider, to)


def label(browser: Any) -> str:
    return find(browser, ".player output")[0].text


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


ODD = ["max_pool_3x3", "skip_connect"]
EVEN = ["sep_conv_3x3", "skip_connect"]


def test_the_slider_shows_the_cells_of_an_epoch(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_search(tmp_path))
    assert label(browser) == "epoch 3 of 3, accuracy 60.00 %"
    assert operations(browser, "normal") == ODD
    move_slider(browser, 1)
    assert label(browser) == "epoch 2 of 3, accuracy 40.00 %"
    assert operations(browser, "normal") == EVEN
    boxes = find(browser, "[data-cell=normal] .op:not(.away)")
    assert all("changed" in box.get_attribute("class") for box in boxes)
    assert not find(browser, "[data-cell=reduce] .changed")
    hidden = find(browser, "[data-cell=normal] .away")
    assert hidden and not any(part.is_displayed() for part in hidden)
    marks = find(browser, "#curves .now")
    assert len(marks) == len(find(browser, "#curves .chart")) > 0
    (details,) = find(browser, "#cells details")
    details.click()
    assert find(browser, "#cells code")[0].text.startswith("Genotype(normal=[[('sep_conv_3x3', 0)]")


def test_play_goes_through_the_epochs_and_stops(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_search(tmp_path))
    (play,) = find(browser, ".player button")
    play.click()
    assert label(browser).startswith("epoch 1 of 3") and "pause" in play.text
    wait_for(lambda: label(browser).startswith("epoch 2 of 3"))
    assert operations(browser, "normal") == EVEN
    wait_for(lambda: label(browser).startswith("epoch 3 of 3") and "play" in play.text)
    play.click()
    play.click()  # a pause
    time.sleep(1)
    assert label(browser).startswith("epoch 1 of 3")


def test_legends_hide_and_show_lines(opened: Callable[..., Any], tmp_path: Path) -> None:
    runs = [make_search(tmp_path), make_search(tmp_path, "other", 2), make_training(tmp_path)]
    browser = opened(*runs)
    loss = functools.partial(find, browser, "#curves .panel:first-child .chart .line")
    assert len(loss()) == 2 + 2 + 1
    run_buttons = find(browser, ".runs button")
    assert [button.text for button in run_buttons] == ["search-1", "other", "training-1"]
    run_buttons[1].click()
    assert len(loss()) == 2 + 1 and run_buttons[1].get_attribute("aria-pressed") == "false"
    validation = find(browser, "#curves .panel:first-child .legend button")[1]
    assert validation.text == "validation"
    validation.click()
    assert len(loss()) == 1 + 1
    run_buttons[1].click()
    validation.click()
    assert len(loss()) == 5


def test_weights_of_every_edge(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_search(tmp_path))
    edges = find(browser, "#weights .edges figure")
    assert len(edges) == 2 * 9
    lines = functools.partial(find, browser, "#weights .chart .line")
    assert len(lines()) == 2 * 9 * 4
    buttons = find(browser, "#weights .legend button")
    assert [button.text for button in buttons][2] == "skip_connect"
    buttons[2].click()
    assert len(lines()) == 2 * 9 * 3


def test_another_run_can_be_chosen(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_search(tmp_path), make_search(tmp_path, "other", 2))
    assert label(browser).startswith("epoch 3 of 3")
    find(browser, "#cells option")[1].click()
    assert label(browser).startswith("epoch 2 of 2")
    assert operations(browser, "normal") == EVEN
    move_slider(browser, 0)
    assert operations(browser, "normal") == ODD
    count = len(find(browser, "#weights figure"))
    find(browser, "#weights option")[1].click()
    assert len(find(browser, "#weights figure")) == count
    assert len(find(browser, "#weights .now")) == count


def test_values_under_the_pointer(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_search(tmp_path))
    (tooltip,) = find(browser, "#tooltip")
    assert not tooltip.is_displayed()
    chart = find(browser, "#curves .chart")[0]
    webdriver.ActionChains(browser).move_to_element(chart).perform()
    assert tooltip.is_displayed()
    assert tooltip.text.split() == ["epoch", "2", "validation", "1.25", "training", "1"]
    webdriver.ActionChains(browser).move_to_element(find(browser, "h1")[0]).perform()
    assert not tooltip.is_displayed()


def test_ticks_can_be_told_apart(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_search(tmp_path))
    code = "return tickTexts(ticks(arguments[0], arguments[1], 5, false))"
    ranges = [(2.0791, 2.0794), (0, 1), (-3e-9, 2e-9), (1e6, 1.00001e6), (0.09, 0.11), (5, 5)]
    for low, high in ranges:
        texts = browser.execute_script(code, low, high)
        assert len(set(texts)) == len(texts) > 0, texts
        assert [float(text) for text in texts] == sorted(map(float, texts))
    assert browser.execute_script(code, 0, 1) == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    # As two means of the same numbers may be: in between no smaller step could be counted.
    texts = browser.execute_script(code, 78.69999999999999, 78.7)
    assert len(texts) <= 1


def test_a_search_that_stopped_early_shows_its_result(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_search(tmp_path, epochs=5)
    stop_early(run, 5, 2)
    browser = opened(run)
    assert label(browser) == "epoch 2 of 5, the result, accuracy 40.00 %"
    assert operations(browser, "normal") == EVEN
    move_slider(browser, 4)
    assert label(browser) == "epoch 5 of 5, accuracy 100.00 %"
    text = find(browser, "table")[0].text
    assert "5 of 5, stopped early: it grew" in text and "of epoch 2" in text


def test_settings_that_differ(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_search(tmp_path), make_search(tmp_path, "b", 3, seed=7))
    rows = find(browser, "#settings > .wide tbody tr")
    assert [row.text.split() for row in rows] == [["seed", "1", "7"]]
    assert "the same in all runs" in find(browser, "#settings")[0].text


def test_names_are_text_whatever_is_in_them(opened: Callable[..., Any], tmp_path: Path) -> None:
    run = make_search(tmp_path)
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("name: example", f'name: "{MARK}"'))
    alphas = (run / "alphas.jsonl").read_text()
    (run / "alphas.jsonl").write_text(alphas.replace("skip_connect", MARK.replace("'", "")))
    browser = opened(run, title=MARK)
    assert browser.title == MARK and find(browser, "h1")[0].text == MARK
    assert not browser.execute_script("return window.broken") and not find(browser, "img")
    assert MARK.replace("'", "") in [b.text for b in find(browser, "#weights .legend button")]


def test_a_training_alone_has_no_slider(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(make_training(tmp_path))
    assert not find(browser, ".player")[0].is_displayed() and not find(browser, "#weights")
    assert "1234" in find(browser, "#runs")[0].text
    assert operations(browser, "normal").count("none") == 1


@pytest.mark.parametrize("width", [360, 800, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_windows_in_both_schemes(
    opened: Callable[..., Any], tmp_path: Path, width: int, scheme: str
) -> None:
    runs = [make_search(tmp_path, "a-long-name-of-a-run-20260102-030405"), make_search(tmp_path)]
    browser = opened(*runs)
    with scheme_and_size(browser, scheme, width):
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        back = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(255, 255, 255)") == (scheme == "light")
