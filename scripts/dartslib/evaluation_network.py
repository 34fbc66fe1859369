"""The evaluation network in PyTorch, to use what `export.py --to pytorch` or safetensors wrote.

    description = json.loads(Path("model.json").read_text())
    network = EvaluationNetwork(description)
    network.load_state_dict(torch.load("model.pt"))
    logits = network.eval()(images)  # N x channels x height x width, normalised

Parameters have the names of the original implementation. Drop path is left out: it acts in
training alone and has no parameters.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartslib.cell import Cell
from dartslib.cli import UserError, nearest
from dartslib.genotype import Genotype, genotype_from

AUXILIARY = (128, 768)  # channels of the auxiliary head's two convolutions


class FactorizedReduce(nn.Module):
    """Halve height and width by two 1x1 convolutions, the second one pixel further."""

    def __init__(self, channels_in: int, channels: int) -> None:
        """Make both halves."""
        super().__init__()
        first = channels // 2
        self.conv_1 = nn.Conv2d(channels_in, first, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(channels_in, channels - first, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x channels x ceil(H/2) x ceil(W/2)."""
        x = functional.relu(x)
        shifted = functional.pad(x[:, :, 1:, 1:], (0, 1, 0, 1))
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(shifted)], 1))


class Block(nn.Module):
    """ReLU, convolutions and batch norm under the name `op`."""

    def __init__(self, *modules: nn.Module) -> None:
        """Take what follows one another."""
        super().__init__()
        self.op = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        """Run them."""
        return self.op(x)


class Zero(nn.Module):
    """The operation `none`."""

    def __init__(self, stride: int) -> None:
        """Take the stride."""
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros of the output's shape."""
        return x[:, :, :: self.stride, :: self.stride] * 0.0


def relu_conv_norm(channels_in: int, channels: int) -> Block:
    """Make the preprocessing of a state with the height and width that the cell works at."""
    convolution = nn.Conv2d(channels_in, channels, 1, bias=False)
    return Block(nn.ReLU(), convolution, nn.BatchNorm2d(channels))


