from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import SCRIPTS, Script, fails_in_one_line

from dartslib.operations import DILATED, LOOKS, OTHER, POOLING, SEPARABLE

HAS_DOT = shutil.which("dot") is not None
needs_dot = pytest.mark.skipif(not HAS_DOT, reason="Graphviz's dot is not installed")


def svg_edges(svg: str) -> list[str]:
    return [t.replace("&#45;&gt;", "->") for t in re.findall(r"<title>(\S*&gt;\S*)</title>", svg)]


@needs_dot
def test_default_output_lies_beside_the_input(script: Script, genotype_file: Path) -> None:
    result = script("plot_genotype.py", genotype_file)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == str(genotype_file.with_suffix(".png"))
    assert genotype_file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@needs_dot
def test_run_directory(script: Script, genotype_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    genotype_file.rename(run / "genotype.json")
    assert script("plot_genotype.py", run, "--format", "pdf").returncode == 0
    assert (run / "genotype.pdf").read_bytes().startswith(b"%PDF")


@needs_dot
def test_built_in_name_is_written_here(script: Script, tmp_path: Path) -> None:
    result = script("plot_genotype.py", "AmoebaNet", "--format", "svg")
    assert result.stdout.strip() == "AmoebaNet.svg"
    svg = (tmp_path / "AmoebaNet.svg").read_text()
    assert "conv_7x1_1x7" in svg and "reduction cell" in svg


@needs_dot
def test_picture_shows_the_genotype(script: Script, genotype_file: Path, tmp_path: Path) -> None:
    assert script("plot_genotype.py", genotype_file, "-o", "out.svg").returncode == 0
    svg = (tmp_path / "out.svg").read_text()
    edges = svg_edges(svg)
    assert {e for e in edges if e.endswith("normal_out")} == {
        "normal_2->normal_out",
        "normal_4->normal_out",
    }
    assert "normal_2->normal_op3:w" in edges and "normal_op3:e->normal_3" in edges
    assert len(edges) == 2 * (6 + 4) + 2 + 2
    assert "three &lt;nodes&gt; &amp; more" in svg
    assert all(label in svg for label in ("normal cell", "reduction cell", "sep_conv_5x5"))
    assert SEPARABLE.fill in svg and DILATED.label in svg


@needs_dot
def test_nodes_without_edges_and_one_of_several_genotypes(script: Script, tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text(
        "A = Genotype([[('skip_connect', 0)]], [2], [[('skip_connect', 0)]], [2])\n"
        "B = Genotype([[], [('skip_connect', 0)]], [3], [[('skip_connect', 0)], []], [2])\n"
    )
    assert script("plot_genotype.py", "all.txt:B", "--format", "svg").stdout.strip() == "B.svg"
    edges = svg_edges((tmp_path / "B.svg").read_text())
    assert "normal_op0:e->normal_3" in edges and "normal_3->normal_out" in edges
    assert not any("normal_2" in edge or "reduce_3" in edge for edge in edges)
    fails_in_one_line(script("plot_genotype.py", "all.txt"), "A (line 1), B (line 2)")


@needs_dot
def test_title(script: Script, tmp_path: Path) -> None:
    script("plot_genotype.py", "DARTS_V1", "-o", "a.svg", "--title", "Seed 2")
    script("plot_genotype.py", "DARTS_V1", "-o", "b.svg", "--title", "")
    assert "Seed 2" in (tmp_path / "a.svg").read_text()
    assert "DARTS_V1" not in (tmp_path / "b.svg").read_text()


@needs_dot
def test_layouts(script: Script, tmp_path: Path) -> None:
    def shape(*options: str) -> tuple[float, float]:
        script("plot_genotype.py", "DARTS_V2", "-o", "a.svg", *options)
        size = re.search(r'width="(\d+)pt" height="(\d+)pt"', (tmp_path / "a.svg").read_text())
        assert size
        return float(size[1]), float(size[2])

    beside, under = shape(), shape("--layout", "stacked")
    assert beside[0] > 1.5 * under[0]
    assert under[1] > 1.3 * beside[1]


@needs_dot
def test_all_operations_can_be_drawn(script: Script, tmp_path: Path) -> None:
    edges = [[(name, 0) for name in LOOKS]]  # of one node
    (tmp_path / "all.txt").write_text(
        f"Genotype(normal={edges}, normal_concat=[2], reduce={edges}, reduce_concat=[2])"
    )
    assert script("plot_genotype.py", "all.txt", "--format", "svg").returncode == 0
    svg = (tmp_path / "all.svg").read_text()
    assert all(f">{name}</text>" in svg for name in LOOKS)


def fill_of(svg: str, operation: str) -> str:
    """The colour of the box with this text."""
    box = re.search(rf'fill="(#\w+)"[^>]*/>\s*<text[^>]*>{operation}</text>', svg)
    assert box, operation
    return box[1]


@needs_dot
def test_operations_without_a_look_are_neutral_or_of_their_kind(
    script: Script, record: dict[str, Any], tmp_path: Path
) -> None:
    record["normal"] = [[["conv_3x3", 0], ["blur_pool_3x3", 1]]]
    record["normal_concat"] = [2]
    record["operations"] = {"conv_3x3": "conv", "blur_pool_3x3": "pool"}
    (tmp_path / "new.json").write_text(json.dumps(record))
    result = script("plot_genotype.py", "new.json", "--format", "svg")
    assert (result.returncode, result.stderr) == (0, "")
    svg = (tmp_path / "new.svg").read_text()
    assert fill_of(svg, "conv_3x3") == OTHER.fill
    assert fill_of(svg, "blur_pool_3x3") == POOLING.fill
    assert fill_of(svg, "sep_conv_3x3") == SEPARABLE.fill
    assert svg.index(f"{DILATED.label}") < svg.index(f"{OTHER.label} ")


@needs_dot
def test_a_name_that_may_be_a_slip_is_drawn_with_a_warning(script: Script, tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text(
        "Genotype([[('sepconv_3x3', 0)]], [2], [[('<b>', 0), ('skip_connect', 1)]], [2])"
    )
    result = script("plot_genotype.py", "g.txt", "--format", "svg")
    assert result.returncode == 0
    assert "'sepconv_3x3' is none of the usual operations, did you mean 'sep_conv_3x3'?" in (
        result.stderr
    )
    svg = (tmp_path / "g.svg").read_text()
    assert fill_of(svg, "sepconv_3x3") == fill_of(svg, "&lt;b&gt;") == OTHER.fill


def test_errors(script: Script, genotype_file: Path, tmp_path: Path) -> None:
    fails_in_one_line(script("plot_genotype.py", "DARTS_V3"), "did you mean 'DARTS_V")
    fails_in_one_line(script("plot_genotype.py"), "required: GENOTYPE", "--help")
    fails_in_one_line(script("plot_genotype.py", genotype_file, "-o", "a.bmp"), "png, svg, pdf")
    genotype_file.write_text("{")
    fails_in_one_line(script("plot_genotype.py", genotype_file), "g.json: not JSON")


@needs_dot
def test_unwritable_output(script: Script, genotype_file: Path) -> None:
    fails_in_one_line(
        script("plot_genotype.py", genotype_file, "-o", "/proc/where.png"),
        "cannot write /proc/where.png: No such file or directory",
    )
    if Path("/dev/full").exists():
        fails_in_one_line(
            script("plot_genotype.py", genotype_file, "-o", "/dev/full", "--format", "png"),
            "cannot write /dev/full: No space left on device",
        )


def test_missing_dot_names_the_package(script: Script, genotype_file: Path, tmp_path: Path) -> None:
    result = script("plot_genotype.py", genotype_file, env={"PATH": str(tmp_path)})
    fails_in_one_line(result, "'dot' is missing", "apt-get install graphviz")


def test_missing_python_package(genotype_file: Path) -> None:
    code = (
        "import sys; sys.modules['graphviz'] = None; sys.argv[0] = 'plot_genotype.py';"
        "from dartslib import cli; import plot_genotype; cli.run(plot_genotype.main)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(genotype_file)],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
    )
    fails_in_one_line(result, "'graphviz' is missing: pip install -r", "requirements.txt")
