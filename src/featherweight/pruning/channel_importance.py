"""How much each channel matters, by rules that the user can choose from.

Every rule adds over all that a channel occupies: the filter that makes it, and the columns that
read it (the groups of DepGraph, arXiv 2301.12900). A channel that a rule says nothing of has NaN.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from featherweight.container.graph import ValueInfo
from featherweight.errors import InvalidArgumentError
from featherweight.graph import rebuild
from featherweight.graph.coupling import Coupler
from featherweight.pruning.channel_groups import Channels, Place

Scores = NDArray[np.float64]
Batches = Sequence[tuple[Tensor, Tensor]]
"""Pictures [N, C, H, W] and their labels [N]."""


@dataclass(frozen=True, eq=False)
class Question:
    """What a rule is asked: these channels of this network, with data if there are any."""

    channels: Channels
    coupler: Coupler
    tensors: Mapping[str, Tensor]
    batches: Batches = ()
    seed: int = 0


def l1_norm(question: Question) -> Scores:
    """Sum of the absolute weights that would go (Li et al. 2017, arXiv 1608.08710)."""
    return _sum_over(question, lambda _, weight: weight.abs())


def l2_norm(question: Question) -> Scores:
    """Root of the sum of the squared weights that would go."""
    return np.sqrt(_sum_over(question, lambda _, weight: weight.square()))


def taylor(question: Question) -> Scores:
    """|sum of weight times gradient|: the first-order change of the loss when a channel goes.

    Molchanov et al. 2017, arXiv 1611.06440, in the form for weights of arXiv 1906.10771.
    """
    gradients = _gradients(question)

    def products(name: str, weight: Tensor) -> Tensor:
        return weight * gradients.get(name, torch.zeros_like(weight))

    # Only the weights that make a channel: those that read it say the same once more.
    return np.abs(_sum_over(question, products, places=_outputs(question)))


def activation_zeros(question: Question) -> Scores:
    """Share of a channel's activations, after rectifiers, that are not zero.

    APoZ of Hu et al. 2016, arXiv 1607.03250, the other way round: the most important is largest.
    """
    graph = question.coupler.graph
    names = [n.outputs[0] for n in graph.nodes if n.operator in ("Relu", "Clip")]
    infos = tuple(ValueInfo(name, "float32", ()) for name in names)
    module = rebuild(replace(graph, outputs=infos), question.tensors)
    totals, counts = np.zeros(question.channels.count), np.zeros(question.channels.count)
    with torch.no_grad():
        for images, _ in _needed(question.batches, "activation-zeros"):
            found = module(images)
            values = found if isinstance(found, tuple) else (found,)
            for name, value in zip(names, values, strict=True):
                for place in _places_of_value(question, name):
                    live = (value != 0).double().movedim(place.axis, 0).flatten(1).mean(1)
                    _add(totals, counts, place, live.numpy())
    return _mean(totals, counts)


def batch_norm_scale(question: Question) -> Scores:
    """|gamma| of the batch norms a channel passes (Liu et al. 2017, arXiv 1708.06519)."""
    scales = {
        node.inputs[1]
        for node in question.coupler.graph.nodes
        if node.operator == "BatchNormalization"
    }
    totals, counts = np.zeros(question.channels.count), np.zeros(question.channels.count)
    for place in question.channels.places:
        if place.tensor in scales:
            values = question.tensors[place.tensor].detach().abs().double().numpy()
            _add(totals, counts, place, values)
    return _mean(totals, counts)


def random_score(question: Question) -> Scores:
    """A number by chance: the baseline."""
    return np.random.default_rng(question.seed).random(question.channels.count)


IMPORTANCES: Mapping[str, Callable[[Question], Scores]] = {
    "l1": l1_norm,
    "l2": l2_norm,
    "taylor": taylor,
    "activation-zeros": activation_zeros,
    "batch-norm-scale": batch_norm_scale,
    "random": random_score,
}
NEEDS_DATA = frozenset({"taylor", "activation-zeros"})


def _sum_over(
    question: Question,
    value: Callable[[str, Tensor], Tensor],
    places: Iterable[Place] | None = None,
) -> Scores:
    totals = np.zeros(question.channels.count)
    for place in question.channels.places if places is None else places:
        weight = question.tensors[place.tensor].detach()
        if weight.ndim > 1:
            sums = value(place.tensor, weight).double().movedim(place.axis, 0).flatten(1).sum(1)
            _add(totals, None, place, sums.cpu().numpy())
    return totals


def _outputs(question: Question) -> list[Place]:
    return [place for place in question.channels.places if place.axis == 0]


def _add(totals: Scores, counts: Scores | None, place: Place, values: Scores) -> None:
    inside = place.channels >= 0
    np.add.at(totals, place.channels[inside], values[inside])
    if counts is not None:
        np.add.at(counts, place.channels[inside], 1)


def _mean(totals: Scores, counts: Scores) -> Scores:
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def _places_of_value(question: Question, name: str) -> list[Place]:
    places, classes = [], question.channels.classes
    for axis, ids in enumerate(question.coupler.values[name]):
        roots = question.coupler.atoms.free(ids)
        if roots is not None:
            numbers = np.minimum(np.searchsorted(classes, roots), len(classes) - 1)
            places.append(Place(name, axis, np.where(classes[numbers] == roots, numbers, -1)))
    return places


def _gradients(question: Question) -> dict[str, Tensor]:
    """The mean gradient of the cross-entropy over the batches, by parameter."""
    module: nn.Module = rebuild(question.coupler.graph, question.tensors)
    batches = _needed(question.batches, "taylor")
    for images, labels in batches:
        loss = functional.cross_entropy(module(images), labels) / len(batches)
        torch.autograd.backward(loss)
    return {
        name: parameter.grad
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }


def _needed(batches: Batches, rule: str) -> Batches:
    if not batches:
        raise InvalidArgumentError(f"the importance {rule!r} needs data, but `batches` is empty.")
    return batches
