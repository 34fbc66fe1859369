"""bench/cluster.sh: what it refuses, and that a delay costs time and changes nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import fails_in_one_line, newest_preset

ROOT = Path(__file__).parents[2]
PRESET = newest_preset("bin/darts_search")
BIN = ROOT / "build" / PRESET / "bin" if PRESET else None


def cluster(*arguments: object) -> subprocess.CompletedProcess:
    """Run it with the newest build."""
    return subprocess.run(
        [ROOT / "bench/cluster.sh", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"DARTS_CONFIG_DIR": str(ROOT / "configs")},
    )


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["no case is given", "steady, pause, cut"]),
        (["steady", "faster"], ["no option or case 'faster'"]),
        (["--ranks", 9, "steady"], ["--ranks", "from 2 to 4", "'9'"]),
        (["--delay", "1,x", "steady"], ["--delay", "'x'"]),
        (["--batch-norm", "none", "steady"], ["--batch-norm", "sync or local"]),
        (["steady", "--steps"], ["--steps needs a value"]),
    ],
)
def test_it_says_what_it_does_not_take(arguments: list[object], parts: list[str]) -> None:
    fails_in_one_line(cluster(*arguments), *parts)


@pytest.mark.skipif(BIN is None, reason="build/dev and build/release are not built")
def test_a_delay_costs_time_and_changes_nothing() -> None:
    options = ["--bin", BIN, "--steps", 16, "--batch-norm", "local", "--delay", "0,25"]
    result = cluster(*options, "steady")
    if result.returncode == 77:
        pytest.skip(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr
    if "delays are left out" in result.stdout:
        pytest.skip(result.stdout)
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert [row[:3] for row in rows] == [["1", "-", "-"], ["2", "-", "-"], ["2", "-", "25"]]
    # Of 16 steps each waits for some exchanges of 25 ms at least.
    assert float(rows[2][3]) > float(rows[1][3]) + 16 * 0.025
