"""Genotypes: reading them in all their notations, and checking them.

`load_genotype` is what the scripts call. A genotype comes as the project's JSON, as a run
directory, as the name of a published one, or as a text file in the field's `Genotype(...)`
notation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dartslib.cell import Cell, assemble_cell, split_by_node
from dartslib.cli import UserError, as_utf8, nearest, reason
from dartslib.genotype_notation import CELLS, EDGES_PER_NODE, FIELDS, parse_notation

FORMAT = "darts-genotype"
VERSION = 2
KNOWN_FIELDS = ("format", "version", "name", *FIELDS, "operations", "provenance")

# The same relative place in the source tree and under <prefix>/share/darts.
BUILT_IN_DIRECTORY = Path(__file__).resolve().parents[2] / "configs" / "genotypes"


@dataclass(frozen=True)
class Genotype:
    """A normal and a reduction cell under a name.

    `kinds` are those of operations by name, where the program that wrote the file says them.
    """

    name: str
    normal: Cell
    reduce: Cell
    provenance: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    @property
    def operations(self) -> list[str]:
        """The names of the operations that occur, in the order of their first edges."""
        return list(dict.fromkeys(e.operation for e in self.normal.edges + self.reduce.edges))


def built_in_names() -> list[str]:
    """Return the names of the published genotypes that come with the project."""
    return sorted(path.stem for path in BUILT_IN_DIRECTORY.glob("*.json"))


def find_genotype(given: str) -> tuple[Path, str]:
    """Find the file that `given` means: a file, a run directory, or a built-in name.

    After FILE: there may be the name of one of the genotypes in a text; it is returned as well.
    """
    path = Path(given)
    if path.is_file():
        return path, ""
    if path.is_dir() and (path / "genotype.json").is_file():
        return path / "genotype.json", ""
    if given in built_in_names():
        return BUILT_IN_DIRECTORY / f"{given}.json", ""
    if path.is_dir():
        raise UserError(f"{given}: a directory without genotype.json (has its search ended?)")
    file, _, name = given.rpartition(":")
    if name and Path(file).is_file():
        return Path(file), name
    names = built_in_names()
    raise UserError(
        f"{given}: no such file, and no built-in genotype{nearest(given, names)} "
        f"(built in: {', '.join(names)})"
    )


def load_genotype(given: str) -> Genotype:
    """Read and check the genotype that `given` means (see `find_genotype`)."""
    path, name = find_genotype(given)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(reason(error)) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file") from None
    return parse_genotype(text, str(path), as_utf8(path.stem), name)


def parse_genotype(text: str, where: str, default_name: str, name: str = "") -> Genotype:
    """Parse a genotype in either notation; `where` opens the error messages.

    `name` says which of a text's genotypes.
    """
    if text.lstrip().startswith("{"):
        if name:
            raise UserError(f"{where}: holds one genotype; leave out ':{name}'")
        return genotype_from(_parse_json(text, where), where, default_name)
    return _genotype(parse_notation(text, where, name), where, name or default_name)


def genotype_from(record: Any, where: str, default_name: str = "") -> Genotype:
    """Check a JSON value that should be a genotype, of version 2 or 1."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise UserError(f"{where}: not a genotype: the field 'format' must be '{FORMAT}'")
    version = record.get("version")
    if type(version) is not int or version not in (1, VERSION):
        raise UserError(f"{where}: genotype version {version!r}; this program reads 1 and 2")
    known = KNOWN_FIELDS if version == VERSION else (*KNOWN_FIELDS, "edges_per_node")
    for key in record:
        if key not in known:
            raise UserError(f"{where}: unknown field '{key}'{nearest(key, known)}")
    name, provenance = record.get("name", ""), record.get("provenance", {})
    if not isinstance(name, str):
        raise UserError(f"{where}: 'name' is not text")
    if not isinstance(provenance, dict):
        raise UserError(f"{where}: 'provenance' is not an object, {{...}}")
    kinds = record.get("operations", {})
    if not isinstance(kinds, dict) or not all(isinstance(kind, str) for kind in kinds.values()):
        raise UserError(f"{where}: 'operations' is not an object of texts, {{name: kind, ...}}")
    if version == 1:
        record = _one_list_a_node(record, where)
    return _genotype(record, where, name or default_name, provenance, kinds)


def _one_list_a_node(record: dict[str, Any], where: str) -> dict[str, Any]:
    """Turn a record of version 1, whose lists of edges are flat, into one of version 2."""
    per_node = record.get("edges_per_node", EDGES_PER_NODE)
    if type(per_node) is not int or per_node < 1:
        raise UserError(f"{where}: 'edges_per_node' is not a whole number from 1 up")
    return record | {
        kind: split_by_node(record[kind], per_node, f"{where}: {kind}")
        for kind in CELLS
        if kind in record
    }


def _genotype(
    record: dict[str, Any],
    where: str,
    name: str,
    provenance: dict[str, Any] | None = None,
    kinds: dict[str, str] | None = None,
) -> Genotype:
    """Check the two cells."""
    for key in FIELDS:
        if key not in record:
            raise UserError(f"{where}: '{key}' is missing")
    normal, reduce = (
        assemble_cell(record[kind], record[f"{kind}_concat"], f"{where}: {kind}") for kind in CELLS
    )
    return Genotype(name, normal, reduce, provenance or {}, kinds or {})


def record_of(genotype: Genotype) -> dict[str, Any]:
    """Return the JSON object of a genotype, as the programs write it."""
    record: dict[str, Any] = {"format": FORMAT, "version": VERSION, "name": genotype.name}
    for kind in CELLS:
        cell: Cell = getattr(genotype, kind)
        record[kind] = [[[edge.operation, edge.source] for edge in node] for node in cell.nodes]
        record[f"{kind}_concat"] = list(cell.concat)
    if genotype.kinds:
        record["operations"] = genotype.kinds
    if genotype.provenance:
        record["provenance"] = genotype.provenance
    return record


def _object(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    """Make an object of its fields, none of which may be there twice."""
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            raise UserError(f'{where}: the field "{key}" is given twice')
        record[key] = value
    return record


def _parse_json(text: str, where: str) -> Any:
    """Parse JSON."""
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, where))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON: {error}") from None
