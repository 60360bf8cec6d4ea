"""The `graph` section: names become numbers of values, tensors say where their blocks lie."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from featherweight.container.checking import check_name
from featherweight.container.encode import EncodedBlock
from featherweight.container.graph import Attribute, CodedTensor, Graph, Network, Node, ValueInfo
from featherweight.container.layout import CODERS, DTYPES, FORMATS, MISSING
from featherweight.container.metadata import plain
from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_choice


def tensor_order(network: Network) -> tuple[str, ...]:
    """Names of the tensors in the order in which nodes first read them, then the rest by name."""
    read = dict.fromkeys(name for node in network.graph.nodes for name in node.inputs)
    used = [name for name in read if name in network.tensors]
    return (*used, *sorted(set(network.tensors) - set(used)))


def graph_map(
    network: Network,
    sections: Mapping[str, int],
    blocks: Mapping[str, Sequence[EncodedBlock]],
) -> dict[str, Any]:
    """Return the map of docs/format.md.

    Args:
        sections: number of the section of each tensor, by name, in file order.
        blocks: the tensors' blocks, by name.

    Raises:
        InvalidArgumentError: a name occurs twice, or is read before it is computed.
    """
    graph = network.graph
    numbers: dict[str, int] = {}
    for info in graph.inputs:
        _number(numbers, info.name, "an input")
    for name in sections:
        _number(numbers, name, "a tensor")
    nodes = [_node_entry(node, numbers) for node in graph.nodes]
    for info in graph.outputs:
        if info.name not in numbers:
            raise InvalidArgumentError(f"output {info.name!r} is computed by no node.")
    entries = {
        "inputs": [_value_info(info) for info in graph.inputs],
        "outputs": [_value_info(info) for info in graph.outputs],
        "nodes": nodes,
        "tensors": [
            _tensor_entry(network.tensors[name], section, blocks[name])
            for name, section in sections.items()
        ],
    }
    return {**entries, "storage_only": True} if network.storage_only else entries


def _number(numbers: dict[str, int], name: str, what: str) -> None:
    check_name(name, what)
    if name in numbers:
        raise InvalidArgumentError(f"the names of values must be distinct, but {name!r} is not.")
    numbers[name] = len(numbers)


def _value_info(info: ValueInfo) -> list[Any]:
    where = f"for {info.name!r}"
    for size in info.shape:
        if isinstance(size, str):
            check_name(size, "a dimension")
        elif size < 1:
            raise InvalidArgumentError(f"a dimension must be positive, but got {size} {where}.")
    dtype = DTYPES.index(check_choice("dtype", info.dtype, DTYPES, where))
    return [info.name, dtype, [*info.shape]]


def _node_entry(node: Node, numbers: dict[str, int]) -> list[Any]:
    check_name(node.operator, "an operator")
    inputs = []
    for name in node.inputs:
        if name and name not in numbers:
            raise InvalidArgumentError(
                f"node {node.operator} reads {name!r}, which no input, tensor or node before it is."
            )
        inputs.append(numbers[name] if name else MISSING)
    for i, name in enumerate(node.outputs):
        # An output that nobody wants has no name, but it takes a number.
        _number(numbers, name or f"{len(numbers)}-unnamed-{i}", "an output of a node")
    attributes = {
        check_name(name, "an attribute"): _attribute(value, f"{name} of {node.operator}")
        for name, value in node.attributes.items()
    }
    return [node.operator, inputs, [*node.outputs], attributes]


def _attribute(value: Attribute, where: str) -> Any:
    """ONNX's own kinds: integers and float32."""
    if isinstance(value, list | tuple):
        is_float = any(isinstance(item, float) for item in value)
        return [_attribute(float(item) if is_float else item, where) for item in value]
    if isinstance(value, str):
        return plain(value, where)
    if isinstance(value, bool | int | np.integer):
        return plain(int(value), where)
    if isinstance(value, float | np.floating):
        return float(np.float32(value))
    raise InvalidArgumentError(
        f"{where} must be an int, float, str or tuple of numbers, but got {type(value).__name__}."
    )


def _tensor_entry(tensor: CodedTensor, section: int, blocks: Sequence[EncodedBlock]) -> list[Any]:
    return [
        tensor.name,
        DTYPES.index(tensor.dtype),
        [int(size) for size in tensor.shape],
        FORMATS.index(tensor.format),
        section,
        [[CODERS.index(b.coder), b.symbols, b.bytes, b.width] for b in blocks],
    ]


def operator_set_of(graph: Graph) -> int:
    """The operator set, checked to fit the header."""
    if not 1 <= graph.operator_set < 2**32:
        raise InvalidArgumentError(f"operator_set must be positive, but got {graph.operator_set}.")
    return graph.operator_set
