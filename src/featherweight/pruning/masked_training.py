"""Prune and retrain with masks held: a pruned weight is zero from then on and is not moved.

Han et al. 2015, arXiv 1506.02626 (iterative prune and retrain); Zhu & Gupta 2017, arXiv 1710.01878
(gradual, cubic); Han et al. 2016, "DSD", arXiv 1607.04381 (dense again at the end). With `regrow`,
masks may also give a weight back while the schedule runs: pruned weights keep receiving the
gradient of the masked network and return when they have grown (Guo, Yao & Chen 2016, "Dynamic
Network Surgery", arXiv 1608.04493). Rewinding is several trainings: see `recipes.rewinding`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.functional.pruning import cubic_density, iterative_density
from featherweight.functional.saliency import movement_score
from featherweight.pruning.registry import check_targets, decide, find_method
from featherweight.pruning.target import DEFAULT_METHOD, Calibration, Target

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


Schedule = Literal["one-shot", "iterative", "gradual", "rewinding", "dense-sparse-dense"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PruningConfig:
    """When weights are removed in the course of training."""

    schedule: Schedule = "gradual"
    method: str = DEFAULT_METHOD
    """Of the layers whose rule names none."""
    scope: Literal["layer", "global"] = "layer"
    """Whether each layer keeps its own density, or all share the sum of their budgets."""
    start_density: Fraction = 1.0
    """Where a gradual schedule begins."""
    end: Fraction = 0.6
    """Share of training after which nothing more is removed."""
    rounds: Annotated[int, Field(ge=1)] = 5
    """Of an iterative schedule, or of rewinding."""
    updates: Annotated[int, Field(ge=1)] = 60
    """How often a gradual schedule moves its masks."""
    regrow: bool = False
    """Whether a pruned weight may return before the schedule's end."""

    def density(self, progress: float, target: float) -> float:
        """Density of a tensor at `progress` through the pruning part of training."""
        if self.schedule in ("one-shot", "dense-sparse-dense"):
            return target
        if self.schedule == "iterative":
            return iterative_density(progress, 1.0, target, self.rounds)
        return cubic_density(progress, max(self.start_density, target), target)

    @property
    def moments(self) -> int:
        """How many times the masks are set."""
        return {"iterative": self.rounds, "gradual": self.updates}.get(self.schedule, 1)


class MaskedTraining:
    """Holds masks on the named tensors of a module while it is trained (a `Constraint`)."""

    def __init__(
        self,
        module: nn.Module,
        targets: Mapping[str, Target],
        config: PruningConfig,
        *,
        calibration: Calibration | None = None,
        seed: int = 0,
    ) -> None:
        """Args:
            targets: by parameter name.
            calibration: what methods look at that need data.

        Raises:
            InvalidArgumentError: a target cannot be met, or weights are to return that a method
                moves.
        """
        is_global = config.scope == "global"
        check_targets(targets, has_data=calibration is not None, is_global=is_global)
        moving = [t.method for t in targets.values() if find_method(t.method).moves_weights]
        if config.regrow and moving:
            raise InvalidArgumentError(
                f"`regrow` lets weights return to where they were, but the method {moving[0]} "
                "moves them."
            )
        self.module, self.config, self.targets = module, config, dict(targets)
        self.calibration, self.seed = calibration, seed
        parameters = dict(module.named_parameters())
        self.weights = {name: parameters[name] for name in targets}
        self.masks = {name: weight.detach() != 0 for name, weight in self.weights.items()}
        self.dense: dict[str, Tensor] = {}
        self.moment = -1
        self.movement = {
            name: torch.zeros_like(self.weights[name])
            for name, target in targets.items()
            if target.method == "movement"
        }

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
        with torch.no_grad():
            if self._regrowing:  # the step moves dense weights by the masked network's gradient
                for name, weight in self.weights.items():
                    weight.copy_(self.dense[name])
            for name, total in self.movement.items():
                weight = self.weights[name]
                if weight.grad is not None:
                    total.add_(movement_score(weight.detach(), weight.grad))

    def after_step(self) -> None:
        if not self._regrowing:
            self._apply()

    def state(self) -> Mapping[str, Tensor]:
        moved = {f"movement:{name}": total for name, total in self.movement.items()}
        return {"moment": torch.tensor(self.moment), **self.masks, **moved}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.moment = int(tensors["moment"])
        self.masks = {name: tensors[name] for name in self.masks}
        self.movement = {name: tensors[f"movement:{name}"] for name in self.movement}

    @property
    def _regrowing(self) -> bool:
        return self.config.regrow and self.moment < self.config.moments

    def _set_masks(self, part: float) -> None:
        if self.config.schedule == "dense-sparse-dense" and part >= 1.0:
            self.masks = {name: torch.ones_like(mask) for name, mask in self.masks.items()}
            return
        densities = {
            # The last moment is the target itself, whatever rounding the schedule made.
            name: self.config.density(part, final) if part < 1.0 else final
            for name, target in self.targets.items()
            if target.quality is None and target.method != "zeros"
            for final in (target.final_density(name),)
        }
        has_moved = self.moment > 0 and bool(self.movement)
        decision = decide(
            self.module,
            self.targets,
            densities=densities,
            calibration=self.calibration,
            is_global=self.config.scope == "global",
            seed=self.seed,
            movement=self.movement if has_moved else None,
            alive=None if self.config.regrow else self.masks,
        )
        self.masks = {name: decision.masks[name] for name in self.masks}
        with torch.no_grad():
            for name, value in decision.weights.items():
                self.module.get_parameter(name).copy_(value)

    def _apply(self) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.mul_(self.masks[name])
