from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SCRIPTS, Script, fails_in_one_line

from dartslib.cli import UserError, nearest, picture_format

ALL_SCRIPTS = (
    "export.py",
    "get_data.py",
    "plot_confusion.py",
    "plot_genotype.py",
    "plot_search.py",
    "report.py",
    "to_tensorboard.py",
)


def run_main(body: str, **options: object) -> subprocess.CompletedProcess:
    code = f"import os, sys\nfrom dartslib import cli\ndef main():\n    {body}\ncli.run(main)"
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, **settings)


@pytest.mark.parametrize("name", ALL_SCRIPTS)
def test_help(script: Script, name: str) -> None:
    result = script(name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"examples:\n  {name}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("name", ALL_SCRIPTS)
def test_unknown_option(script: Script, name: str) -> None:
    fails_in_one_line(script(name, "x", "--wrong"), "--help")


def test_success() -> None:
    assert run_main("print('done')").stdout == "done\n"


def test_user_error_becomes_one_line() -> None:
    result = run_main("raise cli.UserError('two\\nlines')")
    fails_in_one_line(result, "error: two lines")


def test_file_error_names_the_file() -> None:
    fails_in_one_line(run_main("open('/no/file')"), "/no/file: No such file or directory")


def test_interrupt() -> None:
    fails_in_one_line(run_main("raise KeyboardInterrupt"), "interrupted", code=130)


def test_broken_pipe() -> None:
    body = "print('x' * 1000000)"
    code = f"from dartslib import cli\ncli.run(lambda: {body})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=SCRIPTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    stderr = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 1
    assert stderr == "error: the reader of the output has gone\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        result = run_main("print('x')", stdout=full)
    assert (result.returncode, result.stderr) == (1, "error: No space left on device\n")


def test_nearest() -> None:
    assert nearest("SEP_conv_3x3", ["sep_conv_3x3", "none"]) == ", did you mean 'sep_conv_3x3'?"
    assert nearest("zzz", ["sep_conv_3x3"]) == ""


def test_picture_format() -> None:
    known = ("png", "svg")
    assert picture_format(None, None, known) == "png"
    assert picture_format(Path("a.SVG"), None, known) == "svg"
    assert picture_format(Path("a.svg"), "png", known) == "png"
    with pytest.raises(UserError, match="png, svg"):
        picture_format(Path("a"), None, known)
