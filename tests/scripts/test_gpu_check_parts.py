"""The parts of the GPU check: running programs, reading what they say, writing tables."""

from __future__ import annotations

import json
import signal
import struct
import sys
import time
from pathlib import Path

import pytest

from dartslib.gpu_check import gtest, peer, process, right, runs, scale, speed, synthetic
from dartslib.gpu_check.process import Patience
from dartslib.gpu_check.report import PartResult, Report, Table
from dartslib.gpu_check.speed import Bench
from dartslib.gpu_check.tools import Part, Tools

SLEEPER = "import os, subprocess, sys, time; {}; print('begun', flush=True); time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def fake(folder: Path, name: str, code: str) -> Path:
    """A program in Python."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def part(tmp_path: Path) -> Part:
    """A part with a minute, on programs in tmp_path."""
    work = tmp_path / "work"
    work.mkdir()
    tools = Tools(tmp_path, tmp_path, work)
    return Part(tools, PartResult("name", "Title"), time.monotonic() + 60)


# ---- running programs ----------------------------------------------------------------------------


def test_a_program_that_ends_is_told_with_its_output() -> None:
    outcome = process.run(
        python("import sys; print(1); sys.exit('error: bad\\nmore')"), Patience(30)
    )
    assert (outcome.status, outcome.out, outcome.timed_out) == (1, "1\n", False)
    assert outcome.complaint() == "exit status 1: error: bad"


def test_a_program_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    starts = f"p = subprocess.Popen(['sleep', '60']); open({str(child)!r}, 'w').write(str(p.pid))"
    outcome = process.run(python(SLEEPER.format(starts)), Patience(2.0))
    assert outcome.timed_out and not outcome.ok
    assert outcome.status == -signal.SIGKILL
    assert outcome.out == "begun\n"
    assert outcome.seconds < 10
    assert "not done after 2 s" in outcome.complaint()
    deadline = time.monotonic() + 10
    while is_running(int(child.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] not in "ZX"
    except OSError:
        return False


def test_a_program_can_be_asked_to_end_first() -> None:
    code = SLEEPER.format(
        "import signal; signal.signal(2, lambda *a: (print('saved'), sys.exit(130)))"
    )
    outcome = process.run(python(code), Patience(2.0, signal.SIGINT, 20.0))
    assert (outcome.status, outcome.timed_out) == (130, True)
    assert outcome.out == "begun\nsaved\n"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    outcome = process.run([tmp_path / "none"], Patience(1.0))
    assert outcome.status == 127
    assert "No such file" in outcome.complaint()


# ---- test programs -------------------------------------------------------------------------------

OUTPUT = """\
Note: Google Test filter = *Cuda*
[==========] Running 4 tests from 2 test suites.
[ RUN      ] A.Right
a.pt on a GPU: 194 tensors compared, largest relative error 4.25e-15 (sep_conv/grad)
[       OK ] A.Right (1250 ms)
[ RUN      ] Cuda/B.Wrong/merged
../x_test.cpp:12: Failure
Expected equality of these values:
  1
  2
operation without a deterministic form: avg_pool2d_backward_out_cuda
[  FAILED  ] Cuda/B.Wrong/merged, where GetParam() = 8-byte object <00-00> (3 ms)
[ RUN      ] B.NotHere
../x.cpp:3: Skipped
no GPU
[  SKIPPED ] B.NotHere (0 ms)
[ RUN      ] B.Near
tf32: merged from plain: loss 1.5e-04, 1 - cosine of gradients 2.0e-05
[       OK ] B.Near (7 ms)
[==========] 4 tests from 2 test suites ran. (1260 ms total)
[  PASSED  ] 2 tests.
[  FAILED  ] 1 test, listed below:
[  FAILED  ] Cuda/B.Wrong/merged, where GetParam() = 8-byte object <00-00>
"""


def test_output_of_tests_is_read() -> None:
    findings = gtest.parse(OUTPUT)
    assert [(test.name, test.status, test.seconds) for test in findings.tests] == [
        ("A.Right", "ok", 1.25),
        ("Cuda/B.Wrong/merged", "failed", 0.003),
        ("B.NotHere", "skipped", 0.0),
        ("B.Near", "ok", 0.007),
    ]
    assert findings.failed()[0].message == "Expected equality of these values: 1 2"
    assert findings.compared == [("a.pt on a GPU", 194, 4.25e-15, "sep_conv/grad")]
    assert findings.distances == [("tf32", "merged from plain", 1.5e-4, 2.0e-5)]
    assert findings.indeterminate == {"avg_pool2d_backward_out_cuda"}
    assert (findings.tensors(), findings.largest_error()) == (194, 4.25e-15)


def test_a_test_that_its_program_did_not_survive() -> None:
    cut = OUTPUT[: OUTPUT.index("[  FAILED  ]")]
    assert gtest.parse(cut).failed()[0].status == "crashed"
    assert gtest.parse(cut, "timed out").failed()[0].status == "timed out"


CRASHER = """
excluded = sys.argv[1].split("-", 1)[1].split(":") if "-" in sys.argv[1].split("=")[1] else []
tests = [t for t in ("S.One", "S.Two", "S.Three") if t not in excluded]
print(f"[==========] Running {len(tests)} tests from 1 test suite.")
for test in tests:
    print(f"[ RUN      ] {test}", flush=True)
    if test == "S.Two":
        BEHAVIOUR
    print(f"[       OK ] {test} (1 ms)")
