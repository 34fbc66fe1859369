"""What a check found: tables, printed as they come, and written as JSON and Markdown."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Cell = str | int | float | bool | None


@dataclass
class Table:
    """Rows of values under named columns; `note` says what is to be known of them."""

    title: str
    columns: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: Cell) -> None:
        """Add a row."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for the columns {self.columns}")
        self.rows.append(list(cells))

    def text(self) -> str:
        """Lay it out for a terminal."""
        lines = [self.columns, *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        laid_out = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        note = [self.note] if self.note else []
        return "\n".join([self.title, *(f"  {line}" for line in laid_out + note)])

    def markdown(self) -> str:
        """Lay it out as Markdown."""
        lines = [f"**{self.title}**", "", _row(self.columns), _row(["---"] * len(self.columns))]
        lines += [_row([shown(cell) for cell in row]) for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])

    def record(self) -> dict[str, Any]:
        """Return it as JSON has it: a row is an object."""
        finite = [[None if cell != cell else cell for cell in row] for row in self.rows]
        rows = [dict(zip(self.columns, row, strict=True)) for row in finite]
        return {"title": self.title, "rows": rows, "note": self.note}


def shown(cell: Cell) -> str:
    """Write a value as a table shows it: figures with four digits."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) < 1e4 else f"{cell:.0f}"
    return str(cell)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


@dataclass
class PartResult:
    """One part of the check. `status`: ok, failed, or why it was skipped."""

    name: str
    title: str
    status: str = "ok"
    seconds: float = 0.0
    limit: float = 0.0
    tables: list[Table] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def headline(self) -> str:
        """Say in a line how it went."""
        if self.status.startswith("skipped"):
            return f"== {self.title}: {self.status}"
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"== {self.title}: {self.status}{failed} ({self.seconds:.0f} s)"

    def text(self) -> str:
        """Lay it out for a terminal, the headline last."""
        failures = [f"FAILED: {failure}" for failure in self.failures]
        return "\n".join([*(table.text() for table in self.tables), *failures, self.headline()])


@dataclass
class Report:
    """All parts so far."""

    about: dict[str, Any]
    parts: list[PartResult] = field(default_factory=list)

    def failures(self) -> int:
        """Count what failed."""
        return sum(len(part.failures) for part in self.parts)

    def write(self, folder: Path) -> None:
        """Write gpu_check.json and gpu_check.md into the folder."""
        (folder / "gpu_check.json").write_text(json.dumps(self._record(), indent=1) + "\n")
        (folder / "gpu_check.md").write_text(self._markdown(), encoding="utf-8")

    def _record(self) -> dict[str, Any]:
        parts = [
            {
                "name": part.name,
                "status": part.status,
                "seconds": round(part.seconds, 1),
                "limit": round(part.limit, 1),
                "failures": part.failures,
                "tables": [table.record() for table in part.tables],
            }
            for part in self.parts
        ]
        return {"format": "darts-gpu-check", "version": 1, **self.about} | {
            "failures": self.failures(),
            "parts": parts,
        }

    def _markdown(self) -> str:
        facts = ", ".join(f"{key} {shown(value)}" for key, value in self.about.items())
        lines = ["# GPU check", "", f"{facts}; failures: {self.failures()}", ""]
        for part in self.parts:
            lines += [f"## {part.headline().removeprefix('== ')}", ""]
            lines += [f"- FAILED: {failure}" for failure in part.failures]
            lines += [""] if part.failures else []
            for table in part.tables:
                lines += [table.markdown(), ""]
        return "\n".join(lines)
