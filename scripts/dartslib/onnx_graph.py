"""The evaluation network, in evaluation mode, as an ONNX graph; see evaluation_network.py.

It is written by hand, operator by operator, so that neither PyTorch nor its exporter is needed
and every initializer has the name of our parameter. Number, height and width of images are free.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dartslib.cell import Cell
from dartslib.cli import UserError, require
from dartslib.genotype import genotype_from

if TYPE_CHECKING:
    import numpy as np

REQUIREMENTS = "requirements-onnx.txt"
OPSET = 17
IR_VERSION = 8  # the one of that opset, which older runtimes read too
EPSILON = 1e-5  # of every batch norm


class Graph:
    """Collects operators; its methods take and return the names of values."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        """Take the network's tensors by name."""
        self.helper = require("onnx.helper", REQUIREMENTS)
        self.tensors = tensors
        self.used: dict[str, np.ndarray] = {}
        self.nodes: list[Any] = []

    def tensor(self, name: str) -> np.ndarray:
        """Return one of the network's tensors, which becomes part of the graph."""
        if name not in self.tensors:
            raise UserError(f"the checkpoint has no tensor {name}")
        self.used[name] = self.tensors[name].astype("float32")
        return self.used[name]

    def constant(self, name: str, values: list[Any], dtype: str = "int64") -> str:
        """Return a constant of the graph, made when it is first asked for."""
        self.used[name] = require("numpy").array(values, dtype)
        return name

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add an operator with one output."""
        output = f"value_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def conv(self, x: str, name: str, stride: Any = 1, dilation: int = 1, **attributes: Any) -> str:
        """Add a convolution that keeps height and width, but for its stride."""
        weight = self.tensor(f"{name}.weight")
        padding = [dilation * (size - 1) // 2 for size in weight.shape[2:]]
        settings = {
            "kernel_shape": list(weight.shape[2:]),
            "strides": [stride, stride] if isinstance(stride, int) else stride,
            "dilations": [dilation, dilation],
            "pads": padding * 2,
        }
        return self.add("Conv", [x, f"{name}.weight"], **(settings | attributes))

    def norm(self, x: str, name: str) -> str:
        """Add a batch norm with its running statistics."""
        parts = [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        for part in parts:
            self.tensor(part)
        return self.add("BatchNormalization", [x, *parts], epsilon=EPSILON)

    def relu(self, x: str) -> str:
        """Add a ReLU."""
        return self.add("Relu", [x])

    def depthwise(self, x: str, name: str, first: int, stride: int, dilation: int = 1) -> str:
        """Add ReLU, depthwise and pointwise convolution and batch norm, from op.`first` on."""
        channels = len(self.tensor(f"{name}.op.{first}.weight"))
        x = self.conv(self.relu(x), f"{name}.op.{first}", stride, dilation, group=channels)
        return self.norm(self.conv(x, f"{name}.op.{first + 1}"), f"{name}.op.{first + 2}")

    def pool(self, operator: str, x: str, stride: int) -> str:
        """Add a 3x3 pool; an average leaves the padding out."""
        settings = {"kernel_shape": [3, 3], "strides": [stride, stride], "pads": [1, 1, 1, 1]}
        return self.add(operator, [x], **settings)

    def factorized_reduce(self, x: str, name: str) -> str:
        """Halve height and width."""
        x = self.relu(x)
        ends = self.constant("slice_ends", [2**62, 2**62])
        one, axes = self.constant("slice_ones", [1, 1]), self.constant("slice_axes", [2, 3])
        shifted = self.add("Slice", [x, one, ends, axes])
        halves = [
            self.conv(x, f"{name}.conv_1", 2),
            self.conv(shifted, f"{name}.conv_2", 2, pads=[0, 0, 1, 1]),
        ]
        return self.norm(self.add("Concat", halves, axis=1), f"{name}.bn")

    def zero(self, x: str, stride: int) -> str:
        """Add the operation `none`."""
        if stride > 1:
            begin, end = [0, 0], [2**62, 2**62]
            inputs = [self.constant("slice_zeros", begin), self.constant("slice_ends", end)]
            inputs += [self.constant("slice_axes", [2, 3]), self.constant("slice_twos", [2, 2])]
            x = self.add("Slice", [x, *inputs])
        return self.add("Mul", [x, self.constant("zero", [0.0], "float32")])

    def conv_7x1_1x7(self, x: str, name: str, stride: int) -> str:
        """Add NASNet's and AmoebaNet's two-part convolution."""
        x = self.conv(self.relu(x), f"{name}.1", [1, stride])
        return self.norm(self.conv(x, f"{name}.2", [stride, 1]), f"{name}.3")

    def operation(self, operation: str, x: str, name: str, stride: int) -> str:
        """Add a cell's operation, by its name in the genotype."""
        match operation:
            case "none":
                return self.zero(x, stride)
            case "skip_connect":
                return x if stride == 1 else self.factorized_reduce(x, name)
            case "max_pool_3x3":
                return self.pool("MaxPool", x, stride)
            case "avg_pool_3x3":
                return self.pool("AveragePool", x, stride)
            case "sep_conv_3x3" | "sep_conv_5x5" | "sep_conv_7x7":
                return self.depthwise(self.depthwise(x, name, 1, stride), name, 5, 1)
            case "dil_conv_3x3" | "dil_conv_5x5":
                return self.depthwise(x, name, 1, stride, dilation=2)
            case "conv_7x1_1x7":
                return self.conv_7x1_1x7(x, name, stride)
        raise UserError(
            f"the operation '{operation}' is not one that can be written as ONNX here "
            f"(Graph.operation in {__file__} takes more)"
        )

    def cell(self, cell: Cell, name: str, inputs: list[str], reduction: bool) -> str:
        """Add a cell, given its two preprocessed inputs."""
        states: list[str | None] = [*inputs, *[None] * len(cell.nodes)]
        for index, (node, edge) in enumerate(cell.edges_by_node()):
            stride = 2 if reduction and edge.source < 2 else 1
            source = str(states[edge.source])
            term = self.operation(edge.operation, source, f"{name}._ops.{index}", stride)
            so_far = states[node + 2]
            states[node + 2] = self.add("Add", [so_far, term]) if so_far else term
        return self.add("Concat", [str(states[state]) for state in cell.concat], axis=1)


