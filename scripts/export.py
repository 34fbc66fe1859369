#!/usr/bin/env python3
"""Export a trained evaluation network: PyTorch state dictionary, safetensors, or ONNX."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dartslib import cli
from dartslib.atomic_file import atomic_file, write_output
from dartslib.checkpoint import write_safetensors
from dartslib.logits_check import check_onnx
from dartslib.onnx_graph import onnx_bytes
from dartslib.stored_network import StoredNetwork, choose_checkpoint, default_output, read_network
from dartslib.torch_file import write_tensors

ENDINGS = {"pytorch": ".pt", "safetensors": ".safetensors", "onnx": ".onnx"}

EPILOG = """\
Weights have the names of the original implementation; where the run has a moving average of the
weights, that is what is exported. The description (genotype, sizes, class names, mean and stddev
of the images) goes into a .json file beside a .pt file, else into the file's metadata. Only what
reads a .pt file needs PyTorch: the class EvaluationNetwork of dartslib/evaluation_network.py.
An ONNX file is compared with darts_eval by onnxruntime (scripts/requirements-onnx.txt).

examples:
  export.py runs/cifar10-20260102-030405 --to pytorch         writes model.pt and model.json there
  export.py best.safetensors --to onnx -o network.onnx
"""


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "source", metavar="RUN_DIR|CHECKPOINT", type=Path, help="of darts_train, or imported"
    )
    parser.add_argument("--to", choices=tuple(ENDINGS), required=True, help="the format")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="where to write; default: model.* in the run directory, or beside the checkpoint",
    )
    parser.add_argument(
        "--best", action="store_true", help="of a run: the checkpoint picked on the test set"
    )
    parser.add_argument(
        "--trained-weights",
        action="store_true",
        help="the weights as trained, where there is a moving average of them",
    )
    parser.add_argument(
        "--no-check", action="store_true", help="onnx: do not compare the logits with darts_eval's"
    )
    return parser


def is_description(path: Path) -> bool:
    """Tell an earlier export's description, which may be replaced, from other files."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"genotype", "stem", "cells"} <= set(content)


def export(network: StoredNetwork, output: Path, to: str) -> None:
    """Write the network in a format."""
    description = json.dumps(network.description, ensure_ascii=False, indent=1)
    if to == "pytorch":
        beside = output.with_suffix(".json")
        if output == beside:
            raise cli.UserError(f"{output} would be the description beside it; end it in .pt")
        if beside.exists() and not is_description(beside):
            raise cli.UserError(
                f"{beside} is there and is no description of an export; choose another name"
            )
        write_tensors(output, network.tensors)
        write_output(beside, f"{description}\n".encode())
    else:
        write_safetensors(output, network.tensors, {"format": "pt", "darts": description})
    print(output)


def export_onnx(network: StoredNetwork, output: Path, check: bool, trained_weights: bool) -> None:
    """Write the network as ONNX, after comparing it with darts_eval if `check` says so."""
    with atomic_file(output) as file:
        file.write(onnx_bytes(network.description, network.tensors))
        file.flush()
        if check:
            difference = check_onnx(Path(file.name), network, trained_weights)
            print(f"logits equal those of darts_eval within {difference:.1e}")
    print(output)


def main() -> None:
    """Export a network, and check what can be checked."""
    arguments: argparse.Namespace = build_parser().parse_args()
    file = choose_checkpoint(arguments.source, arguments.best)
    network = read_network(file, arguments.trained_weights)
    output = arguments.output or default_output(arguments.source, file, ENDINGS[arguments.to])
    if output.exists() and output.samefile(file):
        raise cli.UserError(f"{output}: this export would replace the checkpoint it is made from")
    if arguments.to == "onnx":
        export_onnx(network, output, not arguments.no_check, arguments.trained_weights)
    else:
        export(network, output, arguments.to)


if __name__ == "__main__":
    cli.run(main)
