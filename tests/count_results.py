#!/usr/bin/env python3
"""Say how many C++ tests passed and how many were skipped and why, from the results in a folder.

The folder holds what GoogleTest writes with --gtest_output=xml. Fails where no test passed: then
nothing was tested.
"""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

PASSED, FAILED = "passed", "failed"


def outcome(test: ET.Element) -> str:
    """Return PASSED, FAILED, or why the test was skipped."""
    if test.find("failure") is not None:
        return FAILED
    skipped = test.find("skipped")
    if skipped is None and test.get("result") != "skipped":
        return PASSED
    lines = (skipped.get("message", "") if skipped is not None else "").splitlines()
    return lines[-1] if lines else "no reason given"


def count(folder: Path) -> Counter[str]:
    """Count the outcomes of all tests; a program that crashed has left no results."""
    outcomes: Counter[str] = Counter()
    for file in folder.glob("*.xml"):
        for test in ET.parse(file).iter("testcase"):
            if test.get("status") == "run":
                outcomes[outcome(test)] += 1
    return outcomes


def summary(outcomes: Counter[str]) -> str:
    """Say it in a line: "1000 C++ tests passed, 2 skipped (no GPU)"."""
    parts = [f"{outcomes[PASSED]} C++ tests passed"]
    if outcomes[FAILED]:
        parts.append(f"{outcomes[FAILED]} failed")
    reasons = sorted((r for r in outcomes if r not in (PASSED, FAILED)), key=lambda r: -outcomes[r])
    return ", ".join(parts + [f"{outcomes[reason]} skipped ({reason})" for reason in reasons])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="build/PRESET/test_results")
    counted = count(parser.parse_args().folder)
    print(summary(counted))
    sys.exit(0 if counted[PASSED] else 1)
