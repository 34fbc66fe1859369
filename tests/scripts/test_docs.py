"""What docs/methods.md says is so: every method is in its table, and its example is tested."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/methods.md").read_text(encoding="utf-8")


def test_the_table_has_every_method() -> None:
    table = (ROOT / "src/search/search_methods.cpp").read_text(encoding="utf-8")
    names = re.findall(r"\brow<\w+>\(\s*\"([^\"]+)\"", table)
    assert "darts" in names
    rows = re.findall(r"^\| `([^`]+)` \|", TEXT, re.MULTILINE)
    assert {name for name in names if name not in rows} == set()


def test_golden_files_and_recipes_are_there() -> None:
    table = TEXT.split("\n|---", 1)[1].split("\n\n", 1)[0]
    golden = re.findall(r"`(\w+)`: ", table)
    assert len(golden) > 10
    folder = ROOT / "tests/fixtures/golden"
    assert {name for name in golden if not [*folder.rglob(f"{name}.*")]} == set()
    recipes = re.findall(r"`(\w+)\.yaml`", table)
    assert len(recipes) >= 9
    assert {r for r in recipes if not (ROOT / f"configs/search/{r}.yaml").exists()} == set()


def test_the_example_is_what_is_tested() -> None:
    blocks = re.findall(r"```cpp\n(.*?)```", TEXT, re.DOTALL)
    for name in ("annealed.hpp", "annealed.cpp"):
        assert (ROOT / "tests/new_method" / name).read_text(encoding="utf-8") in blocks
    row = " ".join(blocks[-1].split())
    cmake = (ROOT / "tests/new_method/CMakeLists.txt").read_text(encoding="utf-8")
    assert row in cmake.replace('\\"', '"')
