"""Read a graph of onnx_ir (torch's exporter and `.onnx` files both give one) into a `Draft`."""

from collections.abc import Mapping

import onnx_ir
import torch
from torch import Tensor

from featherweight.container.graph import Attribute, Node, ValueInfo
from featherweight.container.operators import OURS
from featherweight.errors import UnsupportedOperatorError
from featherweight.graph.defaults import without_defaults
from featherweight.graph.draft import Draft
from featherweight.graph.operators import OPERATORS

DTYPE_NAMES: Mapping[onnx_ir.DataType, str] = {
    onnx_ir.DataType.FLOAT: "float32",
    onnx_ir.DataType.FLOAT16: "float16",
    onnx_ir.DataType.INT64: "int64",
    onnx_ir.DataType.INT32: "int32",
    onnx_ir.DataType.UINT8: "uint8",
    onnx_ir.DataType.INT8: "int8",
    onnx_ir.DataType.BOOL: "bool",
}


def draft_from_ir(graph: onnx_ir.Graph, operator_set: int) -> Draft:
    """Read a graph of onnx_ir: names made explicit, constants as tensors, defaults dropped.

    Raises:
        UnsupportedOperatorError: an operator of another domain, a sub-graph, an element type that
            the file format does not have.
    """
    tensors = {name: _tensor(value.const_value, name) for name, value in graph.initializers.items()}
    draft = Draft(
        inputs=tuple(_value_info(value) for value in graph.inputs if value.name not in tensors),
        outputs=tuple(str(value.name) for value in graph.outputs),
        nodes=[],
        tensors=tensors,
        named=set(tensors),
        weights={name for name, tensor in tensors.items() if tensor.is_floating_point()},
        operator_set=operator_set,
    )
    for node in graph:
        _add_node(draft, node)
    return draft


def _add_node(draft: Draft, node: onnx_ir.Node) -> None:
    outputs = tuple(value.name or "" for value in node.outputs)
    layer, origin = _provenance(node)
    if node.op_type == "Constant" and not node.domain:
        draft.tensors[outputs[0]] = _constant(node)
        return
    operator = f"{OURS}{node.op_type}" if f"{node.domain}." == OURS else node.op_type
    if node.domain not in ("", "ai.onnx") and operator not in OPERATORS:
        raise UnsupportedOperatorError(
            f"operator {node.domain}.{node.op_type} of layer {layer!r} is outside the ONNX subset."
        )
    attributes: dict[str, Attribute] = {}
    for name, attribute in node.attributes.items():
        if node.op_type == "ConstantOfShape":
            value = attribute.as_tensor()
            attributes |= {"value": float(value.numpy().item()), "to": int(value.dtype)}
        else:
            attributes[name] = _attribute(node, layer, attribute)
    inputs = tuple("" if value is None else str(value.name) for value in node.inputs)
    plain = without_defaults(operator, attributes, draft.operator_set)
    draft.nodes.append(Node(operator, inputs, outputs, plain))
    for name, output in zip(outputs, node.outputs, strict=True):
        draft.layers[name], draft.origins[name] = layer, origin
        if output.dtype in DTYPE_NAMES and output.shape is not None:
            draft.annotations[name] = _value_info(output)


def _provenance(node: onnx_ir.Node) -> tuple[str, str]:
    """Return (path of the layer, torch operator) as the exporter recorded them."""
    scopes = node.metadata_props.get("pkg.torch.onnx.name_scopes", "")
    paths = [part.strip(" '\"") for part in scopes.strip("[]").split(",")]
    layer = paths[-2] if len(paths) > 1 else (node.name or "")
    origin = node.metadata_props.get("pkg.torch.onnx.fx_node", "").partition("target=")[2]
    return layer, origin.partition("]")[0].removeprefix("torch.ops.aten.").partition(".")[0]


def _attribute(node: onnx_ir.Node, layer: str, attribute: onnx_ir.Attr) -> Attribute:
    kind = attribute.type
    if kind == onnx_ir.AttributeType.FLOAT:
        return _as_float32(attribute.as_float())
    if kind == onnx_ir.AttributeType.FLOATS:
        return tuple(_as_float32(value) for value in attribute.as_floats())
    if kind == onnx_ir.AttributeType.INT:
        return attribute.as_int()
    if kind == onnx_ir.AttributeType.INTS:
        return tuple(attribute.as_ints())
    if kind == onnx_ir.AttributeType.STRING:
        return attribute.as_string()
    raise UnsupportedOperatorError(
        f"attribute {attribute.name!r} of {node.op_type} in layer {layer!r} is of a kind "
        f"({kind.name}) that is outside the ONNX subset."
    )


def _as_float32(value: float) -> float:
    # ONNX attributes are float32: rounding here makes a graph and its ONNX file the same data.
    return float(torch.tensor(value, dtype=torch.float32))


def _constant(node: onnx_ir.Node) -> Tensor:
    (attribute,) = node.attributes.values()
    if attribute.name == "value":
        return _tensor(attribute.as_tensor(), str(node.outputs[0].name))
    if attribute.name in ("value_float", "value_floats"):
        return torch.tensor(attribute.value, dtype=torch.float32)
    if attribute.name in ("value_int", "value_ints"):
        return torch.tensor(attribute.value, dtype=torch.int64)
    raise UnsupportedOperatorError(f"a Constant with {attribute.name!r} is outside the subset.")


def _tensor(value: onnx_ir.TensorProtocol | None, name: str) -> Tensor:
    if value is None or value.dtype not in DTYPE_NAMES:
        kind = "no value" if value is None else value.dtype.name
        raise UnsupportedOperatorError(
            f"tensor {name!r} must be one of {', '.join(DTYPE_NAMES.values())}, but it is {kind}."
        )
    raw = value.raw
    if isinstance(raw, Tensor):
        return raw.detach() if raw.is_meta else raw.detach().cpu()
    return torch.from_numpy(value.numpy().copy())


def _value_info(value: onnx_ir.Value) -> ValueInfo:
    if value.dtype is None or value.dtype not in DTYPE_NAMES or value.shape is None:
        raise UnsupportedOperatorError(
            f"input {value.name!r} must have a shape and one of the types "
            f"{', '.join(DTYPE_NAMES.values())}, but it is {value.dtype} {value.shape}."
        )
    shape = tuple(
        size if isinstance(size, int) else (size.value or f"{value.name}_{axis}")
        for axis, size in enumerate(value.shape)
    )
    return ValueInfo(str(value.name), DTYPE_NAMES[value.dtype], shape)
