"""What the script tests share: running a script, and a valid genotype to spoil."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import start_browser

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"

Script = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Run `script(name, *arguments)` in the test's folder, without proxies."""

    def call(name: str, *arguments: Any, **options: Any) -> subprocess.CompletedProcess:
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        environment |= options.pop("env", {})
        return subprocess.run(
            [sys.executable, str(SCRIPTS / name), *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            timeout=60,
            **({"capture_output": True, "text": True} | options),
        )

    return call


def newest_preset(*files: str) -> str | None:
    """Return the preset that is being tested, else the newest, of those whose build has `files`."""
    asked = os.environ.get("DARTS_TEST_PRESET")
    builds = [ROOT / "build" / preset for preset in ((asked,) if asked else ("dev", "release"))]
    whole = [build for build in builds if all((build / file).exists() for file in files)]
    newest = max(whole, key=lambda build: (build / files[0]).stat().st_mtime, default=None)
    return newest.name if newest else None


def fails_in_one_line(result: subprocess.CompletedProcess, *parts: str, code: int = 1) -> None:
    """Check the exit status and that stderr ends in one `error:` line with these parts."""
    lines = result.stderr.splitlines()
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert lines[-1].startswith("error: ")
    assert sum(line.startswith("error: ") for line in lines) == 1
    for part in parts:
        assert part in lines[-1]


TWO_NODES = [
    [["sep_conv_3x3", 0], ["sep_conv_5x5", 1]],
    [["skip_connect", 0], ["dil_conv_3x3", 2]],
]
GENOTYPE = {
    "format": "darts-genotype",
    "version": 2,
    "name": "three <nodes> & more",
    "normal": [*TWO_NODES, [["max_pool_3x3", 1], ["none", 3]]],
    "normal_concat": [2, 4],
    "reduce": TWO_NODES,
    "reduce_concat": [2, 3],
    "provenance": {"seed": 2},
}


@pytest.fixture
def record() -> dict[str, Any]:
    """A valid genotype record, to be changed at will."""
    return copy.deepcopy(GENOTYPE)


@pytest.fixture
def genotype_file(tmp_path: Path) -> Path:
    """A valid genotype file."""
    path = tmp_path / "g.json"
    path.write_text(json.dumps(GENOTYPE))
    return path


def write_genotypes(run: Path, cells: dict[int, dict[str, Any]]) -> None:
    """Write the genotypes of epochs into a run directory; given is what differs from `GENOTYPE`."""
    (run / "genotypes").mkdir(parents=True, exist_ok=True)
    for epoch, change in cells.items():
        path = run / "genotypes" / f"epoch_{epoch:03}.json"
        path.write_text(json.dumps(GENOTYPE | change))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser."""
    driver = start_browser()
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: Any, script: Script, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open the page of some runs; at the end check that it fetched nothing and had no errors."""
    page = tmp_path / "page.html"

    def call(*runs: Path, title: str = "runs") -> Any:
        result = script("report.py", *runs, "-o", page, "--title", title)
        assert (result.returncode, result.stderr) == (0, "")
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(page.as_uri())
        return browser

    yield call
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    messages = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    requests = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    assert {url for url in requests if not url.startswith("data:")} == {page.as_uri()}
