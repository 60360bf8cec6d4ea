"""Optimal Brain Damage's second derivatives of a whole network.

LeCun, Denker & Solla 1989. `diagonal_by_recursion` runs the network once forward and the recursion
of `functional.second_derivatives` once backward, over the operators in the order in which torch.fx
traces them. Where a value is used twice, the parts are added and their mixed term is dropped, as
the paper drops it everywhere.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from featherweight.errors import InvalidArgumentError
from featherweight.functional import second_derivatives as rules
from featherweight.pruning.target import Calibration

Loss = Literal["cross-entropy", "squared-error"]
_ACTIVATIONS: dict[object, str] = {
    nn.ReLU: "relu", F.relu: "relu", torch.relu: "relu", "relu": "relu",
    nn.Tanh: "tanh", torch.tanh: "tanh", "tanh": "tanh",
    nn.Sigmoid: "sigmoid", torch.sigmoid: "sigmoid", "sigmoid": "sigmoid",
}  # fmt: skip
_ROUTING = (nn.MaxPool2d, nn.Flatten, nn.Dropout, nn.Identity)
_ROUTING_CALLS = {
    F.max_pool2d, torch.flatten, F.dropout, "flatten", "view", "reshape", "contiguous",
}  # fmt: skip
_SUMS = {operator.add, operator.iadd, torch.add, "add"}


def diagonal_by_recursion(
    module: nn.Module,
    calibration: Calibration,
    loss: Loss = "cross-entropy",
    *,
    with_curvature: bool = True,
) -> dict[str, Tensor]:
    """d^2 E / d w^2 of every weight of a linear layer or convolution, E the mean over the samples.

    Args:
        module: linear layers, 2-d convolutions, batch norm, relu, tanh, sigmoid, max and average
            pooling, flatten, dropout, sums; it is run as in evaluation.
        calibration: with `squared-error`, `labels` are targets of the outputs' shape.
        with_curvature: whether the term with f'' is kept; it needs dE/dz as well.

    Returns:
        by parameter name, each of its weight's shape.

    Raises:
        InvalidArgumentError: an operator is not one of these, or torch.fx cannot trace the module.
    """
    was_training = module.training
    module.eval()
    try:
        walk = _Walk(_trace(module), module, with_curvature)
        return walk.run(calibration, loss)
    finally:
        module.train(was_training)


def _trace(module: nn.Module) -> fx.GraphModule:
    try:
        return fx.symbolic_trace(module)
    except (fx.proxy.TraceError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InvalidArgumentError(
            f"the recursion of optimal-brain-damage cannot follow this network ({reason}): "
            "the method hutchinson estimates the same derivatives of any network."
        ) from error


class _Recorder(fx.Interpreter):
    """Runs the graph and keeps every value."""

    values: dict[fx.Node, Any]

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor) and result.requires_grad:
            result.retain_grad()
        self.values[n] = result
        return result


class _Walk:
    """One run forward, and the recursion backward."""

    def __init__(self, traced: fx.GraphModule, module: nn.Module, with_curvature: bool) -> None:
        self.traced, self.module, self.with_curvature = traced, module, with_curvature
        self.values: dict[fx.Node, Any] = {}
        self.found: dict[str, Tensor] = {}

    def run(self, calibration: Calibration, loss: Loss) -> dict[str, Tensor]:
        recorder = _Recorder(self.traced)
        recorder.values = self.values
        outputs = recorder.run(calibration.inputs)
        nodes = list(self.traced.graph.nodes)
        final = nodes[-1].args[0]
        if loss == "cross-entropy":
            error = F.cross_entropy(outputs, calibration.labels, reduction="sum")
            start = rules.cross_entropy_output(outputs.detach())
        else:
            error = 0.5 * (outputs - calibration.labels).square().sum()
            start = rules.squared_error_output(outputs)
        if self.with_curvature:
            error.backward()  # type: ignore[no-untyped-call]
        h: dict[fx.Node, Tensor] = {final: start}
        with torch.no_grad():
            for node in reversed(nodes[:-1]):
                if node in h:
                    for source, part in self._back(node, h.pop(node)):
                        h[source] = h[source] + part if source in h else part
        self.module.zero_grad()
        return {name: value / len(calibration.inputs) for name, value in self.found.items()}

    def _back(self, node: fx.Node, h: Tensor) -> Sequence[tuple[fx.Node, Tensor]]:
        """What a node's inputs receive; weights' derivatives are noted on the way."""
        if node.op == "placeholder":
            return ()
        layer = self.traced.get_submodule(str(node.target)) if node.op == "call_module" else None
        kind = type(layer) if layer is not None else node.target
        if kind in _SUMS:
            terms = [a for a in node.args if isinstance(a, fx.Node)]
            return [(term, h.expand_as(self.values[term])) for term in terms]
        source = cast(fx.Node, node.args[0])
        x = self.values[source].detach()
        if isinstance(layer, nn.Linear | nn.Conv2d):
            return [(source, self._weighted(layer, str(node.target), x, h))]
        return [(source, self._unweighted(node, layer, x, h))]

    def _unweighted(self, node: fx.Node, layer: nn.Module | None, x: Tensor, h: Tensor) -> Tensor:
        kind: Any = type(layer) if layer is not None else node.target
        if kind in _ACTIVATIONS:
            gradient = self.values[node].grad if self.with_curvature else None
            return rules.activation_input(_ACTIVATIONS[kind], x, h, gradient)
        if isinstance(layer, nn.BatchNorm2d):
            return h * _norm_scale(layer).square()[:, None, None]
        call = self._callable(node, layer)
        if isinstance(layer, _ROUTING) or kind in _ROUTING_CALLS:
            return rules.routed(call, x, h)
        if isinstance(layer, nn.AvgPool2d | nn.AdaptiveAvgPool2d):
            return rules.routed(call, x, h, _share(layer, x, self.values[node]))
        raise InvalidArgumentError(
            f"the recursion of optimal-brain-damage has no rule for {_name(kind)} (at {node.name}):"
            " the method hutchinson estimates the same derivatives of any network."
        )

    def _weighted(self, layer: nn.Linear | nn.Conv2d, name: str, x: Tensor, h: Tensor) -> Tensor:
        weight, key = layer.weight.detach(), f"{name}.weight"
        if isinstance(layer, nn.Conv2d) and isinstance(layer.padding, str):
            raise InvalidArgumentError(
                f"the recursion of optimal-brain-damage needs padding as numbers, but {name} has "
                f"padding={layer.padding!r}."
            )
        if isinstance(layer, nn.Linear):
            found, back = rules.linear_weight(x, h), rules.linear_input(weight, h)
        else:
            options: Mapping[str, Any] = {
                "stride": layer.stride, "padding": layer.padding,
                "dilation": layer.dilation, "groups": layer.groups,
            }  # fmt: skip
            found = rules.convolution_weight(x, weight, h, **options)
            back = rules.convolution_input(x, weight, h, **options)
        self.found[key] = self.found[key] + found if key in self.found else found
        return back

    def _callable(self, node: fx.Node, layer: nn.Module | None) -> Callable[[Tensor], Tensor]:
        rest = [self.values[a] if isinstance(a, fx.Node) else a for a in node.args[1:]]
        if layer is not None:
            return layer
        if node.op == "call_method":
            return lambda x: getattr(x, str(node.target))(*rest, **node.kwargs)
        target: Any = node.target
        return lambda x: target(x, *rest, **node.kwargs)


def _norm_scale(layer: nn.BatchNorm2d) -> Tensor:
    variance = layer.running_var
    if variance is None:
        raise InvalidArgumentError(
            "the recursion of optimal-brain-damage needs batch norm with running statistics: "
            "the method hutchinson estimates the same derivatives of any network."
        )
    scale = (variance + layer.eps).rsqrt()
    return scale if layer.weight is None else scale * layer.weight.detach()


def _share(layer: nn.AvgPool2d | nn.AdaptiveAvgPool2d, x: Tensor, y: Tensor) -> float:
    """What one input counts in an average."""
    if isinstance(layer, nn.AvgPool2d):
        size = layer.kernel_size
        return 1.0 / (size * size if isinstance(size, int) else size[0] * size[1])
    return y[0, 0].numel() / x[0, 0].numel()


def _name(kind: object) -> str:
    return getattr(kind, "__name__", str(kind))
