"""The steps between binary units, put into the order that their papers ask for.

What an ordinary network does between two layers is norm, ReLU, pool. After the layers have become
units, some of it is left over, or harmful:

| unit | taken out | why |
|---|---|---|
| xnor | norm and ReLU between two units | the next unit's norm and sign do both, after the pool |
| bi-real | a norm straight behind a unit | the unit has its own |
| bi-real | a ReLU in front of a unit | the sign of what is never negative is always +1 |
| bi-real with RPReLU | a ReLU straight behind a unit | the unit has its own |

It reads the network's order of calls by torch.fx; a forward pass that depends on its data cannot be
read so.
"""

import operator
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from featherweight.nn import BinaryLayer, BiRealUnit, Grouped, XnorUnit

_RELU_MODULES = (nn.ReLU, nn.ReLU6)
_NORM_MODULES = (nn.BatchNorm1d, nn.BatchNorm2d)
_PASSING_MODULES = (
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Dropout, nn.Dropout2d, nn.Flatten,
    nn.Identity,
)  # fmt: skip
_RELU_CALLS = (F.relu, F.relu6, torch.relu, "relu")
_PASSING_CALLS = (F.max_pool2d, F.avg_pool2d, F.dropout, torch.flatten, "flatten")
_ADDING_CALLS = (operator.add, operator.iadd, torch.add, "add", "add_")


class _Tracer(fx.Tracer):
    """Sees each layer as one call."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_ours = isinstance(m, XnorUnit | BiRealUnit | BinaryLayer | Grouped)
        return is_ours or super().is_leaf_module(m, module_qualified_name)


def read_calls(module: nn.Module) -> fx.GraphModule | None:
    """The network as its order of calls; None where that depends on the data."""
    tracer = _Tracer()
    try:
        graph = tracer.trace(module)
    except (fx.proxy.TraceError, TypeError, ValueError, RuntimeError, LookupError):
        return None
    return fx.GraphModule(tracer.root, graph)


class Calls:
    """The calls of a network, and what stands before and behind each."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.layers = dict(module.named_modules())

    def to(self, names: Iterable[str]) -> list[fx.Node]:
        """The calls of the layers with these names."""
        wanted = set(names)
        nodes = self.module.graph.nodes
        return [node for node in nodes if node.op == "call_module" and node.target in wanted]

    def order(self) -> list[str]:
        """The names of the modules in the order in which they are called."""
        nodes = self.module.graph.nodes
        return [str(node.target) for node in nodes if node.op == "call_module"]

    def calls(self, node: fx.Node, modules: tuple[type, ...], functions: tuple[Any, ...]) -> bool:
        """Whether the node is a call of one of these."""
        if node.op == "call_module":
            return isinstance(self.layers[str(node.target)], modules)
        return node.target in functions

    def is_relu(self, node: fx.Node) -> bool:
        return self.calls(node, _RELU_MODULES, _RELU_CALLS)

    def is_norm(self, node: fx.Node) -> bool:
        return self.calls(node, _NORM_MODULES, ())

    def is_passing(self, node: fx.Node) -> bool:
        return self.calls(node, _PASSING_MODULES, _PASSING_CALLS)

    def is_added(self, node: fx.Node) -> bool:
        """Whether it goes, perhaps through a norm, into a sum."""
        users = list(node.users)
        if len(users) == 1 and self.is_norm(users[0]):
            return self.is_added(users[0])
        return any(user.target in _ADDING_CALLS for user in users)

    def is_normed(self, node: fx.Node) -> bool:
        """Whether a norm alone reads it."""
        return len(node.users) == 1 and self.is_norm(next(iter(node.users)))

    def erase(self, nodes: Iterable[fx.Node]) -> None:
        """Take the nodes out: their users read what they read."""
        for node in nodes:
            node.replace_all_uses_with(node.args[0])  # type: ignore[arg-type]
            self.module.graph.erase_node(node)
        self.module.graph.lint()
        self.module.recompile()
        self.module.delete_all_unused_submodules()


def rewire_xnor(calls: Calls, units: Iterable[str]) -> None:
    """Between two units that only follow each other: unit, pool, unit."""
    nodes = calls.to(units)
    found: dict[fx.Node, None] = {}
    for node in nodes:
        between: list[fx.Node] = []
        before = _before(node)
        while before is not None and len(before.users) == 1 and before not in nodes:
            if calls.is_relu(before) or calls.is_norm(before):
                between.append(before)
            elif not calls.is_passing(before):
                break
            before = _before(before)
        if before in nodes and len(before.users) == 1:
            found.update(dict.fromkeys(between))
    calls.erase(found)


def rewire_bi_real(calls: Calls, units: Iterable[str], *, has_rprelu: bool) -> None:
    """No norm behind a unit; no ReLU in front of one, nor behind one that has RPReLU."""
    nodes = calls.to(units)
    calls.erase(_straight_behind(nodes, calls.is_norm))
    found: dict[fx.Node, None] = {}
    for node in nodes:
        before = _before(node)
        while before is not None and before not in nodes:
            if calls.is_relu(before):
                found[before] = None
            elif not calls.is_passing(before):
                break
            before = _before(before)
    if has_rprelu:
        found.update(dict.fromkeys(_straight_behind(nodes, calls.is_relu)))
    calls.erase(found)


def _straight_behind(nodes: Iterable[fx.Node], kind: Callable[[fx.Node], bool]) -> list[fx.Node]:
    behind = [next(iter(node.users)) for node in nodes if len(node.users) == 1]
    return [node for node in behind if kind(node)]


def _before(node: fx.Node) -> fx.Node | None:
    return node.args[0] if node.args and isinstance(node.args[0], fx.Node) else None