print(f"[==========] {len(tests)} tests from 1 test suite ran. (1 ms total)")
"""


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("os.abort()", "crashed"),
        (
            "print('u: Failure'); print('CUDA error: an illegal memory access was encountered'); "
            "print(f'[  FAILED  ] {test} (1 ms)'); continue",
            "failed",
        ),
    ],
)
def test_tests_behind_one_that_takes_its_program_down_are_run(
    part: Part, behaviour: str, status: str
) -> None:
    fake(part.tools.tests, "s_test", CRASHER.replace("BEHAVIOUR", behaviour))
    findings = gtest.run_tests(part, "s_test", "*")
    assert {test.name: test.status for test in findings.tests} == {
        "S.One": "ok",
        "S.Two": status,
        "S.Three": "ok",
    }


def test_a_test_program_that_cannot_start_is_a_failure(part: Part) -> None:
    fake(part.tools.tests, "s_test", "sys.exit('error: no libtorch')")
    findings = gtest.run_tests(part, "s_test", "*")
    assert "no libtorch" in findings.failed()[0].message


def test_a_test_program_without_such_tests_is_none(part: Part) -> None:
    fake(part.tools.tests, "s_test", "print('[==========] 0 tests from 0 test suites ran. (0 ms)')")
    assert gtest.run_tests(part, "s_test", "*").tests == []


def test_names_in_the_list_of_tests() -> None:
    text = "Running main()\nA.\n  One\n  Two\nCuda/B.\n  Three/merged  # GetParam() = 8-byte\n"
    assert gtest.names_in_list(text) == ["A.One", "A.Two", "Cuda/B.Three/merged"]


def test_one_programs_tests_are_split(part: Part) -> None:
    fake(
        part.tools.tests,
        "apps_test",
        """
if "--gtest_list_tests" in sys.argv:
    print("A." + "".join(f"\\n  T{i}" for i in range(5)))
else:
    names = sys.argv[1].removeprefix("--gtest_filter=").split(":")
    for name in names:
        print(f"[ RUN      ] {name}")
        print(f"[       OK ] {name} (1 ms)")
    print(f"[==========] {len(names)} tests from 1 test suite ran. (1 ms total)")
""",
    )
    part.result.tables.clear()
    findings = gtest.run_split(part, "apps_test", "*")
    assert sorted(test.name for test in findings.tests) == [f"A.T{i}" for i in range(5)]


def test_rooms_without_their_tests_are_failures(part: Part) -> None:
    for room in right.ROOMS:
        fake(part.tools.tests, room, "print('[==========] 0 tests from 0 test suites ran. (0)')")
    right.on_gpu(part)
    assert len(part.result.failures) == len(right.ROOMS)
    assert [row[0] for row in part.result.tables[0].rows] == list(right.ROOMS)


# ---- darts_bench and the original ----------------------------------------------------------------

BENCH = """
import pathlib
file = sys.argv[sys.argv.index("--json") + 1]
record = {
    "device": "cuda:0", "ceilings": {"copy": {"bytes_per_s": 2e12}, "bf16": 5e14},
    "results": [
        {"work": "first", "execution": "merged+graph", "batch": 64, "seconds": 0.025, "best": 0.02,
         "images_per_s": 2560.0, "peak_bytes": 3e9, "kernels": 950, "launches": 20,
         "idle_share": 0.05, "heaviest_kernels": [
             {"name": "void (anonymous namespace)::fill<float, 4>(int)", "count": 3,
              "seconds": 0.002}]},
        {"work": "first", "execution": "plain", "batch": 64, "failed": "out of memory"},
        {"work": "first", "execution": "merged+graph+bf16", "batch": 64, "seconds": 0.02,
         "skipped": "skipped: no graph"},
        {"work": "test", "execution": "plain", "batch": 64,
         "skipped": "not started: --max-seconds"},
    ]}
