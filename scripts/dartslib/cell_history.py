"""The genotypes of a search by epoch, and the places that all of them need in one picture.

A picture whose places stay as they are shows what changes from epoch to epoch: an edge keeps its
box, only the operation in it changes, or the box is empty for a while.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dartslib.cell import Cell
from dartslib.cli import UserError
from dartslib.genotype import Genotype, load_genotype


@dataclass(frozen=True)
class Place:
    """An edge's place in a picture: from a state into a node, one of several that run so."""

    source: int
    node: int
    number: int = 0


@dataclass(frozen=True)
class History:
    """The genotypes by epoch, in the order of epochs.

    `stopped` is the epoch whose genotype a search that stopped early has given.
    """

    genotypes: dict[int, Genotype]
    stopped: int | None = None

    @property
    def result(self) -> int:
        """The epoch whose genotype is the run's result, so far."""
        return max(self.genotypes) if self.stopped is None else self.stopped

    def cells(self, kind: str) -> dict[int, Cell]:
        """Return the cells of a kind by epoch."""
        return {epoch: getattr(genotype, kind) for epoch, genotype in self.genotypes.items()}

    def places(self, kind: str) -> dict[Place, list[str]]:
        """Return every place that is taken in any epoch, with all operations it ever holds."""
        found: dict[Place, list[str]] = {}
        for cell in self.cells(kind).values():
            for place, operation in operations_at(cell):
                names = found.setdefault(place, [])
                if operation not in names:
                    names.append(operation)
        return {place: found[place] for place in sorted(found, key=_by_node)}

    def nodes(self, kind: str) -> int:
        """Return the number of nodes of the largest cell."""
        return max(len(cell.nodes) for cell in self.cells(kind).values())

    def outputs(self, kind: str) -> list[int]:
        """Return the states that a cell's output is of in any epoch."""
        return sorted({state for cell in self.cells(kind).values() for state in cell.concat})

    def kinds(self) -> dict[str, str]:
        """Return the kinds of operations by name, as far as the files say them."""
        return {
            name: kind
            for genotype in self.genotypes.values()
            for name, kind in genotype.kinds.items()
        }


def _by_node(place: Place) -> tuple[int, int, int]:
    return place.node, place.source, place.number


def operations_at(cell: Cell) -> Iterator[tuple[Place, str]]:
    """Yield what stands at each place of a cell."""
    seen: Counter[tuple[int, int]] = Counter()
    for node, edge in cell.edges_by_node():
        yield Place(edge.source, node, seen[edge.source, node]), edge.operation
        seen[edge.source, node] += 1


def present_states(cell: Cell) -> set[int]:
    """Return the states of a cell that are there: its inputs, and the nodes with edges."""
    return {0, 1} | {node + 2 for node, edges in enumerate(cell.nodes) if edges}


def genotype_files(run: Path, last_epoch: int | None = None) -> dict[int, Path]:
    """Find RUN/genotypes/epoch_NNN.json up to an epoch.

    Files of later epochs are left from before the run was resumed from an earlier one.
    """
    files: dict[int, Path] = {}
    for path in (run / "genotypes").glob("epoch_*.json"):
        found = re.fullmatch(r"epoch_(\d+)", path.stem)
        if found and (last_epoch is None or int(found[1]) <= last_epoch):
            files[int(found[1])] = path
    return {epoch: files[epoch] for epoch in sorted(files)}


def read_history(run: Path, last_epoch: int | None = None, stopped: int | None = None) -> History:
    """Read a run's genotypes by epoch up to one; none at all is an error.

    `stopped` is the epoch whose genotype the search gave, if it stopped early.
    """
    if not run.is_dir():
        raise UserError(f"{run}: no such run directory")
    files = genotype_files(run, last_epoch)
    if not files:
        raise UserError(f"{run}: no genotypes by epoch, it has no genotypes/epoch_NNN.json")
    if stopped is not None and stopped not in files:
        raise UserError(f"{run}: its result is of epoch {stopped}, of which there is no genotype")
    genotypes = {epoch: load_genotype(str(path)) for epoch, path in files.items()}
    return History(genotypes, stopped)
