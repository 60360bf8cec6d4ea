"""Prune and retrain with masks held: a pruned weight is zero from then on and is not moved.

Han et al. 2015, arXiv 1506.02626 (iterative prune and retrain); Zhu & Gupta 2017, arXiv 1710.01878
(gradual, cubic). With `regrow`, masks may also give a weight back while the schedule runs: pruned
weights keep receiving the gradient of the masked network and return when they have grown
(Guo, Yao & Chen 2016, "Dynamic Network Surgery", arXiv 1608.04493).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.functional.pruning import (
    cubic_density,
    iterative_density,
    magnitude_mask,
    threshold_mask,
)

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


@plain_dataclass(frozen=True)
class Target:
    """How much of one tensor is to remain: a density, or a threshold in standard deviations."""

    density: float | None = None
    quality: float | None = None


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PruningConfig:
    """When weights are removed in the course of training."""

    schedule: Literal["one-shot", "iterative", "gradual"] = "gradual"
    start_density: Fraction = 1.0
    """Where a gradual schedule begins."""
    end: Fraction = 0.6
    """Share of training after which nothing more is removed."""
    rounds: Annotated[int, Field(ge=1)] = 5
    """Of an iterative schedule."""
    updates: Annotated[int, Field(ge=1)] = 60
    """How often a gradual schedule moves its masks."""
    regrow: bool = False
    """Whether a pruned weight may return before the schedule's end."""

    def density(self, progress: float, target: float) -> float:
        """Density of a tensor at `progress` through the pruning part of training."""
        if self.schedule == "one-shot":
            return target
        if self.schedule == "iterative":
            return iterative_density(progress, 1.0, target, self.rounds)
        return cubic_density(progress, max(self.start_density, target), target)

    @property
    def moments(self) -> int:
        """How many times the masks are set."""
        return {"one-shot": 1, "iterative": self.rounds, "gradual": self.updates}[self.schedule]


def prune(weight: Tensor, target: Target, density: float | None = None) -> Tensor:
    """The mask of `weight` for `target`, at the schedule's `density` if that is given."""
    if target.quality is not None:
        return threshold_mask(weight, target.quality)
    if target.density is None:
        raise InvalidArgumentError("a pruning target needs a density or a quality, but has none.")
    return magnitude_mask(weight, target.density if density is None else density)


class MaskedTraining:
    """Holds masks on the named tensors of a module while it is trained (a `Constraint`)."""

    def __init__(
        self, module: nn.Module, targets: Mapping[str, Target], config: PruningConfig
    ) -> None:
        self.config = config
        self.targets = dict(targets)
        parameters = dict(module.named_parameters())
        self.weights = {name: parameters[name] for name in targets}
        self.masks = {name: weight.detach() != 0 for name, weight in self.weights.items()}
        self.dense: dict[str, Tensor] = {}
        self.moment = -1

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        return list(module.parameters())

    def before_step(self, progress: float) -> None:
        part = progress / self.config.end if self.config.end else 1.0
        moment = min(int(part * self.config.moments), self.config.moments)
        if moment > self.moment:
            self.moment = moment
            self._set_masks(min(part, 1.0))
        if self._regrowing:
            self.dense = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self._apply()

    def after_backward(self) -> None:
        if self._regrowing:  # the step moves the dense weights by the masked network's gradient
            with torch.no_grad():
                for name, weight in self.weights.items():
                    weight.copy_(self.dense[name])

    def after_step(self) -> None:
        if not self._regrowing:
            self._apply()

    def state(self) -> Mapping[str, Tensor]:
        return {"moment": torch.tensor(self.moment), **self.masks}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.moment = int(tensors["moment"])
        self.masks = {name: tensors[name] for name in self.masks}

    @property
    def _regrowing(self) -> bool:
        return self.config.regrow and self.moment < self.config.moments

    def _set_masks(self, part: float) -> None:
        for name, weight in self.weights.items():
            target = self.targets[name]
            # The last moment is the target itself, whatever rounding the schedule made.
            finished = part >= 1.0 or target.density is None
            density = None if finished else self.config.density(part, float(target.density or 0))
            kept = weight.detach() if self.config.regrow else weight.detach() * self.masks[name]
            mask = prune(kept, target, density)
            self.masks[name] = mask if self.config.regrow else mask & self.masks[name]

    def _apply(self) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.mul_(self.masks[name])
