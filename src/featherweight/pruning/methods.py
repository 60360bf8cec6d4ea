"""Every method of pruning weights: what it asks for, and how it decides.

To add one: write its score in `functional/`, a function from a `Request` to scores here, and a
`Method` in the table; the conformance tests then run on it.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from featherweight.functional import saliency
from featherweight.pruning.choosing import masks_from_scores
from featherweight.pruning.hutchinson import diagonal_by_hutchinson
from featherweight.pruning.layer_inputs import evaluating
from featherweight.pruning.optimal_brain_damage import diagonal_by_recursion
from featherweight.pruning.registry import Amount, Method, Needs, register
from featherweight.pruning.second_order import prune_second_order
from featherweight.pruning.target import Calibration, Decision, Request

Scores = Callable[[Request], dict[str, Tensor]]


def by_score(scores: Scores) -> Callable[[Request], Decision]:
    """A method that keeps what scores highest."""
    return lambda request: Decision(masks_from_scores(request, scores(request)))


def by_weight(score: Callable[[Tensor], Tensor]) -> Callable[[Request], Decision]:
    """A method whose score looks at the weight alone."""
    return by_score(
        lambda request: {name: score(request.weight(name).detach()) for name in request.targets}
    )


def _zeros(request: Request) -> Decision:
    return Decision({name: request.weight(name).detach() != 0 for name in request.targets})


def _random(request: Request) -> dict[str, Tensor]:
    return {
        name: saliency.random_score(request.weight(name), name, request.seed)
        for name in request.targets
    }


def _saliencies(request: Request, derivatives: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: saliency.brain_damage_saliency(request.weight(name).detach(), derivatives[name])
        for name in request.targets
    }


def _brain_damage(request: Request) -> dict[str, Tensor]:
    # Without f'' every derivative is positive, so that none stands for a gain by removal.
    derivatives = diagonal_by_recursion(request.module, request.pictures(), with_curvature=False)
    return _saliencies(request, derivatives)


def _hutchinson(request: Request) -> dict[str, Tensor]:
    derivatives = diagonal_by_hutchinson(request.module, request.pictures(), seed=request.seed)
    return _saliencies(request, derivatives)


def _movement(request: Request) -> dict[str, Tensor]:
    """The sums of training so far; without, the one gradient on calibration pictures."""
    if request.movement:
        return {name: request.movement[name] for name in request.targets}
    gradients = _gradients(request, request.pictures())
    return {
        name: saliency.movement_score(request.weight(name).detach(), gradient)
        for name, gradient in gradients.items()
    }


def _gradients(request: Request, calibration: Calibration) -> dict[str, Tensor]:
    with evaluating(request.module), torch.enable_grad():
        outputs = request.module(calibration.inputs)
        loss = functional.cross_entropy(outputs, calibration.labels)
        weights = [request.weight(name) for name in request.targets]
        found = torch.autograd.grad(loss, weights)
    return dict(zip(request.targets, found, strict=True))


for _method in (
    Method(
        "zeros", _zeros, Needs.NOTHING, amount=Amount.NONE,
        summary="weights that are zero already, and no others",
    ),
    Method(
        "threshold", by_weight(saliency.standardised_score), Needs.NOTHING, is_global=True,
        summary="one threshold for all layers, in standard deviations of each layer's weights",
        source="arXiv 1506.02626",
    ),
    Method(
        "magnitude", by_weight(saliency.magnitude_score), Needs.NOTHING,
        summary="the smallest weights", source="arXiv 1506.02626",
    ),
    Method(
        "random", by_score(_random), Needs.NOTHING,
        summary="any weights: what every other method has to beat",
    ),
    Method(
        "movement", by_score(_movement), Needs.CLASSES,
        summary="weights that training moves towards zero", source="arXiv 2005.07683",
    ),
    Method(
        "optimal-brain-damage", by_score(_brain_damage), Needs.CLASSES,
        summary="weights of least h w^2 / 2, h by back-propagation",
        source="LeCun, Denker & Solla 1989",
    ),
    Method(
        "hutchinson", by_score(_hutchinson), Needs.CLASSES,
        summary="the same with h estimated from random signs, for any network",
        source="arXiv 2006.00719",
    ),
    Method(
        "second-order", lambda request: prune_second_order(request, request.pictures()),
        Needs.PICTURES, moves_weights=True,
        summary="weights whose loss the others make up for best; these are moved",
        source="arXiv 2208.11580, 2301.00774",
    ),
):  # fmt: skip
    register(_method)
