"""How many multiply-adds, and how many other operations, one operator does.

A MAC is one multiply and one add. Convolutions and matrix products are counted in MACs, with zero
padding as if it were data; biases, normalization, pooling and activations in other operations
(`operations.yaml`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from featherweight.container.graph import Node
from featherweight.measure.values import Value

OneBit = Literal["", "weights", "both"]
_BINARY = ("featherweight.BinaryConv", "featherweight.BinaryGemm")
_WITH_BIAS = ("Conv", "ConvTranspose", "Gemm", *_BINARY)


@dataclass(frozen=True)
class MatrixProduct:
    """An operator as `repeats` products [rows, inner] x [inner, columns].

    A convolution is one product for each of its groups: `rows` output positions, `inner` weights of
    an output channel, `columns` output channels of the group.
    """

    repeats: int
    rows: int
    inner: int
    columns: int

    @property
    def macs(self) -> int:
        """Multiply-adds of all the products."""
        return self.repeats * self.rows * self.inner * self.columns


def matrix_product(node: Node, values: Mapping[str, Value]) -> MatrixProduct | None:
    """Return what the node multiplies; None if it is no matrix product."""
    if node.operator not in (*_WITH_BIAS, "MatMul"):
        return None
    left, right = values[node.inputs[0]].shape, values[node.inputs[1]].shape
    output = values[node.outputs[0]].shape
    if node.operator in ("Gemm", "featherweight.BinaryGemm"):
        inner = left[0] if node.attributes.get("transA") else left[1]
        return MatrixProduct(1, output[0], inner, output[1])
    if node.operator == "MatMul":
        columns = right[-1] if len(right) > 1 else 1
        rows = left[-2] if len(left) > 1 else 1
        repeats = math.prod(output) // max(1, rows * columns)
        if len(right) <= 2:  # One matrix for the whole batch: one product of many rows.
            return MatrixProduct(1, rows * repeats, left[-1], columns)
        return MatrixProduct(repeats, rows, left[-1], columns)
    groups = int(node.attributes.get("group", 1))  # type: ignore[arg-type]
    kernel = math.prod(right[2:])
    if node.operator != "ConvTranspose":  # weight [out_channels, in_channels / groups, k1, ...]
        positions = output[0] * math.prod(output[2:])
        return MatrixProduct(groups, positions, right[1] * kernel, right[0] // groups)
    # Each input element meets the whole kernel: weight [in_channels, out_channels / groups, k1, ..]
    positions = left[0] * math.prod(left[2:])
    return MatrixProduct(groups, positions, right[0] // groups, right[1] * kernel)


def one_bit_operands(node: Node) -> OneBit:
    """Return which operands of its products have one bit: none, the weights, or both."""
    if node.operator not in _BINARY:
        return ""
    return "both" if node.attributes.get("binary_input", 1) else "weights"


def other_operations(node: Node, values: Mapping[str, Value]) -> int:
    """Return the operations that are not part of a multiply-add."""
    rule = _rules().get(node.operator, {})
    outputs = sum(values[name].elements for name in node.outputs if name in values)
    if node.operator in _BINARY:
        return _around_signs(node, values, outputs)
    if node.operator in _WITH_BIAS:
        return outputs if len(node.inputs) > 2 and node.inputs[2] else 0
    window = math.prod(node.attributes.get("kernel_shape", (1,)))  # type: ignore[arg-type]
    if node.operator == "LRN":  # The sum of squares over the neighbours comes on top.
        window = int(node.attributes["size"])  # type: ignore[arg-type]
        return outputs * (rule["outputs"] + 2 * window)
    inputs = values[node.inputs[0]].elements if node.inputs else 0
    return (
        rule.get("outputs", 0) * outputs
        + rule.get("inputs", 0) * inputs
        + rule.get("window", 0) * window * outputs
    )


def _around_signs(node: Node, values: Mapping[str, Value], outputs: int) -> int:
    """alpha and bias of each output; with a scale map K, one sum over |x| and K times each output.

    The box filter over the mean takes a window for each output pixel of one channel.
    """
    count = outputs * (2 if len(node.inputs) > 3 and node.inputs[3] else 1)
    if not node.attributes.get("scale_map"):
        return count
    weight, output = values[node.inputs[1]].shape, values[node.outputs[0]].shape
    window = math.prod(weight[2:]) if len(weight) > 2 else 0
    pixels = outputs // max(1, output[1])
    return count + outputs + 2 * values[node.inputs[0]].elements + window * pixels


@cache
def _rules() -> Mapping[str, Mapping[str, int]]:
    file = resources.files("featherweight.measure") / "operations.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
