"""Running a program in a process group of its own, for a limited time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How a program ended: `status` is its exit status, or minus the signal that ended it."""

    status: int
    out: str
    err: str
    seconds: float
    timed_out: bool

    @property
    def ok(self) -> bool:
        """Whether it ended by itself and well."""
        return self.status == 0 and not self.timed_out

    def complaint(self) -> str:
        """Say in a line why it is not ok."""
        if self.timed_out:
            return f"not done after {self.seconds:.0f} s"
        lines = [line for line in self.err.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error: ")] or lines[-1:]
        text = " ".join(errors[-1].split()) if errors else "nothing on standard error"
        return f"exit status {self.status}: {text}"


@dataclass(frozen=True)
class Patience:
    """How long a program may run, and how it is ended: by `ask` first, where that is given."""

    seconds: float
    ask: signal.Signals | None = None
    grace: float = 10.0


def run(
    command: Sequence[str | Path],
    patience: Patience,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Outcome:
    """Run a command to its end or its limit; of its process group nothing is left then."""
    start = time.monotonic()
    try:
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if environment is None else dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        return Outcome(127, "", f"error: {command[0]}: {error.strerror}", 0.0, False)
    try:
        out, err, timed_out = _collect(child, patience)
    finally:
        _signal_group(child, signal.SIGKILL)
        child.wait()
    return Outcome(
        child.returncode,
        out.decode(errors="replace"),
        err.decode(errors="replace"),
        time.monotonic() - start,
        timed_out,
    )


def _collect(child: subprocess.Popen, patience: Patience) -> tuple[bytes, bytes, bool]:
    """Read all output; end the program where it takes too long."""
    try:
        return *child.communicate(timeout=max(patience.seconds, 0.1)), False
    except subprocess.TimeoutExpired:
        pass
    if patience.ask is not None:
        _signal_group(child, patience.ask)
        try:
            return *child.communicate(timeout=patience.grace), True
        except subprocess.TimeoutExpired:
            pass
    _signal_group(child, signal.SIGKILL)
    return *child.communicate(), True


def _signal_group(child: subprocess.Popen, number: signal.Signals) -> None:
    """Send a signal to the child's whole group, if any of it is left."""
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        return