def depthwise(c: int, size: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    """Make ReLU, depthwise and pointwise convolution and batch norm."""
    padding = dilation * (size - 1) // 2
    return [
        nn.ReLU(),
        nn.Conv2d(c, c, size, stride, padding, dilation, groups=c, bias=False),
        nn.Conv2d(c, c, 1, bias=False),
        nn.BatchNorm2d(c),
    ]


def separable(c: int, size: int, stride: int) -> Block:
    """Make a separable convolution, which is two depthwise ones."""
    return Block(*depthwise(c, size, stride), *depthwise(c, size, 1))


def conv_7x1_1x7(c: int, stride: int) -> nn.Sequential:
    """Make NASNet's and AmoebaNet's two-part convolution."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c, c, (1, 7), (1, stride), (0, 3), bias=False),
        nn.Conv2d(c, c, (7, 1), (stride, 1), (3, 0), bias=False),
        nn.BatchNorm2d(c),
    )


OPERATIONS = {
    "none": lambda c, stride: Zero(stride),
    "max_pool_3x3": lambda c, stride: nn.MaxPool2d(3, stride, 1),
    "avg_pool_3x3": lambda c, stride: nn.AvgPool2d(3, stride, 1, count_include_pad=False),
    "skip_connect": lambda c, stride: nn.Identity() if stride == 1 else FactorizedReduce(c, c),
    "sep_conv_3x3": lambda c, stride: separable(c, 3, stride),
    "sep_conv_5x5": lambda c, stride: separable(c, 5, stride),
    "sep_conv_7x7": lambda c, stride: separable(c, 7, stride),
    "dil_conv_3x3": lambda c, stride: Block(*depthwise(c, 3, stride, dilation=2)),
    "dil_conv_5x5": lambda c, stride: Block(*depthwise(c, 5, stride, dilation=2)),
    "conv_7x1_1x7": conv_7x1_1x7,
}


def make_operation(name: str, channels: int, stride: int) -> nn.Module:
    """Make an operation of a genotype."""
    if name not in OPERATIONS:
        raise UserError(
            f"the operation '{name}' is not one that can be made in PyTorch here"
            f"{nearest(name, OPERATIONS)} (OPERATIONS in {__file__} takes more)"
        )
    return OPERATIONS[name](channels, stride)


class EvaluationCell(nn.Module):
    """A discrete cell: a node is the sum of its edges, the output concatenates nodes."""

    def __init__(self, cell: Cell, reduction: bool, inputs: nn.ModuleList, channels: int) -> None:
        """Take the genotype's cell and what preprocesses its two inputs."""
        super().__init__()
        self.preprocess0, self.preprocess1 = inputs
        self.cell = cell
        self._ops = nn.ModuleList(
            make_operation(edge.operation, channels, 2 if reduction and edge.source < 2 else 1)
            for edge in cell.edges
        )

    def forward(self, s0: Tensor, s1: Tensor) -> Tensor:
        """Take the outputs of the last cell but one, and of the last."""
        states: list[Any] = [self.preprocess0(s0), self.preprocess1(s1)]
        states += [0] * len(self.cell.nodes)
        for operation, (node, edge) in zip(self._ops, self.cell.edges_by_node(), strict=True):
            states[node + 2] = states[node + 2] + operation(states[edge.source])
        return torch.cat([states[state] for state in self.cell.concat], 1)


class AuxiliaryHead(nn.Module):
    """A second classifier, behind two thirds of the cells, that only training uses."""

    def __init__(self, channels: int, classes: int, imagenet: bool) -> None:
        """For ImageNet there is no second batch norm, as in the original."""
        super().__init__()
        narrow, wide = AUXILIARY
        self.features = nn.Sequential(
            nn.ReLU(inplace=True),  # of the cell's output too, where no other cell follows
            nn.AvgPool2d(5, 2 if imagenet else 3, count_include_pad=False),
            nn.Conv2d(channels, narrow, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, wide, 2, bias=False),
            *([] if imagenet else [nn.BatchNorm2d(wide)]),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(wide, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x classes."""
        return self.classifier(self.features(x).mean((2, 3)))


class EvaluationNetwork(nn.Module):
    """A genotype's cells stacked between a stem and a classifier."""

    def __init__(self, description: dict[str, Any]) -> None:
        """Take the description that an export has beside its weights."""
        super().__init__()
        self.imagenet = description["stem"] == "imagenet"
        self._add_stem(description["channels"], description["image_channels"])
        genotype = genotype_from(description["genotype"], "the genotype")
        last = self._add_cells(genotype, description)
        self.classifier = nn.Linear(last, description["classes"])

    def _add_stem(self, c: int, image: int) -> None:
        """Make one convolution, or ImageNet's three of stride 2."""
        if not self.imagenet:
            convolution = nn.Conv2d(image, 3 * c, 3, padding=1, bias=False)
            self.stem = nn.Sequential(convolution, nn.BatchNorm2d(3 * c))
            return
        self.stem0 = nn.Sequential(
            nn.Conv2d(image, c // 2, 3, 2, 1, bias=False),
            nn.BatchNorm2d(c // 2),
            nn.ReLU(),
            nn.Conv2d(c // 2, c, 3, 2, 1, bias=False),
            nn.BatchNorm2d(c),
        )
        self.stem1 = nn.Sequential(
            nn.ReLU(), nn.Conv2d(c, c, 3, 2, 1, bias=False), nn.BatchNorm2d(c)
        )

    def _add_cells(self, genotype: Genotype, description: dict[str, Any]) -> int:
        """Make the cells and the auxiliary head; return the channels of the last output."""
        count, c = description["cells"], description["channels"]
        before_last = last = c if self.imagenet else 3 * c
        self.cells = nn.ModuleList()
        self.auxiliary_head = None
        reduced = self.imagenet  # whether the last input is half as wide as the one before
        for index in range(count):
            reduction = index in (count // 3, 2 * count // 3)
            c *= 2 if reduction else 1
            first = FactorizedReduce(before_last, c) if reduced else relu_conv_norm(before_last, c)
            inputs = nn.ModuleList([first, relu_conv_norm(last, c)])
            cell = genotype.reduce if reduction else genotype.normal
            self.cells.append(EvaluationCell(cell, reduction, inputs, c))
            before_last, last, reduced = last, c * len(cell.concat), reduction
            if index == 2 * count // 3 and description["auxiliary"]:
                self.auxiliary_head = AuxiliaryHead(last, description["classes"], self.imagenet)
        return last

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return the logits, N x classes; in training those of the auxiliary head as well."""
        s0 = self.stem0(images) if self.imagenet else self.stem(images)
        s1 = self.stem1(s0) if self.imagenet else s0
        auxiliary = None
        for index, cell in enumerate(self.cells):
            s0, s1 = s1, cell(s0, s1)
            if index == 2 * len(self.cells) // 3 and self.training and self.auxiliary_head:
                auxiliary = self.auxiliary_head(s1)
        logits = self.classifier(s1.mean((2, 3)))
        return logits if auxiliary is None else (logits, auxiliary)
