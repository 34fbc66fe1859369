#!/usr/bin/env python3
"""Import weights of the original DARTS implementation, or export a checkpoint to it."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dartslib import cli
from dartslib.checkpoint import Checkpoint, find_checkpoint, read_checkpoint, write_checkpoint
from dartslib.genotype import load_genotype
from dartslib.reference_description import describe, read_class_names
from dartslib.reference_network import COUNTER, Network, Reader, check
from dartslib.torch_file import read_tensors, write_tensors

if TYPE_CHECKING:
    import numpy as np

EPILOG = """\
WEIGHTS is what the original's utils.save writes (weights.pt), its checkpoint.pth.tar, or one of
the models published with it. The original keeps alpha out of these files: give it with --alphas,
else a search that starts from the checkpoint draws it anew. Nor does an evaluation network's file
hold the genotype, which --genotype gives. PyTorch is not needed.

examples:
  import_reference.py weights.pt -o imported.safetensors
  import_reference.py weights.pt --alphas alphas.pt -o imported.safetensors
  import_reference.py cifar10_model.pt --genotype DARTS_V2 -o imported.safetensors
  import_reference.py --export runs/cifar10-20260102-030405 -o weights.pt
"""

PREFIX = "model."  # of the network's tensors in a checkpoint
WRAPPERS = {"module", "_orig_mod"}  # of DataParallel and torch.compile
ALPHAS = ("alphas_normal", "alphas_reduce")
RECIPES = {(3, 10): "cifar10", (3, 100): "cifar100", (1, 10): "fashion_mnist"}


def read_alphas(path: Path) -> dict[str, np.ndarray]:
    """Read the two matrices alpha, by their names or in the order normal, reduction."""
    tensors = read_tensors(path)
    if set(tensors) == set(ALPHAS):
        return {name: tensors[name] for name in ALPHAS}
    if len(tensors) != 2:
        raise cli.UserError(
            f"{path}: expected are two tensors, alpha of the normal and of the reduction cell, "
            f"found {len(tensors)}"
        )
    return dict(zip(ALPHAS, tensors.values(), strict=True))


def without_wrappers(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Take away what DataParallel and torch.compile put before every name."""
    names = list(tensors)
    while len(first := {name.partition(".")[0] for name in names}) == 1 and first <= WRAPPERS:
        names = [name.partition(".")[2] for name in names]
    return dict(zip(names, tensors.values(), strict=True))


def import_weights(arguments: argparse.Namespace) -> None:
    """Read the original's weights, say what they are, and write a checkpoint."""
    np = cli.require("numpy")
    where = str(arguments.weights)
    tensors = read_tensors(arguments.weights)
    tensors = without_wrappers(tensors)
    alphas = {name: tensors.pop(name) for name in ALPHAS if name in tensors}
    if arguments.alphas:
        alphas = read_alphas(arguments.alphas)
    shapes = {name: array.shape for name, array in tensors.items()}
    genotype = load_genotype(arguments.genotype) if arguments.genotype else None
    network, expected = Reader(shapes, where).recognise(alphas, genotype)
    what = f"a network of the genotype {genotype.name}" if genotype else "a network of DARTS"
    check(shapes, expected, where, what)
    if len(alphas) == 1:
        raise cli.UserError(f"{where}: it holds {', '.join(alphas)} alone")

    stored = {name: tensors.get(name, np.zeros((), np.int64)) for name in expected} | alphas
    if not arguments.keep_dtype:
        stored = {n: a.astype(np.float32) if a.dtype.kind == "f" else a for n, a in stored.items()}
    described = {name: value for name, value in asdict(network).items() if value is not None}
    if genotype:
        names = read_class_names(arguments.class_names) if arguments.class_names else None
        described = describe(network, expected, genotype, names)
    meta = {
        "kind": network.kind,
        "imported_from": cli.as_utf8(arguments.weights.name),
        "network": described,
    }
    checkpoint = Checkpoint(meta, {PREFIX + name: array for name, array in stored.items()})
    write_checkpoint(arguments.output, checkpoint)
    report(network, alphas, len(expected) - len(tensors), arguments.output)


