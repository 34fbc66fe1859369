"""Where the programs lie, how long there is, and the part that is running."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dartslib.cli import UserError
from dartslib.gpu_check import process
from dartslib.gpu_check.process import Outcome, Patience
from dartslib.gpu_check.report import PartResult, Table


@dataclass(frozen=True)
class Tools:
    """The programs of a build or a bundle, and the folder that the check may fill."""

    programs: Path
    tests: Path
    work: Path
    library_path: str = ""
    quick: bool = False
    gpu: bool = True

    def program(self, name: str) -> Path:
        """Find a program."""
        return self._found(self.programs / name)

    def test(self, name: str) -> Path:
        """Find a test program: in a build each has a folder of its own."""
        folder = name.removesuffix("_test")
        inside = self.tests / folder / name
        return self._found(inside if inside.exists() else self.tests / name)

    @property
    def device(self) -> str:
        """What to give --device."""
        return "cuda" if self.gpu else "cpu"

    @property
    def at_once(self) -> int:
        """Count the programs that may run side by side where time is not measured."""
        return max(1, min(6, (os.cpu_count() or 1) // 2))

    def environment(self, **more: str) -> dict[str, str]:
        """Compose the environment of our programs."""
        environment = {**os.environ, **more}
        if self.library_path:
            environment["LD_LIBRARY_PATH"] = self.library_path
        return environment

    @staticmethod
    def _found(path: Path) -> Path:
        if not path.is_file():
            raise UserError(f"{path} is not there; build it, or see scripts/gpu_check.sh --help")
        return path


@dataclass
class Part:
    """The part that is running: what it found, and until when it may run."""

    tools: Tools
    result: PartResult
    deadline: float = field(default=0.0)

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.deadline - time.monotonic()

    def table(self, title: str, columns: Sequence[str], note: str = "") -> Table:
        """Begin a table."""
        table = Table(title, list(columns), note=note)
        self.result.tables.append(table)
        return table

    def fail(self, what: str) -> None:
        """Count a failure."""
        self.result.failures.append(what)

    def run(
        self, command: Sequence[str | Path], patience: Patience | None = None, **environment: str
    ) -> Outcome:
        """Run one of our programs for as long as there is time."""
        patience = patience or Patience(self.left())
        limit = min(patience.seconds, self.left())
        return process.run(
            command,
            Patience(limit, patience.ask, patience.grace),
            self.tools.environment(**environment),
            self.tools.work,
        )
