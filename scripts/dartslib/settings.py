"""The settings of runs: config.yaml and environment.json as flat tables, and where they differ."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dartslib.cell import INPUTS, first_edge
from dartslib.cli import UserError, reason, require

Settings = dict[str, str]


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(reason(error)) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file") from None


def read_config(run: Path) -> Settings:
    """Read RUN/config.yaml; values are as they are written there, keys have dots."""
    yaml, path = require("yaml"), run / "config.yaml"
    if not path.exists():
        raise UserError(f"{run}: not a run directory, it has no config.yaml")
    try:
        tree = yaml.load(_text_of(path), Loader=yaml.BaseLoader)  # which keeps scalars as texts
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path}: not a table of settings")
    return flat(tree)


def _selection_epochs(config: Settings) -> int | None:
    """Return how many epochs a selection by perturbation has, as the program counts them."""
    nodes = config.get("space.nodes", "4")
    interval = config.get("selection.interval", "5")
    kept = [int(number) for number in re.findall(r"\d+", config.get("space.edges_per_node", "2"))]
    if not (nodes.isdecimal() and interval.isdecimal() and len(kept) in (1, int(nodes))):
        return None
    count = int(nodes)
    kept = kept * count if len(kept) == 1 else kept
    dropping = sum(node + INPUTS > most for node, most in enumerate(kept))
    return int(interval) * (first_edge(count) + dropping - 1) + 1


def epochs_planned(config: Settings) -> int | None:
    """Return how many epochs a configuration asks for; None where it does not say."""
    if config.get("selection.by", "none") != "none":
        return _selection_epochs(config)
    if config.get("search.method") == "random":
        return None
    text = config.get("search.epochs", config.get("train.epochs", ""))
    return int(text) if text.isdecimal() else None


def read_json(path: Path) -> Settings:
    """Read a JSON object as a flat table; empty where there is no such file."""
    if not path.exists():
        return {}
    try:
        tree = json.loads(_text_of(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path}: not a JSON object")
    return flat(tree)


def flat(tree: dict[str, Any], prefix: str = "") -> Settings:
    """Join the keys of nested tables by dots."""
    table: Settings = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            table |= flat(value, f"{prefix}{key}.")
        else:
            table[f"{prefix}{key}"] = _shown(value)
    return table


def _shown(value: Any) -> str:
    """Write a value as YAML would in one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def differing(tables: list[Settings], groups: list[str]) -> list[str]:
    """Return the keys whose values differ, or that some tables of a group have and others lack.

    Tables of different groups, such as searches and trainings, have many keys apart anyway.
    """

    def differs(key: str) -> bool:
        by_group: dict[str, set[str | None]] = {}
        for table, group in zip(tables, groups, strict=True):
            by_group.setdefault(group, set()).add(table.get(key))
        values = set().union(*by_group.values()) - {None}
        return len(values) > 1 or any(len(found) > 1 for found in by_group.values())

    return [key for key in dict.fromkeys(k for table in tables for k in table) if differs(key)]
