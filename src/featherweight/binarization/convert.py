"""binarize(module, scheme): an ordinary network with binary layers in place of its own.

The first and the last layer stay real by default, as in all the papers: the first sees few
channels of real pixels, the last gives the logits, and both have few weights in most networks.
"""

import copy
from collections.abc import Sequence

from torch import nn

from featherweight.binarization.layers import (
    binary_unit,
    can_be_binary,
    is_projection,
    keeps_shape,
    normed,
)
from featherweight.binarization.rewiring import Calls, read_calls, rewire_bi_real, rewire_xnor
from featherweight.binarization.schemes import Scheme, find_scheme
from featherweight.errors import InvalidArgumentError
from featherweight.nn import BinaryLayer


def binarize(
    module: nn.Module,
    scheme: str | Scheme = "xnor",
    layers: Sequence[str] | None = None,
    *,
    keep_first_last: bool = True,
    norms: bool = False,
) -> nn.Module:
    """A copy of `module` whose inner layers are binary; their real weights are what it had.

    Convolutions with zero padding and Linear layers are replaced; grouped ones up to 8 groups
    become one layer a group. A depthwise convolution stays real, and with a Bi-Real scheme a 1x1
    convolution with a stride, which fits a shortcut. XNOR and Bi-Real units also change the order
    of the steps between them (`rewiring`); an XNOR network whose calls cannot be read keeps its
    order.

    Args:
        module: may have binary layers already; those stay as they are.
        scheme: see `schemes.SCHEMES`; "binary-connect" gives the layers of "bwn".
        layers: the names of those to replace; None: all that `binary_candidates` gives.
        keep_first_last: without `layers`, whether the first and the last one stay real.
        norms: for "bwn", put a batch-norm behind a layer that has none: training binary weights
            needs it, and it folds away after (`fold_norms`).

    Raises:
        InvalidArgumentError: there is no such scheme, no layer to replace, one of `layers` has no
            binary form, or, for a Bi-Real
            scheme, the order of the calls depends on the data.
    """
    chosen = scheme if isinstance(scheme, Scheme) else find_scheme(scheme)
    network = copy.deepcopy(module)
    names = list(layers or ())
    if layers is None:
        names = binary_candidates(network, chosen, keep_first_last=keep_first_last)
    known = binary_candidates(network, chosen, keep_first_last=False)
    if not names or not set(names) <= set(known):
        raise InvalidArgumentError(
            f"the layers to make binary must be some of {', '.join(known) or 'none'}, "
            f"but got {', '.join(names) or 'none'} with keep_first_last={keep_first_last}."
        )
    before = read_calls(network)
    if chosen.unit == "bi-real" and before is None:
        raise InvalidArgumentError(
            f"scheme {chosen.name!r} must take ReLUs out of the network, "
            f"but the order of its calls depends on the data; scheme 'xnor' does without."
        )
    added, is_normed = set[str](), set[str](names)
    if before is not None:
        calls = Calls(before)
        nodes = calls.to(names)
        added = {str(node.target) for node in nodes if calls.is_added(node)}
        is_normed = {str(node.target) for node in nodes if calls.is_normed(node)}
    for name in names:
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        unit = binary_unit(
            layer, chosen, shortcut=keeps_shape(layer) and name not in added,
            norm=norms and name not in is_normed,
        )  # fmt: skip
        network.set_submodule(name, unit.to(layer.weight.device).train(module.training))
    return _rewired(network, chosen, names)


def with_norms(module: nn.Module, layers: Sequence[str]) -> nn.Module:
    """A copy with a batch-norm behind each of these layers that has none; they stay ordinary."""
    network = copy.deepcopy(module)
    traced = read_calls(network)
    if traced is None:
        return network
    calls = Calls(traced)
    for node in calls.to(layers):
        layer = network.get_submodule(str(node.target))
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        if not calls.is_normed(node):
            unit = normed(layer).to(layer.weight.device).train(module.training)
            network.set_submodule(str(node.target), unit)
    return network


def binary_candidates(
    module: nn.Module, scheme: str | Scheme, *, keep_first_last: bool = True
) -> list[str]:
    """The names of the layers that `binarize` replaces, in the order in which they are called."""
    chosen = scheme if isinstance(scheme, Scheme) else find_scheme(scheme)
    layers = [
        name for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]  # fmt: skip
    traced = read_calls(module)
    if traced is not None:
        called = list(dict.fromkeys(Calls(traced).order()))
        layers = [name for name in called if name in set(layers)]
    kept = {layers[0], layers[-1]} if keep_first_last and layers else set()
    found = []
    for name in layers:
        layer = module.get_submodule(name)
        is_left = chosen.unit == "bi-real" and is_projection(layer)
        if name not in kept and can_be_binary(layer) and not is_left:
            found.append(name)
    return found


def binary_layers(module: nn.Module) -> dict[str, nn.Module]:
    """The binary layers of a network, by name."""
    named = module.named_modules()
    return {name: layer for name, layer in named if isinstance(layer, BinaryLayer)}


def _rewired(network: nn.Module, scheme: Scheme, names: list[str]) -> nn.Module:
    if scheme.unit == "layer":
        return network
    traced = read_calls(network)
    if traced is None:
        return network
    if scheme.unit == "xnor":
        rewire_xnor(Calls(traced), names)
    else:
        rewire_bi_real(Calls(traced), names, has_rprelu=scheme.learned_shift)
    return traced.train(network.training)
