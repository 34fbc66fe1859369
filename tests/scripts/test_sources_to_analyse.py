"""Which sources .ci/run has clang-tidy read, in a small repository of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHOOSE = Path(__file__).parents[2] / ".ci" / "sources_to_analyse.py"
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
HEAVY = tuple(f"heavy{i}.cpp" for i in range(8))

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


class Repository:
    """Two light sources, and eight with LibTorch's headers, most through a header of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".ci").mkdir(parents=True)
        shutil.copy(CHOOSE, folder / ".ci")
        self.write("include/darts/a.hpp", "#include <torch/types.h>")
        self.write("src/light.cpp", "#include <vector>")
        self.write("apps/light.cpp", "#include <string>")
        for i, name in enumerate(HEAVY):
            self.write(f"src/{name}", "#include <darts/a.hpp>" if i > 1 else "#include <ATen/a.h>")

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")

    def git(self, *arguments: str) -> None:
        subprocess.run([*GIT, *arguments], cwd=self.folder, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("init")
        self.git("add", ".")
        self.git("commit", "-m", "a")

    def chosen(self, *arguments: str) -> list[str]:
        script = self.folder / ".ci" / CHOOSE.name
        run = subprocess.run(
            [sys.executable, script, *arguments], check=True, capture_output=True, text=True
        )
        return [str(Path(f).relative_to(self.folder.resolve())) for f in run.stdout.splitlines()]


LIGHT = ["apps/light.cpp", "src/light.cpp"]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path.resolve() / "a")


def test_the_light_ones_where_there_is_nothing_to_compare_with(repository: Repository) -> None:
    assert repository.chosen() == LIGHT  # no repository
    repository.commit()
    assert repository.chosen() == LIGHT  # no commit before, no remote


def test_what_changed_since_the_commit_before(repository: Repository) -> None:
    repository.commit()
    repository.write("src/light.cpp", "#include <map>")
    repository.write("README.md", "")
    repository.commit()
    assert repository.chosen() == ["src/light.cpp"]
    repository.write("src/heavy0.cpp", "#include <ATen/b.h>")  # not committed
    repository.write("src/new.cpp", "#include <map>")  # and not known to git
    assert repository.chosen() == ["src/light.cpp", "src/new.cpp"]


def test_what_changed_since_the_remote_branch(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    repository.git("clone", str(repository.folder), str(tmp_path / "b"))
    clone = Repository.__new__(Repository)
    clone.folder = tmp_path.resolve() / "b"
    for name in LIGHT:
        clone.write(name, "#include <map>")
        clone.commit()
    assert clone.chosen() == LIGHT


def test_a_shallow_clone_has_nothing_to_compare_with(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit()
    repository.write("src/light.cpp", "#include <map>")
    repository.commit()
    source = f"file://{repository.folder}"
    repository.git("clone", "--depth", "1", source, str(tmp_path / "b"))
    clone = Repository.__new__(Repository)
    clone.folder = tmp_path.resolve() / "b"
    assert clone.chosen() == LIGHT


def test_a_header_concerns_all_light_ones(repository: Repository) -> None:
    repository.commit()
    repository.write("include/darts/a.hpp", "#include <torch/version.h>")
    assert repository.chosen("--base", "HEAD") == LIGHT


def test_heavy_ones_are_left_to_all(repository: Repository) -> None:
    repository.commit()
    for name in HEAVY:
        repository.write(f"src/{name}", "#include <ATen/b.h>")
    assert repository.chosen("--base", "HEAD") == []
    assert len(repository.chosen("--all")) == 10
