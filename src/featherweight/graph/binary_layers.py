"""Binary layers in the graph: how the exporter writes them, and how `simplify` stores them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from featherweight.container.graph import Node
from featherweight.container.operators import OURS, subset
from featherweight.errors import UnsupportedOperatorError
from featherweight.extras import require
from featherweight.functional.binarize import filter_scales, sign
from featherweight.graph.operators import BINARY_CONV, BINARY_GEMM
from featherweight.graph.rewriting import Rewriting


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What torch's exporter has to know: the ONNX node for each of our torch operators."""
    conv, gemm = _onnx_operator(BINARY_CONV), _onnx_operator(BINARY_GEMM)

    def write_conv(
        x: Any, weight: Any, alpha: Any, bias: Any, *, stride: Sequence[int],
        pads: Sequence[int], dilation: Sequence[int], binary_input: int, scale_map: int,
    ) -> Any:  # fmt: skip
        return conv(
            x, weight, alpha, bias, strides=stride, pads=pads, dilations=dilation,
            binary_input=binary_input, scale_map=scale_map,
        )  # fmt: skip

    def write_gemm(
        x: Any, weight: Any, alpha: Any, bias: Any, *, binary_input: int, scale_map: int
    ) -> Any:
        return gemm(x, weight, alpha, bias, binary_input=binary_input, scale_map=scale_map)

    operators = torch.ops.featherweight
    return {
        operators.binary_conv2d.default: write_conv,
        operators.binary_linear.default: write_gemm,
    }


def _onnx_operator(name: str) -> Any:
    """The operator for onnxscript, described by its row in operators.yaml."""
    schemas = require("onnx", extra="torch").defs.OpSchema
    values = require("onnxscript", extra="torch").values
    options = schemas.FormalParameterOption
    inputs = [
        schemas.FormalParameter(
            role, "T", param_option=options.Single if i < 2 else options.Optional
        )
        for i, role in enumerate(("x", "weight", "alpha", "bias"))
    ]
    attributes = [
        schemas.Attribute(key, getattr(schemas.AttrType, rule.type.upper()), required=False)
        for key, rule in subset()[name].attributes.items()
    ]
    domain, operator = OURS.removesuffix("."), name.removeprefix(OURS)
    schema = schemas(
        operator, domain, 1, inputs=inputs, outputs=[schemas.FormalParameter("y", "T")],
        type_constraints=[("T", ["tensor(float)"], "")], attributes=attributes,
    )  # fmt: skip
    return values.Op(values.Opset(domain, 1), operator, schema)


def store_signs(node: Node, rewriting: Rewriting) -> Sequence[Node] | None:
    """A node with a trained weight reads its signs and its alpha instead, as two tensors.

    Raises:
        UnsupportedOperatorError: another kind of layer reads the same weight.
    """
    if len(node.inputs) > 2 and node.inputs[2]:
        return None
    draft, name = rewriting.draft, node.inputs[1]
    path, _, _ = name.rpartition(".")
    alpha = f"{path}.alpha" if path else f"{name}_alpha"
    if alpha not in draft.tensors:
        weight = rewriting.tensor(name)
        is_shared = any(name in n.inputs and n.operator not in RULES for n in draft.nodes)
        if weight is None or is_shared:
            raise UnsupportedOperatorError(
                f"the weight {name!r} of binary layer {draft.layer(node)!r} must be a tensor of "
                f"its own, but it is computed, or read by another kind of layer too."
            )
        _add(rewriting, name, sign(weight.detach()))
        _add(rewriting, alpha, filter_scales(weight.detach()))
    inputs = (node.inputs[0], name, alpha, *node.inputs[3:])
    return [Node(node.operator, inputs, node.outputs, node.attributes)]


def _add(rewriting: Rewriting, name: str, tensor: Tensor) -> None:
    draft = rewriting.draft
    draft.tensors[name] = tensor
    draft.named.add(name)
    draft.weights.add(name)
    for run in rewriting.runs:
        run[name] = tensor.to("meta")


RULES: Mapping[str, Callable[[Node, Rewriting], Sequence[Node] | None]] = {
    BINARY_CONV: store_signs,
    BINARY_GEMM: store_signs,
}
