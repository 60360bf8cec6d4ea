"""Find what training has taken to zero, and remove it: the smaller network gives the same output.

A channel is dead when all that makes it is zero (filter and bias, or scale and shift of a batch
norm behind it), or when all that reads it is. Activations must map zero to zero for the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from featherweight.container.graph import Graph
from featherweight.errors import FeatherweightError
from featherweight.graph import GraphModule, capture, rebuild
from featherweight.graph.coupling import Coupler, couple
from featherweight.graph.input_selection import select_inputs
from featherweight.pruning.channel_groups import Channels, Place, channels_of
from featherweight.pruning.removal import Removal, remove

_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class DeadRemoval:
    """The network without its dead channels and unread inputs."""

    module: GraphModule
    graph: Graph
    tensors: Mapping[str, Tensor]
    removal: Removal
    inputs: Mapping[str, tuple[int, int]]
    """By layer that reads fixed inputs: how many there were, and how many it still reads."""


def remove_dead_channels(module: nn.Module, example_input: Tensor) -> DeadRemoval:
    """Return `module` without dead channels; layers at the input read only the inputs they use.

    Raises:
        FeatherweightError: the smaller network gives another output, because an activation does
            not map zero to zero.
    """
    graph, tensors = capture(module, example_input)
    coupler = couple(graph, tensors)
    channels = channels_of(coupler, tensors)
    removed = dead(coupler, channels, tensors)
    removal = remove(coupler, channels, _one_left(channels, removed))
    small, left, inputs = select_inputs(removal.graph, removal.tensors)
    result = rebuild(small, left)
    _verify(rebuild(graph, tensors), result, example_input)
    return DeadRemoval(result, small, left, removal, inputs)


def dead(coupler: Coupler, channels: Channels, tensors: Mapping[str, Tensor]) -> NDArray[np.bool_]:
    """Return which channels are dead, by number."""
    statistics, gates = _batch_norms(coupler)
    made = np.ones(channels.count, np.bool_)
    is_read = np.zeros(channels.count, np.bool_)
    has_readers = np.zeros(channels.count, np.bool_)
    closed = np.zeros(channels.count, np.bool_)
    for place in channels.places:
        if place.tensor in statistics:
            continue
        live = _live(place, tensors[place.tensor])
        inside = place.channels >= 0
        numbers = place.channels[inside]
        if place.axis == 0:
            made[numbers[live[inside]]] = False
            if place.tensor in gates:
                shift = gates[place.tensor]
                both = ~live & ~_live(place, tensors[shift])
                closed[numbers[both[inside]]] = True
        else:
            has_readers[numbers] = True
            is_read[numbers[live[inside]]] = True
    return made | closed | (has_readers & ~is_read)


def _live(place: Place, tensor: Tensor) -> NDArray[np.bool_]:
    """Which indices of a dimension have an element that is not zero."""
    rows = tensor.detach().movedim(place.axis, 0).reshape(tensor.shape[place.axis], -1)
    return (rows != 0).any(1).cpu().numpy()


def _batch_norms(coupler: Coupler) -> tuple[set[str], dict[str, str]]:
    """The running statistics, and the shift that belongs to each scale."""
    nodes = [n for n in coupler.graph.nodes if n.operator == "BatchNormalization"]
    statistics = {name for node in nodes for name in node.inputs[3:5]}
    return statistics, {node.inputs[1]: node.inputs[2] for node in nodes}


def _one_left(channels: Channels, removed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    result = removed.copy()
    for place in channels.places:
        numbers = place.channels
        if (numbers >= 0).all() and result[numbers].all():
            result[numbers[0]] = False
    return result


def _verify(before: nn.Module, after: nn.Module, example: Tensor) -> None:
    with torch.no_grad():
        expected, found = before(example), after(example)
    error = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-12))
    if error > _TOLERANCE:
        raise FeatherweightError(
            f"the network without its dead channels must give the same output, but differs by "
            f"{error:.2g}: an activation does not map zero to zero."
        )
