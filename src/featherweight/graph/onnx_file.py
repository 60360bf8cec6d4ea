"""Dense `.onnx` files: any of them within the subset is read, and every graph can be written."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from featherweight.container.graph import Attribute, Graph, Node, ValueInfo
from featherweight.errors import FormatError, InvalidArgumentError, UnsupportedOperatorError
from featherweight.extras import require
from featherweight.graph.draft import Draft
from featherweight.graph.simplify import simplify

OPERATOR_SETS = range(18, 24)
"""Operator sets in which the subset means the same; files of others are converted by onnx."""

_MAX_BYTES = 2**31 - 1


def to_onnx(
    graph: Graph, tensors: Mapping[str, NDArray[np.generic] | Tensor], path: str | Path
) -> None:
    """Write `graph` with dense `tensors` as an ONNX file, checked by onnx; symbols stay symbolic.

    Raises:
        UnsupportedOperatorError: an operator of ours that has no ONNX form.
        InvalidArgumentError: the tensors are larger than the 2 GiB that an ONNX file can hold.
    """
    onnx = require("onnx", extra="torch")
    for node in graph.nodes:
        if "." in node.operator:
            raise UnsupportedOperatorError(
                f"operator {node.operator} (output {node.outputs[0]!r}) has no ONNX form."
            )
    arrays = {name: _array(tensor) for name, tensor in tensors.items()}
    size = sum(array.nbytes for array in arrays.values())
    if size > _MAX_BYTES:
        raise InvalidArgumentError(
            f"an ONNX file holds at most {_MAX_BYTES} bytes, but the tensors have {size}."
        )
    opset = onnx.helper.make_opsetid("", graph.operator_set)
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [_node_proto(onnx, node) for node in graph.nodes],
            "network",
            [_value_proto(onnx, info) for info in graph.inputs],
            [_value_proto(onnx, info) for info in graph.outputs],
            [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
        ),
        producer_name="featherweight",
        opset_imports=[opset],
        ir_version=onnx.helper.find_min_ir_version_for([opset]),
    )
    onnx.checker.check_model(model, full_check=True)
    target = Path(path)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(model.SerializeToString(deterministic=True))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def from_onnx(path: str | Path) -> tuple[Graph, dict[str, Tensor]]:
    """Return the graph and the tensors of an ONNX file, in the operators of the file format.

    Initializers become tensors by their names; where the weight of a layer has no name of the
    form ``layer.weight``, it is given one, so that `rebuild` makes it a layer of torch.

    Raises:
        FormatError: the file is not a valid ONNX model.
        UnsupportedOperatorError: an operator, attribute or element type is outside the subset.
    """
    onnx = require("onnx", extra="torch")
    require("onnxscript", extra="torch")
    import onnx_ir

    from featherweight.graph.ir_reader import draft_from_ir

    try:
        proto = onnx.load(str(path))
        onnx.checker.check_model(proto)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise FormatError(f"{path} is not a valid ONNX model: {error}") from error
    version = next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 0)
    if version not in OPERATOR_SETS:
        version = OPERATOR_SETS[0] if version < OPERATOR_SETS[0] else OPERATOR_SETS[-1]
        proto = _converted(onnx, proto, version, path)
    model = onnx_ir.from_proto(proto)
    draft = draft_from_ir(model.graph, version)
    # A constant that has no dimension is a bound or a factor, and a number for a name is what
    # `simplify` gives to what it folded: neither is trained.
    draft.weights = {
        name for name in draft.weights if draft.tensors[name].ndim and not name.isdigit()
    }
    draft.weights |= _layer_tensors(draft.nodes) & set(draft.tensors)
    draft.named = {name for name in draft.named if name in draft.weights or not name.isdigit()}
    _transpose_weights(draft)
    return _with_layer_names(*simplify(draft))


def _transpose_weights(draft: Draft) -> None:
    """Store the weight of a product with a vector [in, out] as torch does, [out, in]."""
    uses = Counter(name for node in draft.nodes for name in node.inputs)
    nodes: list[Node] = []
    for node in draft.nodes:
        weight = node.inputs[1] if node.operator in ("Gemm", "MatMul") else ""
        is_own = weight in draft.weights and uses[weight] == 1 and draft.tensors[weight].ndim == 2
        if not is_own or node.attributes:
            nodes.append(node)
            continue
        draft.tensors[weight] = draft.tensors[weight].T.contiguous()
        if node.operator == "Gemm":
            nodes.append(Node("Gemm", node.inputs, node.outputs, {"transB": 1}))
            continue
        back = f"{weight}~transposed"
        nodes.append(Node("Transpose", (weight,), (back,), {"perm": (1, 0)}))
        nodes.append(Node("MatMul", (node.inputs[0], back), node.outputs))
    draft.nodes = nodes


def _converted(onnx: Any, proto: Any, version: int, path: str | Path) -> Any:
    try:
        return onnx.version_converter.convert_version(proto, version)
    except Exception as error:
        raise UnsupportedOperatorError(
            f"{path} cannot be converted to ONNX operator set {version}: {error}"
        ) from error


_LAYER_INPUTS = {
    "Conv": ("weight", "bias"),
    "ConvTranspose": ("weight", "bias"),
    "Gemm": ("weight", "bias"),
    "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
    "LayerNormalization": ("weight", "bias"),
}


def _layer_tensors(nodes: Iterable[Node]) -> set[str]:
    return {name for node in nodes if node.operator in _LAYER_INPUTS for name in node.inputs[1:]}


def _with_layer_names(graph: Graph, tensors: dict[str, Tensor]) -> tuple[Graph, dict[str, Tensor]]:
    """Name the tensors of layers as torch does, and give every tensor a name torch can hold."""
    names: dict[str, str] = {}
    for node in graph.nodes:
        roles = _LAYER_INPUTS.get(node.operator, ())
        own = [name for name in node.inputs[1:] if name in tensors]
        if not own or names.keys() & set(own):
            continue
        layer = own[0].rpartition(".")[0]
        if own != [f"{layer}.{role}" for role in roles[: len(own)]]:
            layer = own[0].removesuffix(".weight").replace(".", "_").strip("_") or node.outputs[0]
            layer = f"layer_{layer}" if layer.isdigit() else layer
            for name, role in zip(node.inputs[1:], roles, strict=False):
                if name in tensors:
                    names[name] = f"{layer}.{role}"
    for name in tensors:
        names.setdefault(name, name if all(name.split(".")) else name.replace(".", "_").strip("_"))
    taken = [names[name] for name in tensors]
    prefixes = {name.rpartition(".")[0] for name in taken}
    if len(set(taken)) < len(taken) or prefixes & set(taken):
        # Names that clash (``a`` beside ``a.b``) are told apart by their place.
        names = {n: f"tensor_{i}.{names[n].replace('.', '_')}" for i, n in enumerate(tensors)}
    nodes = tuple(
        Node(n.operator, tuple(names.get(i, i) for i in n.inputs), n.outputs, n.attributes)
        for n in graph.nodes
    )
    renamed = {names[name]: tensor.clone() for name, tensor in tensors.items()}
    return Graph(graph.inputs, graph.outputs, nodes, graph.operator_set), renamed


def _array(tensor: NDArray[np.generic] | Tensor) -> NDArray[np.generic]:
    return tensor.detach().cpu().numpy() if isinstance(tensor, Tensor) else np.asarray(tensor)


def _node_proto(onnx: Any, node: Node) -> Any:
    proto = onnx.helper.make_node(node.operator, list(node.inputs), list(node.outputs))
    for name, value in node.attributes.items():
        proto.attribute.append(onnx.helper.make_attribute(name, _plain(value)))
    return proto


def _plain(value: Attribute) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _value_proto(onnx: Any, info: ValueInfo) -> Any:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(info.dtype))
    return onnx.helper.make_tensor_value_info(info.name, kind, list(info.shape))
