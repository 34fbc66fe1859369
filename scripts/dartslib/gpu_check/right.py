"""What the tests say: on a GPU those labelled cuda, on the CPU those that stand for them."""

from __future__ import annotations

from dartslib.gpu_check import gtest
from dartslib.gpu_check.gtest import Findings
from dartslib.gpu_check.tools import Part

GPU_TESTS = "*Cuda*"
ROOMS = ("search_test", "eval_test", "ops_test", "cell_test", "core_test")
QUICK_ROOMS = ("ops_test", "cell_test", "core_test")
# The recorded numbers by the executions that run on a GPU too, here on the CPU.
CPU_TESTS = (
    ("search_test", "golden_*:Cpu/GoldenSearch.*Order*merged"),
    ("ops_test", "golden_*"),
    ("cell_test", "golden_*:MergedCell*"),
)
QUICK_CPU_TESTS = (("ops_test", "golden_*"), ("cell_test", "golden_*:MergedCell*"))
CPU_SEARCH = "Orders/DartsSearchKilled.*/first"
OUT_OF_MEMORY = "*WithoutMemory*"


def on_gpu(part: Part) -> None:
    """Compare with the recorded numbers, executions with each other, devices with each other."""
    rooms = QUICK_ROOMS if part.tools.quick else ROOMS
    # Split, for cuDNN takes its time to choose and to compile, anew in every test of search_test.
    _report(part, rooms, [gtest.run_split(part, room, GPU_TESTS) for room in rooms])


def programs_on_gpu(part: Part) -> None:
    """Run the programs with --device cuda; that without memory alone, for it takes it all."""
    wanted = f"{GPU_TESTS}-{OUT_OF_MEMORY}"
    if part.tools.quick:
        wanted = "*Cuda*Leaves*:*Cuda*Predicts*"
    findings = gtest.run_split(part, "apps_test", wanted)
    if not part.tools.quick:
        findings.add(gtest.run_tests(part, "apps_test", OUT_OF_MEMORY))
    _list_tests(part, "The programs with --device cuda", findings)


def on_cpu(part: Part) -> None:
    """Check on the CPU what needs no GPU."""
    wanted = QUICK_CPU_TESTS if part.tools.quick else CPU_TESTS
    _report(part, [room for room, _ in wanted], gtest.run_all(part, wanted))
    findings = gtest.run_tests(part, "apps_test", CPU_SEARCH)
    _list_tests(part, "A search on the CPU, killed and resumed", findings)


def _report(part: Part, rooms: tuple[str, ...] | list[str], found: list[Findings]) -> None:
    """Make tables of what test programs found."""
    table = part.table(
        "Tests",
        ["program", "passed", "failed", "skipped", "seconds", "tensors", "largest relative error"],
        note="tensors: compared with those recorded from the original, in float64",
    )
    everything = Findings()
    for room, findings in zip(rooms, found, strict=True):
        everything.add(findings)
        table.add(
            room,
            findings.count("ok"),
            len(findings.failed()),
            findings.count("skipped"),
            sum(test.seconds for test in findings.tests),
            findings.tensors(),
            findings.largest_error(),
        )
        _fail(part, room, findings)
    _show_figures(part, everything)


def _show_figures(part: Part, findings: Findings) -> None:
    """Make tables of what the tests measured."""
    if findings.compared:
        table = part.table("Recorded numbers", ["what", "tensors", "largest relative error", "of"])
        for comparison in findings.compared:
            table.add(*comparison)
    if findings.distances:
        table = part.table(
            "Precisions: one pass of a small supernet",
            ["precision", "what", "loss, relative", "1 - cosine of gradients"],
        )
        for distance in findings.distances:
            table.add(*distance)
    if findings.indeterminate:
        table = part.table("Operations without a deterministic form", ["operation"])
        for name in sorted(findings.indeterminate):
            table.add(name)


def _list_tests(part: Part, title: str, findings: Findings) -> None:
    """Make a table with a row for each test."""
    table = part.table(title, ["test", "result", "seconds"])
    for test in findings.tests:
        table.add(test.name, test.status, test.seconds)
    _fail(part, "apps_test", findings)


def _fail(part: Part, program: str, findings: Findings) -> None:
    """Count the tests that failed; where there is a GPU, no test may be skipped either."""
    for test in findings.tests:
        if test.status not in ("ok", "skipped") or (test.status == "skipped" and part.tools.gpu):
            message = f": {test.message}" if test.message else ""
            part.fail(f"{program}: {test.name} {test.status}{message}")
    if not findings.tests:
        part.fail(f"{program}: has no such tests")
