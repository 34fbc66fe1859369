"""Recognising the original implementation's networks by the names and shapes of their tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartslib.cell import nodes_of
from dartslib.cli import UserError, nearest
from dartslib.genotype import Genotype

if TYPE_CHECKING:
    import numpy as np

COUNTER = "num_batches_tracked"  # files of 2018 lack it, and nothing depends on its value
FIRST_FEW = 3  # names in an error message

Shape = tuple[int, ...]
Shapes = dict[str, Shape]


@dataclass(frozen=True)
class Network:
    """What a network's tensors say of it."""

    channels: int
    cells: int
    nodes: int
    classes: int
    image_channels: int
    primitives: int | None = None  # of a search network; an evaluation network has none

    @property
    def kind(self) -> str:
        """Return the word for it in a checkpoint's `kind`."""
        return "supernet" if self.primitives else "evaluation"


# --- The tensors that the parts of the original's networks have, in its order


def under(prefix: str, shapes: Shapes) -> Shapes:
    """Put a prefix in front of names."""
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def norm(channels: int, affine: bool) -> Shapes:
    """List a batch norm's tensors."""
    names = (*(("weight", "bias") if affine else ()), "running_mean", "running_var")
    return {name: (channels,) for name in names} | {COUNTER: ()}


def preprocess(factorized: bool, channels_in: int, channels: int, affine: bool) -> Shapes:
    """List the tensors of ReLU, 1×1 convolution and batch norm, or of a factorized reduction."""
    if not factorized:
        shapes = {"op.1.weight": (channels, channels_in, 1, 1)}
        return shapes | under("op.2", norm(channels, affine))
    shapes = {f"conv_{half}.weight": (channels // 2, channels_in, 1, 1) for half in (1, 2)}
    return shapes | under("bn", norm(channels, affine))


def operation(example: Shapes, channels: int, affine: bool) -> Shapes:
    """List an operation's tensors; what it is, the names and the kernel of an example tell."""

    def depthwise(first: int) -> Shapes:
        kernel = example.get(f"op.{first}.weight", (0,))[-1:]
        shapes = {
            f"op.{first}.weight": (channels, 1, *kernel, *kernel),
            f"op.{first + 1}.weight": (channels, channels, 1, 1),
        }
        return shapes | under(f"op.{first + 2}", norm(channels, affine))

    if "conv_1.weight" in example:
        return preprocess(True, channels, channels, affine)
    if "op.5.weight" in example:
        return depthwise(1) | depthwise(5)
    if "op.1.weight" in example:
        return depthwise(1)
    if "2.weight" in example:
        convolutions = {
            "1.weight": (channels, channels, 1, 7),
            "2.weight": (channels, channels, 7, 1),
        }
        return convolutions | under("3", norm(channels, affine))
    return under("1", norm(channels, affine)) if "1.running_mean" in example else {}


def kernels(size: int, *convolutions: int) -> Shapes:
    """Give depthwise convolutions, by their places, a kernel of size x size."""
    return {f"op.{place}.weight": (0, 0, size, size) for place in convolutions}


# Names and kernels that tell each of the original's operations apart for `operation`.
EXAMPLES: dict[str, Shapes] = {
    "none": {},
    "max_pool_3x3": {},
    "avg_pool_3x3": {},
    "skip_connect": {},  # of stride 1
    "sep_conv_3x3": kernels(3, 1, 5),
    "sep_conv_5x5": kernels(5, 1, 5),
    "sep_conv_7x7": kernels(7, 1, 5),
    "dil_conv_3x3": kernels(3, 1),
    "dil_conv_5x5": kernels(5, 1),
    "conv_7x1_1x7": {"2.weight": ()},
}


def example_of(name: str, stride: int) -> Shapes:
    """Return what tells the operation of this name and stride apart."""
    if name not in EXAMPLES:
        raise UserError(f"the original has no operation '{name}'{nearest(name, EXAMPLES)}")
    return {"conv_1.weight": ()} if name == "skip_connect" and stride == 2 else EXAMPLES[name]


def auxiliary_head(channels: int, classes: int, two_norms: bool) -> Shapes:
    """List the tensors of the auxiliary head; ImageNet's has one batch norm."""
    features = (
        {"2.weight": (128, channels, 1, 1)}
        | under("3", norm(128, True))
        | {"5.weight": (768, 128, 2, 2)}
        | (under("6", norm(768, True)) if two_norms else {})
    )
    return under("features", features) | under("classifier", linear(768, classes))


def linear(features: int, classes: int) -> Shapes:
    """List a linear layer's tensors."""
    return {"weight": (classes, features), "bias": (classes,)}


def stems(imagenet: bool, channels: int, image: int) -> Shapes:
    """List the tensors of the stem: one for CIFAR, two for ImageNet."""
    if not imagenet:
        width = 3 * channels
        return {"stem.0.weight": (width, image, 3, 3)} | under("stem.1", norm(width, True))
    half = channels // 2
    return (
        {"stem0.0.weight": (half, image, 3, 3)}
        | under("stem0.1", norm(half, True))
        | {"stem0.3.weight": (channels, half, 3, 3)}
        | under("stem0.4", norm(channels, True))
        | {"stem1.1.weight": (channels, channels, 3, 3)}
        | under("stem1.2", norm(channels, True))
    )


# --- Recognising a network


class Reader:
    """Infers a network from the names and shapes of its tensors."""

    def __init__(self, shapes: Shapes, where: str) -> None:
        """Take the shapes by name, and what opens error messages; measure what all have."""
        self.shapes, self.where = shapes, where
        self.imagenet = "stem0.0.weight" in shapes
        stem = "stem0.0.weight" if self.imagenet else "stem.0.weight"
        if stem not in shapes:
            what = f"it holds {few(shapes)}" if shapes else "it is empty"
            raise UserError(f"{where}: not a network of DARTS: no stem.0.weight; {what}")
        self.image_channels = self.extent(stem, 1)
        self.classes = self.extent("classifier.weight", 0)
        self.cells = 1 + max((cell for (cell,) in self.examples(r"cells\.(\d{1,6})")), default=0)
        first = self.extent("cells.0.preprocess1.op.1.weight", 0)
        self.channels = first // 2 if self.is_reduction(0) else first
        if not self.channels or self.cells > len(shapes):
            raise UserError(f"{where}: not a whole network: cells are missing")

    def extent(self, name: str, axis: int) -> int:
        """Return a tensor's size along one axis."""
        shape = self.shapes.get(name, ())
        if len(shape) <= axis:
            raise UserError(f"{self.where}: not a whole network: no {name}, or of odd shape")
        return shape[axis]

    def examples(self, pattern: str) -> dict[tuple[int, ...], Shapes]:
        """Gather the tensors called `pattern` and a rest, by the numbers that it captures."""
        found: dict[tuple[int, ...], Shapes] = {}
        for name, shape in self.shapes.items():
            if match := re.fullmatch(pattern + r"\.(.+)", name):
                *numbers, rest = match.groups()
                found.setdefault(tuple(map(int, numbers)), {})[rest] = shape
        return found

    def is_reduction(self, cell: int) -> bool:
        """Say whether a cell is a reduction cell, by its place."""
        return cell in (self.cells // 3, 2 * self.cells // 3)

    def channels_of(self, cell: int) -> int:
        """Return the channels of a cell's nodes."""
        doubled = {place for place in (self.cells // 3, 2 * self.cells // 3) if place <= cell}
        return self.channels << len(doubled)

    def recognise(
        self, alphas: Mapping[str, np.ndarray], genotype: Genotype | None
    ) -> tuple[Network, Shapes]:
        """Return the network, and all its tensors without alpha as they have to be.

        An evaluation network's follow from its genotype.
        """
        if any(re.match(r"cells\.\d+\._ops\.\d+\._ops\.", name) for name in self.shapes):
            if genotype:
                raise UserError(f"{self.where}: a search network has no genotype yet")
            return self._search_network(alphas)
        if alphas:
            raise UserError(f"{self.where}: an evaluation network has no alpha")
        if not genotype:
            raise UserError(
                f"{self.where}: an evaluation network; its file does not say of which genotype: "
                "give --genotype"
            )
        return self._evaluation_network(genotype)

    def _search_network(self, alphas: Mapping[str, np.ndarray]) -> tuple[Network, Shapes]:
        """Recognise a supernet: in every cell, all primitives on all edges."""
        examples = self.examples(r"cells\.\d+\._ops\.\d+\._ops\.(\d{1,6})")
        edges = 1 + max(edge for (edge,) in self.examples(r"cells\.\d+\._ops\.(\d{1,6})"))
        nodes = nodes_of(edges)
        if not nodes or edges * self.cells > len(self.shapes):
            raise UserError(f"{self.where}: not a whole network: cells of {edges} edges")
        columns = [alpha.shape[-1] for alpha in alphas.values() if alpha.ndim == 2]
        primitives = max(1 + max(number for (number,) in examples), *columns, 0)
        for name, alpha in alphas.items():
            if alpha.shape != (edges, primitives):
                raise UserError(
                    f"{self.where}: {name} has shape {alpha.shape}, expected are rows for the "
                    f"{edges} edges and columns for the {primitives} primitives"
                )
        sources = [source for node in range(nodes) for source in range(node + 2)]

        def operations(cell: int) -> Shapes:
            shapes: Shapes = {}
            for edge, source in enumerate(sources):
                halves = self.is_reduction(cell) and source < 2
                for (number,), example in sorted(examples.items()):
                    if halves or "conv_1.weight" not in example:  # else a skip connection
                        tensors = operation(example, self.channels_of(cell), affine=False)
                        shapes |= under(f"_ops.{edge}._ops.{number}", tensors)
            return shapes

        return self._network(nodes, primitives), self._whole(operations, [nodes] * 2, False)

    def _evaluation_network(self, genotype: Genotype) -> tuple[Network, Shapes]:
        """List a genotype's network."""
        cells = {False: genotype.normal, True: genotype.reduce}

        def operations(cell: int) -> Shapes:
            reduction = self.is_reduction(cell)
            shapes: Shapes = {}
            for number, edge in enumerate(cells[reduction].edges):
                stride = 2 if reduction and edge.source < 2 else 1
                example = example_of(edge.operation, stride)
                tensors = operation(example, self.channels_of(cell), affine=True)
                shapes |= under(f"_ops.{number}", tensors)
            return shapes

        multipliers = [len(cell.concat) for cell in cells.values()]
        nodes = max(len(cell.nodes) for cell in cells.values())
        return self._network(nodes), self._whole(operations, multipliers, True)

    def _network(self, nodes: int, primitives: int | None = None) -> Network:
        """Put together what was measured."""
        return Network(
            self.channels, self.cells, nodes, self.classes, self.image_channels, primitives
        )

    def _whole(
        self, operations: Callable[[int], Shapes], multipliers: list[int], affine: bool
    ) -> Shapes:
        """List a network's tensors; a cell of each type concatenates `multipliers` nodes."""
        shapes = stems(self.imagenet, self.channels, self.image_channels)
        before_last = last = self.channels if self.imagenet else 3 * self.channels
        for cell in range(self.cells):
            channels = self.channels_of(cell)
            factorized = self.is_reduction(cell - 1) if cell else self.imagenet
            inputs = under("preprocess0", preprocess(factorized, before_last, channels, affine))
            inputs |= under("preprocess1", preprocess(False, last, channels, affine))
            shapes |= under(f"cells.{cell}", inputs | operations(cell))
            before_last, last = last, multipliers[self.is_reduction(cell)] * channels
            if cell == 2 * self.cells // 3 and "auxiliary_head.classifier.weight" in self.shapes:
                two_norms = "auxiliary_head.features.6.weight" in self.shapes
                head = auxiliary_head(last, self.classes, two_norms)
                shapes |= under("auxiliary_head", head)
        return shapes | under("classifier", linear(last, self.classes))


def few(names: Iterable[str]) -> str:
    """Name the first few, and count the others."""
    names = list(names)
    more = f" and {len(names) - FIRST_FEW} more" if len(names) > FIRST_FEW else ""
    return ", ".join(names[:FIRST_FEW]) + more


def check(found: Shapes, expected: Shapes, where: str, what: str) -> None:
    """Compare names and shapes with `what`'s; the counters of batch norms may be missing."""
    missing = [n for n in expected if n not in found and not n.endswith(COUNTER)]
    unknown = [n for n in found if n not in expected]
    differing = [
        f"{n} has shape {found[n]} instead of {shape}"
        for n, shape in expected.items()
        if found.get(n, shape) != shape
    ]
    problems = {"missing: ": missing, "unknown: ": unknown, "": differing}
    if any(problems.values()):
        text = "; ".join(label + few(names) for label, names in problems.items() if names)
        raise UserError(f"{where}: not {what}: {text}")
