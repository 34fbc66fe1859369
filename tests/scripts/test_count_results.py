"""What scripts/test.sh says of the C++ tests at its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COUNT = Path(__file__).parents[1] / "count_results.py"
TEST = '<testcase name="A" status="run" classname="B">{}</testcase>'
PASSED = TEST.format("")
FAILED = TEST.format('<failure message="1 is not 2"/>')
NO_GPU = TEST.format('<skipped message="support.cpp:41&#x0A;no GPU"/>')
NO_MOUNT = TEST.format('<skipped message="disk.cpp:65&#x0A;mounting is not permitted"/>')
NOT_RUN = '<testcase name="A" status="notrun" result="suppressed" classname="B"/>'


def counted(folder: Path, **results: list[str]) -> tuple[int, str]:
    for name, tests in results.items():
        text = f"<testsuites><testsuite>{''.join(tests)}</testsuite></testsuites>"
        (folder / f"{name}.xml").write_text(text)
    run = subprocess.run([sys.executable, COUNT, folder], capture_output=True, text=True)
    return run.returncode, run.stdout.strip()


def test_adds_up_the_programs(tmp_path: Path) -> None:
    assert counted(tmp_path, core=[PASSED, PASSED], ops=[PASSED, NOT_RUN]) == (
        0,
        "3 C++ tests passed",
    )


def test_says_why_tests_were_skipped(tmp_path: Path) -> None:
    line = "1 C++ tests passed, 2 skipped (no GPU), 1 skipped (mounting is not permitted)"
    assert counted(tmp_path, core=[NO_MOUNT, PASSED, NO_GPU, NO_GPU]) == (0, line)


def test_counts_failures(tmp_path: Path) -> None:
    assert counted(tmp_path, core=[PASSED, FAILED])[1] == "1 C++ tests passed, 1 failed"


def test_fails_where_nothing_was_tested(tmp_path: Path) -> None:
    assert counted(tmp_path)[0] == 1
    assert counted(tmp_path, core=[NO_GPU]) == (1, "0 C++ tests passed, 1 skipped (no GPU)")
