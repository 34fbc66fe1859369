"""The README's map of the project is whole: every folder and every program is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = (".ci", "apps", "bench", "cmake", "configs", "docs", "include", "scripts", "src", "tests")
CACHES = ("__pycache__", ".pytest_cache", ".ruff_cache")


@pytest.fixture
def section() -> str:
    """The text of the section that is the map."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split("\n## Where things are\n")[1].split("\n## ")[0]


@pytest.fixture
def named(section: str) -> set[str]:
    """The folders in the table's first column."""
    rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def folders() -> set[str]:
    """All folders with files of their own, from the root."""
    return {
        str(file.parent.relative_to(ROOT))
        for top in TOP
        for file in (ROOT / top).rglob("*")
        if file.is_file() and not any(part in CACHES for part in file.parts)
    }


def stands_for(folder: str) -> str:
    """Return the folder that has to be named: that of all headers, or the room that is tested."""
    if folder.startswith("include/darts/"):
        return "include/darts"
    for whole in ("tests/fuzz/corpus", "src/parallel/gloo_interface"):
        if folder.startswith(whole + "/"):
            return whole
    room = folder.replace("tests/", "src/", 1)
    return "tests" if folder.startswith("tests/") and (ROOT / room).is_dir() else folder


def test_every_folder_is_named(named: set[str]) -> None:
    assert {folder for folder in folders() if stands_for(folder) not in named} == set()


def test_every_named_folder_is_there(named: set[str]) -> None:
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).is_dir()} == set()


def test_every_program_is_named(section: str) -> None:
    programs = {
        name
        for file in ("apps/CMakeLists.txt", "bench/CMakeLists.txt")
        for name in re.findall(r"darts_add_program\((\w+)", (ROOT / file).read_text())
    }
    assert "darts_search" in programs
    scripts = [file.name for ending in ("py", "sh") for file in ROOT.glob(f"scripts/*.{ending}")]
    mentioned = set(re.findall(r"`([^`\s]+)`", section))
    assert {name for name in (*programs, *scripts) if name not in mentioned} == set()
