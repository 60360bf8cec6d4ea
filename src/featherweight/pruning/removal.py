"""Remove channels or neurons: what is left is an ordinary module with smaller layers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass
from torch import Tensor, nn

from featherweight.container.graph import Graph
from featherweight.errors import InvalidArgumentError
from featherweight.graph import GraphModule, capture, rebuild
from featherweight.graph.coupling import Attention, Coupler, Mixing, couple, shrink
from featherweight.pruning.channel_groups import Channels, Group, channels_of
from featherweight.pruning.channel_importance import IMPORTANCES, Batches, Question, Scores

Importance = Literal["l1", "l2", "taylor", "activation-zeros", "batch-norm-scale", "random"]


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RemovalConfig:
    """Which channels go, and how many."""

    pruning_ratio: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    """Share of the channels to remove: of each group, or of all with `scope="global"`."""
    structure: Literal["channels", "neurons"] = "channels"
    """Any channels, or only those of layers that are matrices."""
    importance: Importance = "l2"
    scope: Literal["layer", "global"] = "layer"
    layers: Mapping[str, int] = field(default_factory=dict)
    """By layer: how many of its outputs are kept, whatever the ratio."""
    excluded: tuple[str, ...] = ()
    """Layers whose outputs stay."""
    attention: Attention = "dimensions"
    """What goes of attention: the same dimensions of each head, or whole heads."""
    multiple_of: Annotated[int, Field(ge=1)] = 1
    """A group keeps a multiple of so many channels, if it has as many."""
    seed: int = 0
    """Of the importance `random`."""


@dataclass(frozen=True)
class RemovedFrom:
    """What one group of channels lost."""

    layer: str
    coupled: tuple[str, ...]
    """All layers whose outputs these channels are."""
    before: int
    after: int


@dataclass(frozen=True, eq=False)
class Removal:
    """The smaller network, and what was done to it."""

    module: GraphModule
    graph: Graph
    tensors: Mapping[str, Tensor]
    groups: tuple[RemovedFrom, ...]
    kept: Mapping[str, Tensor]
    """By weight of the network as it was: bool, True where an element is still there."""
    mixings: tuple[Mixing, ...]
    """Where the smaller network computes something else than the masked one."""


def remove_channels(
    module: nn.Module, example_input: Tensor, config: RemovalConfig, batches: Batches = ()
) -> Removal:
    """Return `module` without its least important channels; it is left as it is.

    The graph that `module` computes in evaluation mode is made smaller and rebuilt: layers keep
    their names; dropout and auxiliary heads, which that graph has not, are gone.

    Args:
        example_input: [N, C, H, W], to trace the network with.
        batches: pictures and labels, for the importances that look at data.

    Raises:
        InvalidArgumentError: a layer of `config` has no channels that could go; an importance
            needs data and there are none; no channel of the network can go.
        UnsupportedOperatorError: the network uses an operator outside the subset.
    """
    graph, tensors = capture(module, example_input)
    coupler = couple(graph, tensors, attention=config.attention)
    channels = channels_of(coupler, tensors)
    groups = _wanted(channels, coupler, config)
    question = Question(channels, coupler, tensors, batches, config.seed)
    scores = IMPORTANCES[config.importance](question)
    removed = _chosen(groups, scores, config, channels.count)
    return remove(coupler, channels, _viable(coupler, channels, removed, scores))


def remove(coupler: Coupler, channels: Channels, removed: NDArray[np.bool_]) -> Removal:
    """Return the network of `coupler` without the channels that `removed` marks."""
    graph, tensors = shrink(coupler, channels.classes[removed])
    return Removal(
        module=rebuild(graph, tensors),
        graph=graph,
        tensors=tensors,
        groups=tuple(_removed_from(group, removed) for group in channels.groups),
        kept=_kept(coupler, channels, removed),
        mixings=tuple(
            mixing
            for mixing in coupler.mixings
            if np.isin(mixing.ids, channels.classes[removed]).any()
        ),
    )


def _wanted(channels: Channels, coupler: Coupler, config: RemovalConfig) -> list[Group]:
    """The groups that the request speaks of."""
    layers = {layer for group in channels.groups for layer in _layers(group)}
    for name in (*config.layers, *config.excluded):
        if name not in layers:
            raise InvalidArgumentError(
                f"`layers` and `excluded` must name layers with channels that can go, but got "
                f"{name!r}; there are {', '.join(sorted(layers))}."
            )
    excluded = set(config.excluded)
    wanted = [group for group in channels.groups if not excluded.intersection(_layers(group))]
    if config.structure == "neurons":
        wanted = [group for group in wanted if _is_neurons(group, coupler)]
    if not wanted:
        raise InvalidArgumentError(
            f"no {config.structure} of this network can be removed: all of its dimensions are "
            f"fixed by its inputs, its outputs, or operators that need them."
        )
    return wanted


def _layers(group: Group) -> tuple[str, ...]:
    """The layers whose outputs the channels are."""
    names = [place.tensor.rpartition(".")[0] or place.tensor for place in group.outputs]
    return tuple(dict.fromkeys(names))


def _is_neurons(group: Group, coupler: Coupler) -> bool:
    """Whether the channels are made by matrices only."""
    ranks = {coupler.tensors[place.tensor].ndim for place in group.outputs}
    return 2 in ranks and max(ranks) == 2


def _chosen(
    groups: list[Group], scores: Scores, config: RemovalConfig, count: int
) -> NDArray[np.bool_]:
    """The channels to remove: the least important of each group, at least one is kept."""
    removed = np.zeros(count, np.bool_)
    limit = _global_limit(groups, scores, config) if config.scope == "global" else 0.0
    carried = 0.0
    for group in groups:
        known = group.channels[~np.isnan(scores[group.channels])]
        order = known[np.argsort(scores[known], kind="stable")]
        given = [config.layers[layer] for layer in _layers(group) if layer in config.layers]
        if given:
            number = len(group.channels) - min(given)
        elif config.scope == "global":
            number = int((scores[order] < limit).sum())
        else:
            # What rounding leaves over in one group is made up for in the next.
            exact = config.pruning_ratio * len(group.channels) + carried
            number = min(max(0, math.floor(exact + 0.5)), len(group.channels) - 1)
            carried = min(max(exact - number, -1.0), 1.0)
        left = len(group.channels) - min(max(number, 0), len(order))
        left = max(1, left)
        if config.multiple_of > 1 and len(group.channels) >= config.multiple_of:
            left = min(
                len(group.channels), math.ceil(left / config.multiple_of) * config.multiple_of
            )
        removed[order[: len(group.channels) - left]] = True
    return removed


def _global_limit(groups: list[Group], scores: Scores, config: RemovalConfig) -> float:
    """The score below which the wanted share of all channels lies."""
    known = np.sort(np.concatenate([scores[group.channels] for group in groups]))
    known = known[~np.isnan(known)]
    number = round(config.pruning_ratio * len(known))
    return float(known[number]) if number < len(known) else float("inf")


def _viable(
    coupler: Coupler, channels: Channels, removed: NDArray[np.bool_], scores: Scores
) -> NDArray[np.bool_]:
    """Put the best channel back wherever a value or a weight would have none left."""
    number = np.full(len(coupler.atoms), -1)
    number[channels.classes] = np.arange(channels.count)
    removed = removed.copy()
    for dims in coupler.values.values():
        for ids in dims:
            roots = coupler.atoms.free(ids)
            if roots is None or not roots.all():
                continue
            inside = np.unique(number[roots])
            if (inside >= 0).all() and removed[inside].all():
                removed[inside[int(np.argmax(np.nan_to_num(scores[inside])))]] = False
    return removed


def _removed_from(group: Group, removed: NDArray[np.bool_]) -> RemovedFrom:
    gone = int(removed[group.channels].sum())
    layers = _layers(group)
    return RemovedFrom(group.name, layers, len(group.channels), len(group.channels) - gone)


def _kept(coupler: Coupler, channels: Channels, removed: NDArray[np.bool_]) -> dict[str, Tensor]:
    """Which elements of each weight stay: those whose every index stays."""
    kept: dict[str, Tensor] = {}
    for place in channels.places:
        shape = coupler.tensors[place.tensor].shape
        mask = kept.setdefault(place.tensor, torch.ones(shape, dtype=torch.bool))
        gone = np.append(removed, False)[place.channels]
        along = [1] * len(shape)
        along[place.axis] = -1
        kept[place.tensor] = mask & torch.from_numpy(~gone).reshape(along)
    return kept