pathlib.Path(file).write_text(json.dumps(record))
sys.exit(1)
"""


def test_figures_of_darts_bench_are_tabled_whatever_is_missing(part: Part) -> None:
    fake(part.tools.programs, "darts_bench", BENCH)
    speed.tables(part, Bench(("first", "test"), speed.GRAPHS, 64), 30)
    ceilings, table, kernels = part.result.tables
    assert ceilings.rows == [["copy bytes_per_s", 2e12], ["bf16", 5e14]]
    assert table.rows[0] == [
        "first",
        "merged+graph",
        64,
        25.0,
        20.0,
        2560.0,
        3.0,
        950,
        20,
        5.0,
        None,
        "",
    ]
    assert table.rows[1][3:] == [*[None] * 8, "out of memory"]
    assert table.rows[2][-1] == "skipped: no graph"
    assert len(table.rows) == 3  # without what was not begun
    assert kernels.title == "Heaviest kernels of a step: first merged+graph"
    assert kernels.rows == [["fill<float, 4>", 3, 2.0]]
    assert len(part.result.failures) == 2  # its exit status, and one measurement
    assert "out of memory" in part.result.failures[1]


@pytest.mark.parametrize("code", ["sys.exit('error: no --device')", "time.sleep(60)", "pass"])
def test_a_bench_without_figures_is_one_failure(part: Part, code: str) -> None:
    fake(part.tools.programs, "darts_bench", code)
    part.deadline = time.monotonic() + 2
    speed.tables(part, Bench(("first",), ("plain",), 64), 1)
    assert len(part.result.failures) == 1


def test_the_command_of_darts_bench(part: Part) -> None:
    fake(part.tools.programs, "darts_bench", "")
    command = speed.bench_command(part, Bench(("w",), ("plain", "merged"), 256), Path("f"), 40.0)
    assert command[1:] == [
        *("--device", "cuda", "--json", Path("f"), "--max-seconds", "20", "--paper"),
        *("--batch", "256", "--work", "w", "--execution", "plain", "merged"),
    ]


def test_the_original_is_timed_in_turns_with_ours(part: Part, tmp_path: Path) -> None:
    fake(part.tools.programs, "darts_bench", BENCH)
    script = fake(
        tmp_path,
        "peer_bench.py",
        "print(json.dumps({'step_s': 0.1 if 'cl' in sys.argv else 0.2, 'batch': 64}))",
    )
    quick = Tools(tmp_path, tmp_path, part.tools.work, quick=True)
    part = Part(quick, PartResult("peer", "Peer"), time.monotonic() + 60)
    peer.compare(part, peer.Peer(tmp_path, script, sys.executable))
    (table,) = part.result.tables
    assert [row[1] for row in table.rows] == [
        *("ours", "eager", "eager bf16", "channels-last", "ours")
    ]
    assert [row[-1] for row in table.rows[1:4]] == pytest.approx([8.0, 8.0, 4.0])


def test_compiling_that_takes_too_long_is_skipped_and_no_failure(
    part: Part, tmp_path: Path
) -> None:
    script = fake(tmp_path, "peer_bench.py", "time.sleep(60)")
    part.deadline = time.monotonic() + 1
    peer.compile_it(part, peer.Peer(tmp_path, script, sys.executable))
    assert "not done after" in part.result.tables[0].note
    assert part.result.failures == []


def test_the_script_that_times_the_original_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "cnn"
    folder.mkdir()
    assert peer.find_script(folder, None) is None
    beside = tmp_path / "peer_bench.py"
    beside.touch()
    assert peer.find_script(folder, None) == beside
    assert peer.find_script(folder, tmp_path / "other.py") is None


# ---- runs ----------------------------------------------------------------------------------------


def write_checkpoint(file: Path, state: dict) -> None:
    header = json.dumps({"__metadata__": {"meta": json.dumps({"state": state})}}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<Q", len(header)) + header)


def test_the_speed_of_a_begun_epoch_is_read_from_its_newest_checkpoint(tmp_path: Path) -> None:
    nothing = {"seconds": 0.0, "loader_seconds": 0.0, "images": 0, "step": 0}
    begun = {"seconds": 4.0, "loader_seconds": 1.0, "images": 640, "step": 10}
    write_checkpoint(tmp_path / "checkpoints/epoch_000_step_000000.safetensors", nothing)
    assert runs.speed_of(tmp_path) is None
    write_checkpoint(tmp_path / "checkpoints/epoch_000_step_000010.safetensors", begun)
    found = runs.speed_of(tmp_path)
    assert (found.steps, found.images_per_s, found.loader_share, found.whole) == (
        10,
        160,
        0.25,
        False,
    )


def test_the_speed_of_a_finished_epoch_is_read_from_its_record(tmp_path: Path) -> None:
    epoch = {"kind": "epoch", "seconds": 2.0, "images_per_second": 100.0, "loader_share": 0.125}
    lines = [json.dumps({"kind": "step"}), json.dumps(epoch), '{"cut off']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    found = runs.speed_of(tmp_path)
    assert (found.images, found.images_per_s, found.loader_share, found.whole) == (
        200,
        100,
        0.125,
        True,
    )


RUNNER = """
import pathlib, signal, struct
if "runtime.cuda_graph=true" in sys.argv and "darts_train" in sys.argv[0]:
    sys.exit("error: --set runtime.cuda_graph=true: unknown key; --help-config lists all keys")
