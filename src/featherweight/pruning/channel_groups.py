"""The channels of a network: what is removed as one, and which of them stand in for each other.

A channel is a class of tied indices (`graph.coupling`): rows, columns, filters, batch-norm entries
that go together. Channels that occupy the same dimensions of the same weights form a group, such as
the outputs of one layer, or of all layers that one residual sum adds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from featherweight.graph.coupling import Coupler, is_constant

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Place:
    """One dimension of one weight, and the channel at each of its indices (-1: none)."""

    tensor: str
    axis: int
    channels: Ids


@dataclass(frozen=True, eq=False)
class Group:
    """Channels of which any may go. Named after the first layer whose output they are."""

    name: str
    channels: Ids
    places: tuple[Place, ...]

    @property
    def outputs(self) -> list[Place]:
        """Where the channels are outputs of a layer: the first dimension of its weight."""
        return [place for place in self.places if place.axis == 0]


@dataclass(frozen=True, eq=False)
class Channels:
    """All channels of a network, numbered from 0."""

    count: int
    classes: Ids
    """The class of atoms of each channel."""
    places: tuple[Place, ...]
    groups: tuple[Group, ...]


def channels_of(coupler: Coupler, tensors: Mapping[str, Tensor]) -> Channels:
    """Return the channels of a coupled graph; what is fixed is not among them."""
    found: list[tuple[str, int, Ids]] = []
    for name, dims in coupler.values.items():
        if name in tensors and not is_constant(name):
            for axis, ids in enumerate(dims):
                roots = coupler.atoms.free(ids)
                if roots is not None:
                    found.append((name, axis, roots))
    if not found:
        return Channels(0, np.zeros(0, np.int64), (), ())
    classes = np.unique(np.concatenate([roots for *_, roots in found]))
    classes = classes[classes != 0]
    places = []
    for name, axis, roots in found:
        numbers = np.searchsorted(classes, roots)
        places.append(Place(name, axis, np.where(roots == 0, -1, numbers)))
    return Channels(len(classes), classes, tuple(places), _groups(places, tensors, len(classes)))


def _groups(places: list[Place], tensors: Mapping[str, Tensor], count: int) -> tuple[Group, ...]:
    occupied: list[list[int]] = [[] for _ in range(count)]
    for number, place in enumerate(places):
        for channel in np.unique(place.channels[place.channels >= 0]).tolist():
            occupied[channel].append(number)
    members: dict[tuple[int, ...], list[int]] = {}
    for channel, numbers in enumerate(occupied):
        members.setdefault(tuple(numbers), []).append(channel)
    return tuple(
        Group(_name([places[n] for n in numbers], tensors), np.array(inside), tuple(
            places[n] for n in numbers
        ))
        for numbers, inside in members.items()
    )  # fmt: skip


def _name(places: list[Place], tensors: Mapping[str, Tensor]) -> str:
    """The layer of the first weight matrix or filter bank whose outputs these are."""
    outputs = [p.tensor for p in places if p.axis == 0 and tensors[p.tensor].ndim > 1]
    first = (outputs or [place.tensor for place in places])[0]
    return first.rpartition(".")[0] or first