def report(network: Network, alphas: object, filled: int, output: Path) -> None:
    """Say what was imported and what can be done with it."""
    counts = {name: value for name, value in asdict(network).items() if value is not None}
    kind = "search network" if network.kind == "supernet" else "evaluation network"
    print(f"{kind}:", ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items()))
    if filled:
        print(f"{COUNTER}: set to 0 in {filled} batch norms, the file has none")
    if network.kind == "supernet":
        found = "imported" if alphas else "not in the file (see --alphas); it starts anew"
        print(f"alpha: {found}")
    print(output)
    if network.kind == "supernet":
        recipe = RECIPES.get((network.image_channels, network.classes), "RECIPE")
        sizes = f"--set space.channels={network.channels} --set space.cells={network.cells}"
        start = f"--init-from {shlex.quote(str(output))}"
        print(f"next: darts_search --config {recipe}.yaml {sizes} {start}")
    else:
        print(f"next: darts_eval {shlex.quote(str(output))} --data-root data")


def export_checkpoint(source: Path, output: Path) -> None:
    """Write a checkpoint's network as the original's weights, and alpha beside them."""
    path = find_checkpoint(source)
    stored = read_checkpoint(path).tensors
    tensors = {n.removeprefix(PREFIX): a for n, a in stored.items() if n.startswith(PREFIX)}
    if not tensors:
        raise cli.UserError(f"{path}: no tensors of a network, {PREFIX}...")
    tensors = dict(sorted(tensors.items(), key=lambda item: natural(item[0])))
    alphas = {name: tensors.pop(name) for name in ALPHAS if name in tensors}
    write_tensors(output, tensors)
    print(output)
    if alphas:
        beside = output.with_name(f"{output.stem}_alphas.pt")
        write_tensors(beside, alphas)
        print(beside)


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts cells.2 before cells.10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def build_parser() -> cli.Parser:
    """Describe the command line."""
    parser = cli.Parser(description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "weights", metavar="WEIGHTS", type=Path, nargs="?", help="the original's file to import"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, required=True, help="where to write"
    )
    parser.add_argument(
        "--alphas",
        metavar="FILE",
        type=Path,
        help="a file of torch.save with alpha: two tensors, normal and reduction cell",
    )
    parser.add_argument(
        "--genotype",
        metavar="FILE|RUN_DIR|NAME",
        help="of an evaluation network: what its cells are",
    )
    parser.add_argument(
        "--class-names",
        metavar="FILE",
        type=Path,
        help="of an evaluation network: the classes in order, one a line (for CIFAR-10 not needed)",
    )
    parser.add_argument(
        "--keep-dtype", action="store_true", help="do not convert float64 and float16 to float32"
    )
    parser.add_argument(
        "--export",
        metavar="SOURCE",
        type=Path,
        help="write the original's weights from a checkpoint, or from a run's newest one; "
        "alpha goes to OUTPUT_alphas.pt beside them",
    )
    return parser


def main() -> None:
    """Import or export."""
    arguments = build_parser().parse_args()
    if (arguments.weights is None) == (arguments.export is None):
        raise cli.UserError("give either WEIGHTS or --export SOURCE (see --help)")
    source = arguments.weights or find_checkpoint(arguments.export)
    if arguments.output.exists() and source.exists() and arguments.output.samefile(source):
        raise cli.UserError(f"{arguments.output}: this would replace the file that is read")
    if arguments.export is None:
        import_weights(arguments)
    elif arguments.alphas or arguments.keep_dtype or arguments.genotype or arguments.class_names:
        raise cli.UserError(
            "--alphas, --genotype, --class-names and --keep-dtype are for an import, "
            "not for --export"
        )
    else:
        export_checkpoint(arguments.export, arguments.output)


if __name__ == "__main__":
    cli.run(main)