run = pathlib.Path(os.getcwd()) / "a_run"
run.mkdir(exist_ok=True)
epoch = {"kind": "epoch", "seconds": 2.0, "images_per_second": 500.0, "loader_share": 0.0}
(run / "metrics.jsonl").write_text(json.dumps(epoch) + "\\n")
print("run directory:", run)
"""


def test_an_epoch_is_extrapolated_to_all(part: Part) -> None:
    for name in ("darts_search", "darts_train"):
        fake(part.tools.programs, name, RUNNER)
    scale.measure(part, Path("data"))
    assert part.result.failures == []
    rows = {row[0]: row for row in part.result.tables[0].rows}
    assert rows["search, first order"][2:] == [500.0, "0.0%", 50.0, 50, 50.0 * 50 / 3600]
    assert rows["training, DARTS_V2"][4:] == [100.0, 600, 100.0 * 600 / 3600]


def test_synthetic_images_are_a_function_of_the_seed(tmp_path: Path) -> None:
    synthetic.write_cifar10(tmp_path / "a", records=50)
    synthetic.write_cifar10(tmp_path / "b", records=50)
    synthetic.write_cifar10(tmp_path / "c", records=50, seed=2)
    file = Path(synthetic.FOLDER) / "test_batch.bin"
    content = (tmp_path / "a" / file).read_bytes()
    assert content == (tmp_path / "b" / file).read_bytes()
    assert content != (tmp_path / "c" / file).read_bytes()
    assert len(content) == 50 * 3073
    assert max(content[::3073]) < 10 <= max(content)
    assert len(list((tmp_path / "a" / synthetic.FOLDER).iterdir())) == 6


# ---- reports -------------------------------------------------------------------------------------


def test_tables_line_up_and_show_four_digits() -> None:
    table = Table("Title", ["what", "value"], note="a note")
    table.add("a", 0.123456)
    table.add("longer", 1234567.0)
    table.add("none", None)
    assert table.text().splitlines() == [
        *("Title", "  what    value", "  a       0.1235", "  longer  1234567", "  none    -"),
        "  a note",
    ]
    assert "| longer | 1234567 |" in table.markdown()
    with pytest.raises(ValueError):
        table.add("one")


def test_a_report_is_written_with_every_figure(tmp_path: Path) -> None:
    table = Table("Steps", ["work", "ms"])
    table.add("first", 24.98765)
    table.add("a|b", float("nan"))
    parts = [
        PartResult("fast", "Fast", "failed", 3.0, 5.0, [table], ["first: too slow"]),
        PartResult("right", "Right", "skipped: no GPU"),
    ]
    report = Report({"device": "X"}, parts)
    report.write(tmp_path)
    record = json.loads((tmp_path / "gpu_check.json").read_text())
    assert (record["device"], record["failures"]) == ("X", 1)
    assert record["parts"][0]["tables"][0]["rows"] == [
        {"work": "first", "ms": 24.98765},
        {"work": "a|b", "ms": None},
    ]
    text = (tmp_path / "gpu_check.md").read_text()
    for piece in ("device X; failures: 1", "| first | 24.99 |", "a\\|b", "FAILED: first: too slow"):
        assert piece in text
    assert parts[1].text() == "== Right: skipped: no GPU"
