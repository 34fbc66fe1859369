"""Running GoogleTest programs and reading what they print.

What they print, and not their JSON report: that is written at the end, which a program that crashes
or hangs does not reach.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from dartslib.gpu_check.tools import Part

RUN = re.compile(r"^\[ RUN      \] (\S+)$")
END = re.compile(r"^\[ *(OK|FAILED|SKIPPED) *\] ([^\s,]+)(?:, where .*)? \((\d+) ms\)$")
COMPARED = re.compile(r"^(.+): (\d+) tensors compared, largest relative error (\S+) \((.*)\)$")
DISTANCE = re.compile(r"^(\w+): (.+): loss (\S+), 1 - cosine of gradients (\S+)$")
INDETERMINATE = re.compile(r"^operation without a deterministic form: (.+)$")


@dataclass
class Test:
    """One test: `status` is ok, failed, skipped, crashed or timed out."""

    name: str
    status: str
    seconds: float = 0.0
    message: str = ""


@dataclass
class Findings:
    """What test programs printed."""

    tests: list[Test] = field(default_factory=list)
    compared: list[tuple[str, int, float, str]] = field(default_factory=list)
    distances: list[tuple[str, str, float, float]] = field(default_factory=list)
    indeterminate: set[str] = field(default_factory=set)

    def count(self, status: str) -> int:
        """Count the tests that ended so."""
        return sum(test.status == status for test in self.tests)

    def failed(self) -> list[Test]:
        """Return the tests that neither passed nor were skipped."""
        return [test for test in self.tests if test.status not in ("ok", "skipped")]

    def largest_error(self) -> float | None:
        """Return the largest relative error of all comparisons with recorded numbers."""
        return max((error for _, _, error, _ in self.compared), default=None)

    def tensors(self) -> int:
        """Count the tensors compared with recorded ones."""
        return sum(count for _, count, _, _ in self.compared)

    def add(self, other: Findings) -> None:
        """Take over what another run found."""
        self.tests += other.tests
        self.compared += other.compared
        self.distances += other.distances
        self.indeterminate |= other.indeterminate


def parse(text: str, unfinished: str = "crashed") -> Findings:
    """Read a program's output; the test that it was in when it ended is `unfinished`.

    After an error that leaves CUDA unusable in its process, nothing more is read: what follows
    fails for that reason alone.
    """
    findings = Findings()
    running = ""
    said: list[str] = []
    for line in text.splitlines():
        if match := RUN.match(line):
            running, said = match[1], []
        elif (match := END.match(line)) and match[2] == running:
            test = Test(running, match[1].lower(), int(match[3]) / 1000)
            test.message = _message(said) if test.status == "failed" else ""
            findings.tests.append(test)
            running = ""
            if _is_poisoned(said) and test.status == "failed":
                return findings
        elif not _take_figures(line, findings):
            said.append(line)
    if running:
        findings.tests.append(Test(running, unfinished, message=_message(said)))
    return findings


def _take_figures(line: str, findings: Findings) -> bool:
    """Read a line of figures; say whether it was one."""
    if match := COMPARED.match(line):
        findings.compared.append((match[1], int(match[2]), _number(match[3]), match[4]))
    elif match := DISTANCE.match(line):
        findings.distances.append((match[1], match[2], _number(match[3]), _number(match[4])))
    elif match := INDETERMINATE.match(line):
        findings.indeterminate.add(match[1])
    else:
        return False
    return True


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _is_poisoned(said: list[str]) -> bool:
    return any("CUDA error:" in line and "out of memory" not in line for line in said)


def _message(said: list[str]) -> str:
    """Return the first failure's text in one line."""
    starts = [i for i, line in enumerate(said) if line.endswith(": Failure")]
    text = said[starts[0] + 1 : starts[0] + 4] if starts else said[-1:]
    return " ".join(" ".join(text).split())[:300]


def run_tests(part: Part, program: str, pattern: str) -> Findings:
    """Run the tests that match a filter; where one takes its program down, the others behind it."""
    binary = part.tools.test(program)
    findings = Findings()
    while part.left() > 1.0:
        done = ":".join(test.name for test in findings.tests)
        wanted = f"{pattern}{':' if '-' in pattern else '-'}{done}" if done else pattern
        # Networks of test size are many times slower on threads that wait for each other.
        outcome = part.run([binary, f"--gtest_filter={wanted}"], OMP_NUM_THREADS="1")
        new = parse(outcome.out, "timed out" if outcome.timed_out else "crashed")
        findings.add(new)
        if _is_whole(new, outcome.out):
            return findings
        if not new.tests:
            findings.tests.append(Test(program, "failed", message=outcome.complaint()))
            return findings
    findings.tests.append(Test(program, "timed out", message="no time was left for the rest"))
    return findings


def _is_whole(findings: Findings, text: str) -> bool:
    """Say whether the program came to its end and all that it ran was read."""
    lines = text.splitlines()
    ended = any(line.startswith("[==========]") and " ran." in line for line in lines)
    return ended and sum(bool(RUN.match(line)) for line in lines) == len(findings.tests)


def run_all(part: Part, wanted: Sequence[tuple[str, str]]) -> list[Findings]:
    """Run several programs, each with its filter, some at once."""
    with ThreadPoolExecutor(part.tools.at_once) as pool:
        return list(pool.map(lambda each: run_tests(part, *each), wanted))


def run_split(part: Part, program: str, pattern: str) -> Findings:
    """Run one program's tests in several processes at once."""
    listed = part.run([part.tools.test(program), "--gtest_list_tests", f"--gtest_filter={pattern}"])
    names = names_in_list(listed.out)
    shares = [names[first :: part.tools.at_once] for first in range(part.tools.at_once)]
    findings = Findings()
    for found in run_all(part, [(program, ":".join(share)) for share in shares if share]):
        findings.add(found)
    return findings


def names_in_list(text: str) -> list[str]:
    """Read the names that --gtest_list_tests prints."""
    names: list[str] = []
    suite = ""
    for line in text.splitlines():
        name = line.split("#")[0].rstrip()
        if name.startswith("  ") and suite:
            names.append(suite + name.strip())
        elif name.endswith("."):
            suite = name
    return names
