"""A bundle of the build that is there, in an empty environment; the whole GPU check from it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import newest_preset

from dartslib.gpu_check import synthetic

ROOT = Path(__file__).parents[2]
NEEDED = ("bin/darts_bench", "bin/darts_search", "tests/core/core_test", "tests/apps/apps_test")


def preset() -> str | None:
    """The preset of a whole build, if there is one."""
    return newest_preset(*NEEDED)


pytestmark = [
    pytest.mark.skipif(preset() is None, reason="build/dev and build/release are not built"),
    pytest.mark.skipif(find_spec("torch") is None, reason="this Python has no torch"),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle."""
    folder = tmp_path_factory.mktemp("bundle") / "out"
    command = [ROOT / "scripts/bundle.sh", folder, "--as-built", f"--preset={preset()}"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (again.returncode, "exists" in again.stderr) == (1, True)
    return folder


def run(bundle: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """Run run.sh from an empty folder in an empty environment."""
    return subprocess.run(
        [bundle / "run.sh", *map(str, arguments)],
        cwd=bundle.parent,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_it_is_small_and_without_what_comes_with_libtorch(bundle: Path) -> None:
    files = [path for path in bundle.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 100e6
    libraries = {path.name for path in (bundle / "lib").glob("*.so*")}
    assert any(name.startswith("libyaml-cpp.so") for name in libraries)
    prefixes = ("libtorch", "libc10", "libcu", "libc.so", "libstdc++")
    assert not [name for name in libraries if name.startswith(prefixes)]
    assert "LibTorch" in (bundle / "VERSIONS").read_text()


def test_it_runs_programs_with_the_pythons_libtorch_or_a_given_one(bundle: Path) -> None:
    version = run(bundle, "darts_search", "--version")
    assert (version.returncode, version.stdout[:6]) == (0, "darts "), version.stderr
    torch = next(iter(find_spec("torch").submodule_search_locations))
    given = run(bundle, "darts_search", "--version", PYTHON="none", LIBTORCH=torch)
    assert (given.returncode, given.stdout) == (0, version.stdout), given.stderr
    for variables, reason in [
        ({"PYTHON": "none"}, "none has no package torch"),
        ({"LIBTORCH": "/nowhere"}, "/nowhere/lib/libtorch_cpu.so is not there"),
    ]:
        result = run(bundle, "darts_search", "--version", **variables)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("error: ") and reason in result.stderr
    assert "there are: darts_bench" in run(bundle, "nothing").stderr


def test_its_programs_find_the_recipes_and_the_made_up_images(bundle: Path, tmp_path: Path) -> None:
    synthetic.write_cifar10(tmp_path)
    tried = run(
        *(bundle, "darts_search", "--config", "cifar10_first_order.yaml", "--dry-run"),
        *("--data-root", tmp_path, "--device", "cpu", "--set", "space.cells=1"),
        *("--set", "space.channels=2", "--set", "search.batch_size=4"),
    )
    assert tried.returncode == 0, tried.stderr
    assert "steps an epoch: 6,250" in tried.stdout


def test_its_tests_read_its_own_files(bundle: Path) -> None:
    """Golden files, recipes and programs: those of the build are not asked for."""
    wanted = "golden_ops.*:DartsTrain.EveryRecipeCanBeRead:golden_evaluation_network.Cifar"
    result = run(bundle, "--tests", f"--gtest_filter={wanted}")
    assert result.returncode == 0, result.stdout
    assert "ops.pt: 194 tensors compared" in result.stdout
    (bundle / "fixtures").rename(bundle / "moved")
    try:
        failed = run(bundle, "--tests", f"--gtest_filter={wanted}")
    finally:
        (bundle / "moved").rename(bundle / "fixtures")
    assert failed.returncode == 2, failed.stdout  # ops_test and eval_test
    assert f"{bundle}/fixtures/golden" in failed.stdout


def test_the_check_as_a_whole(bundle: Path, tmp_path: Path) -> None:
    start = time.monotonic()
    result = run(bundle, "gpu_check", "--quick", "-o", tmp_path / "out")
    record = json.loads((tmp_path / "out/gpu_check.json").read_text())
    parts = {part["name"]: part for part in record["parts"]}
    assert result.returncode == min(record["failures"], 125), result.stderr
    assert parts["cpu"]["status"] == "ok", result.stdout
    assert parts["environment"]["status"] == "ok", result.stdout
    assert record["libtorch"]
    if not record["gpu"]:
        assert result.returncode == 0
        for name in ("right", "programs", "fast", "scale"):
            assert parts[name]["status"] == "skipped: no GPU"
        assert result.stdout.count("skipped: no GPU\n") == 4
        assert time.monotonic() - start < 120
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == []


def test_the_check_says_what_is_wrong_with_the_original(bundle: Path, tmp_path: Path) -> None:
    result = run(bundle, "gpu_check", "--peer", tmp_path, "-o", tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr.startswith("error: ") and "model_search.py" in result.stderr
