"""From scores to masks: by tensor or over all tensors, in a pattern, inside of earlier masks."""

from collections.abc import Mapping

import torch
from torch import Tensor

from featherweight.functional.patterns import unstructured_mask
from featherweight.functional.pruning import threshold_mask
from featherweight.pruning.target import Request

_DEAD = -float("inf")


def masks_from_scores(request: Request, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The masks of what scores highest, by parameter name."""
    alive = {
        name: request.alive.get(name, torch.ones_like(score, dtype=torch.bool))
        for name, score in scores.items()
    }
    ranked = {name: score.masked_fill(~alive[name], _DEAD) for name, score in scores.items()}
    chosen = {}
    if request.is_global:
        chosen = _over_all(request, ranked)
    for name, score in ranked.items():
        if name not in chosen:
            chosen[name] = request.targets[name].pattern.mask(score, request.densities[name])
    return {name: mask & alive[name] for name, mask in chosen.items()}


def masks_above_quality(request: Request) -> dict[str, Tensor]:
    """The masks of the targets that state a threshold in standard deviations, not a density."""
    masks = {}
    for name, target in request.targets.items():
        if target.quality is not None:
            weight = request.weight(name).detach()
            masks[name] = threshold_mask(weight, target.quality)
            if name in request.alive:
                masks[name] &= request.alive[name]
    return masks


def _over_all(request: Request, ranked: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One ranking of all weights; each tensor keeps at least its best one."""
    flat = torch.cat([score.flatten() for score in ranked.values()])
    budget = sum(request.densities[name] * score.numel() for name, score in ranked.items())
    kept = unstructured_mask(flat, budget / flat.numel())
    masks, start = {}, 0
    for name, score in ranked.items():
        mask = kept[start : start + score.numel()].view(score.shape)
        masks[name] = mask if bool(mask.any()) else unstructured_mask(score, 0.0)
        start += score.numel()
    return masks
