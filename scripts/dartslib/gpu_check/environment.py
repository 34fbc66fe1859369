"""What the check runs on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from dartslib.gpu_check import gtest, process, runs
from dartslib.gpu_check.process import Patience
from dartslib.gpu_check.tools import Part

SMI_FIELDS = ("name", "driver_version", "memory.total", "clocks.max.sm", "power.limit")
TINY = {
    "data.limit": 64,
    "search.epochs": 1,
    "search.batch_size": 16,
    "space.cells": 1,
    "space.channels": 2,
}


def gpu_is_there(part: Part) -> bool:
    """Ask LibTorch, by a test that is skipped without a GPU. One that fails has a GPU to mend."""
    findings = gtest.run_tests(part, "core_test", "DeviceCuda.PeakMemory")
    return findings.count("skipped") == 0


def describe(part: Part, data: Path) -> dict[str, Any]:
    """Make the table; return what the report is headed with."""
    table = part.table("Environment", ["what", "value"])
    version = part.run([part.tools.program("darts_search"), "--version"])
    table.add("darts_search --version", version.out.strip() or version.complaint())
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    command = [part.tools.program("darts_search"), "--config", "cifar10_first_order.yaml"]
    command += ["--device", part.tools.device, "--data-root", str(data)]
    command += ["--set", f"run.root={part.tools.work / 'runs'}", *settings]
    outcome = part.run(command)
    run = runs.run_in(outcome.out)
    if not outcome.ok or run is None:
        part.fail(f"darts_search on {part.tools.device}: {outcome.complaint()}")
        return {"version": version.out.strip()}
    about = runs.environment_of(run)
    device = about.pop("device")
    facts = {**about.pop("program"), **about, **{f"device {k}": v for k, v in device.items()}}
    for key, value in facts.items():
        table.add(key, value)
    for key, value in _smi():
        table.add(f"nvidia-smi {key}", value)
    return {
        "version": version.out.strip(),
        "device": device.get("card", device["name"]),
        "libtorch": about["libtorch"],
        "cuda": about["cuda"],
        "cudnn": about["cudnn"],
    }


def _smi() -> list[tuple[str, str]]:
    """Ask nvidia-smi about the first GPU, where there is one."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = [
        "nvidia-smi",
        f"--query-gpu={','.join(SMI_FIELDS)}",
        "--format=csv,noheader",
        "-i",
        "0",
    ]
    outcome = process.run(query, Patience(10))
    values = [value.strip() for value in outcome.out.strip().split(",")]
    return list(zip(SMI_FIELDS, values, strict=False)) if outcome.ok else []
