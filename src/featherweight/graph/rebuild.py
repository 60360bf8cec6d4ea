"""A stored graph becomes a torch module again, without the class it was captured from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from featherweight.container.graph import Graph, Network, Node
from featherweight.errors import FormatError, InvalidArgumentError
from featherweight.graph.draft import Draft
from featherweight.graph.evaluation import Value, as_numbers, evaluate
from featherweight.graph.fusion import FUSED, fuse
from featherweight.graph.layers import LayerUse, build_layer, layer_use
from featherweight.graph.operators import OPERATORS, Operator


@dataclass(frozen=True)
class _Reference:
    """A value of the graph by name; `stored` if it is one of the module's own tensors."""

    name: str
    stored: bool


@dataclass(frozen=True)
class _Step:
    """One operator to run: by the layer at `layer`, or by `run`; then drop what is done with."""

    layer: str
    run: Callable[..., Any] | None
    arguments: tuple[Any, ...]
    attributes: Mapping[str, Any]
    outputs: tuple[str, ...]
    finished: tuple[str, ...]


class GraphModule(nn.Module):
    """The network that a graph describes, with the graph's tensors as parameters and buffers.

    `state_dict()` has the names of the stored tensors. A node whose tensors belong together is a
    real `nn.Linear`, `nn.Conv*`, `nn.BatchNorm*` or `nn.LayerNorm` at the path that their names
    say; every other weight is a parameter of a plain module at its path.
    """

    def __init__(self, graph: Graph, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        values = value_shapes(graph, tensors)
        nodes = fuse(graph, values)
        layers = _layers(nodes, tensors, values)
        inside = {name for use in layers.values() for name in use.tensors}
        for path in sorted(layers, key=lambda path: (path.count("."), path)):
            _place(self, path, build_layer(layers[path], tensors))
        self._graph = graph
        self._steps = tuple(_steps(nodes, tensors, layers, values, graph))
        for step in self._steps:
            for argument in step.arguments:
                is_stored = isinstance(argument, _Reference) and argument.stored
                if is_stored and argument.name not in inside:
                    _register(self, argument.name, tensors[argument.name])
                    inside.add(argument.name)

    def forward(self, *inputs: Tensor) -> Any:
        """Run the graph on one tensor for each of its inputs; several outputs are a tuple."""
        names = [info.name for info in self._graph.inputs]
        if len(inputs) != len(names):
            raise InvalidArgumentError(
                f"the network takes {len(names)} inputs ({', '.join(names)}), "
                f"but got {len(inputs)}."
            )
        values: dict[str, Any] = dict(zip(names, inputs, strict=True))
        for step in self._steps:
            arguments = [self._resolve(argument, values) for argument in step.arguments]
            if step.run is None:
                result = self.get_submodule(step.layer)(*arguments)
            else:
                result = step.run(*arguments, **step.attributes)
            if len(step.outputs) == 1:
                values[step.outputs[0]] = result
            else:
                values.update(zip(step.outputs, result, strict=True))
            for name in step.finished:
                values.pop(name, None)
        outputs = tuple(values[info.name] for info in self._graph.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def _resolve(self, argument: Any, values: Mapping[str, Any]) -> Any:
        if not isinstance(argument, _Reference):
            return argument
        if not argument.stored:
            return values[argument.name]
        path, _, name = argument.name.rpartition(".")
        return getattr(self.get_submodule(path), name)


def rebuild(graph: Graph, tensors: Mapping[str, NDArray[np.generic] | Tensor]) -> GraphModule:
    """Return a trainable module that computes `graph` with a copy of `tensors`, in evaluation mode.

    Raises:
        UnsupportedOperatorError: an operator that is not in the subset.
        FormatError: the graph reads a tensor or a value that is not there.
    """
    copies = {
        name: tensor.detach().clone()
        if isinstance(tensor, Tensor)
        else torch.from_numpy(np.array(tensor))
        for name, tensor in tensors.items()
    }
    known = {info.name for info in graph.inputs} | set(copies) | {""}
    for node in graph.nodes:
        missing = set(node.inputs) - known
        if missing:
            raise FormatError(
                f"node {node.operator} reads {sorted(missing)[0]!r}, but no tensor, input or "
                f"earlier node has that name."
            )
        known.update(node.outputs)
    return GraphModule(graph, copies).eval()


def rebuild_network(network: Network) -> GraphModule:
    """The same of a whole network, its tensors decoded."""
    return rebuild(network.graph, {name: t.dense() for name, t in network.tensors.items()})


def value_shapes(graph: Graph, tensors: Mapping[str, Tensor]) -> dict[str, Value]:
    """Return every value of `graph`, at a batch of two, as a tensor without its data."""
    draft = Draft(
        inputs=graph.inputs,
        outputs=tuple(info.name for info in graph.outputs),
        nodes=list(graph.nodes),
        tensors=dict(tensors),
        named=set(tensors),
        weights=set(),
        operator_set=graph.operator_set,
        layers={node.outputs[0]: _path(node) for node in graph.nodes},
    )
    symbols = {size for info in graph.inputs for size in info.shape if isinstance(size, str)}
    return evaluate(draft, dict.fromkeys(symbols, 2), fold=False)


def _path(node: Node) -> str:
    weights = [name for name in node.inputs if "." in name]
    return weights[0].rpartition(".")[0] if weights else node.outputs[0]


def _layers(
    nodes: Iterable[Node], tensors: Mapping[str, Tensor], values: Mapping[str, Value]
) -> dict[str, LayerUse]:
    """Return the layer at each path; where nodes disagree, the one with the most tensors."""
    layers: dict[str, LayerUse] = {}
    for node in nodes:
        use = layer_use(node, tensors, _rank(node, values))
        if use and len(use.tensors) > len(getattr(layers.get(use.path), "tensors", ())):
            layers[use.path] = use
    return layers


def _rank(node: Node, values: Mapping[str, Value]) -> int:
    """Return the rank of the node's input; 0 if it is made by `fuse`."""
    return getattr(values.get(node.inputs[0]), "ndim", 0) if node.inputs else 0


def _steps(
    nodes: list[Node], tensors: Mapping[str, Tensor], layers: Mapping[str, LayerUse],
    values: Mapping[str, Value], graph: Graph,
) -> Iterable[_Step]:  # fmt: skip
    last_use = {name: i for i, node in enumerate(nodes) for name in node.inputs}
    outputs = {info.name for info in graph.outputs}
    sizes: set[str] = set()
    for i, node in enumerate(nodes):
        finished = tuple(
            name for name in dict.fromkeys(node.inputs)
            if name not in outputs and name not in tensors and last_use[name] == i
        )  # fmt: skip
        use = layer_use(node, tensors, _rank(node, values))
        if use and layers.get(use.path) == use:
            source = _Reference(node.inputs[0], stored=node.inputs[0] in tensors)
            yield _Step(use.path, None, (source,), {}, node.outputs, finished)
            continue
        operator = FUSED.get(node.operator) or OPERATORS[node.operator]
        if sizes.intersection(node.inputs) and node.operator == "Concat":
            operator = _CONCAT_OF_SIZES
        if node.operator == "Shape" or operator is _CONCAT_OF_SIZES:
            sizes.update(node.outputs)
        arguments = tuple(
            _argument(operator, index, name, tensors) for index, name in enumerate(node.inputs)
        )
        yield _Step("", operator.run, arguments, node.attributes, node.outputs, finished)


def _argument(operator: Operator, index: int, name: str, tensors: Mapping[str, Tensor]) -> Any:
    if name in tensors and operator.is_static(index, tensors[name].ndim):
        return as_numbers(tensors[name])
    return _Reference(name, stored=name in tensors) if name else None


def _concat_sizes(*parts: tuple[int, ...], axis: int = 0) -> tuple[int, ...]:
    return tuple(size for part in parts for size in part)


# Sizes of the input are tuples, not tensors, so that they stay symbolic under torch.export.
_CONCAT_OF_SIZES = Operator(_concat_sizes, static=tuple(range(64)))


def _place(root: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    with _clash_named(path):
        _submodule(root, parent).add_module(name, layer)


def _submodule(root: nn.Module, path: str) -> nn.Module:
    for part in path.split(".") if path else ():
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    return root


def _register(root: nn.Module, name: str, tensor: Tensor) -> None:
    """Weights become parameters; integers and constants (their names are numbers) buffers."""
    path, _, leaf = name.rpartition(".")
    is_statistic = leaf in ("running_mean", "running_var")
    with _clash_named(name):
        parent = _submodule(root, path)
        if tensor.is_floating_point() and not name.isdigit() and not is_statistic:
            parent.register_parameter(leaf, nn.Parameter(tensor))
        else:
            parent.register_buffer(leaf, tensor)


@contextmanager
def _clash_named(name: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise FormatError(f"{name!r} cannot be the name of a tensor in torch: {error}.") from error