def add_stem(graph: Graph, imagenet: bool) -> tuple[str, str]:
    """Add the stem; return what the first cell reads."""
    if not imagenet:
        s = graph.norm(graph.conv("images", "stem.0"), "stem.1")
        return s, s
    s0 = graph.norm(graph.conv("images", "stem0.0", 2), "stem0.1")
    s0 = graph.norm(graph.conv(graph.relu(s0), "stem0.3", 2), "stem0.4")
    s1 = graph.norm(graph.conv(graph.relu(s0), "stem1.1", 2), "stem1.2")
    return s0, s1


def add_network(graph: Graph, description: dict[str, Any]) -> None:
    """Add everything from `images` to `logits`."""
    genotype = genotype_from(description["genotype"], "the genotype")
    count, reduced = description["cells"], description["stem"] == "imagenet"
    s0, s1 = add_stem(graph, reduced)
    for index in range(count):
        reduction, name = index in (count // 3, 2 * count // 3), f"cells.{index}"
        if reduced:
            first = graph.factorized_reduce(s0, f"{name}.preprocess0")
        else:
            first = preprocess(graph, s0, f"{name}.preprocess0")
        second = preprocess(graph, s1, f"{name}.preprocess1")
        cell = genotype.reduce if reduction else genotype.normal
        s0, s1 = s1, graph.cell(cell, name, [first, second], reduction)
        reduced = reduction
    features = graph.add("Flatten", [graph.add("GlobalAveragePool", [s1])])
    for part in ("weight", "bias"):
        graph.tensor(f"classifier.{part}")
    inputs = [features, "classifier.weight", "classifier.bias"]
    graph.nodes.append(graph.helper.make_node("Gemm", inputs, ["logits"], transB=1))


def preprocess(graph: Graph, x: str, name: str) -> str:
    """Add ReLU, 1x1 convolution and batch norm."""
    return graph.norm(graph.conv(graph.relu(x), f"{name}.op.1"), f"{name}.op.2")


def onnx_bytes(description: dict[str, Any], tensors: dict[str, np.ndarray]) -> bytes:
    """Return the ONNX file: `images`, N x channels x height x width, to `logits`, N x classes."""
    onnx = require("onnx", REQUIREMENTS)
    graph = Graph(tensors)
    add_network(graph, description)
    helper, real = graph.helper, onnx.TensorProto.FLOAT
    image = ["N", description["image_channels"], "height", "width"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "evaluation_network",
            [helper.make_tensor_value_info("images", real, image)],
            [helper.make_tensor_value_info("logits", real, ["N", description["classes"]])],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.used.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="darts",
    )
    helper.set_model_props(model, {"darts": json.dumps(description, ensure_ascii=False)})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
