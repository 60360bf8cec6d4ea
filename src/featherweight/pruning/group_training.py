"""Train with regularisers under which neurons and channels die, then keep them dead.

DropNeuron (arXiv 1606.07326): `incoming` (li) and `outgoing` (lo) group penalties and L1 on weight
matrices and filters; network slimming (arXiv 1708.06519): L1 on batch-norm scales. After `end` of
training the penalties stop and what is zero stays zero: the rest recovers what the penalties cost.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from featherweight.functional.group_lasso import (
    Direction,
    group_norms,
    group_subgradient,
    shrink_groups,
    soft_threshold,
)
from featherweight.training import TrainingConfig
from featherweight.training.config import learning_rate

Factor = Annotated[float, Field(ge=0.0)]
_TICKS = 10_000


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class GroupConfig:
    """How strong each regulariser is, and for how long."""

    incoming: Factor = 0.0
    """Of the norms of a neuron's incoming connections."""
    outgoing: Factor = 0.0
    """Of the norms of a neuron's outgoing connections."""
    l1: Factor = 0.0
    """Of the absolute weights; with one of the others, the sparse-group lasso."""
    batch_norm_scale: Factor = 0.0
    """Of the absolute batch-norm scales (network slimming)."""
    step: Literal["proximal", "subgradient"] = "proximal"
    """Proximal steps give exact zeros; after subgradient steps, `threshold` says what is zero."""
    threshold: Factor = 0.0
    """When the penalties end, a group with a norm up to this is zero."""
    end: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Share of training with penalties."""
    layers: Mapping[str, float] = Field(default_factory=dict)
    """Factor of all penalties of a layer, by its name; 1 where it is not given."""


class GroupTraining:
    """Holds the regularisers on a module while it is trained (a `Constraint`)."""

    def __init__(self, module: nn.Module, training: TrainingConfig, config: GroupConfig) -> None:
        self.training, self.config = training, config
        named = dict(module.named_parameters())
        self.scales = {
            f"{name}.weight": layer.weight
            for name, layer in module.named_modules()
            if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.weight is not None
        }
        self.weights = {name: p for name, p in named.items() if p.ndim > 1}
        self.biases = {
            name: named[bias]
            for name in (*self.weights, *self.scales)
            if (bias := f"{name.removesuffix('weight')}bias") in named
        }
        self.masks: dict[str, Tensor] = {}
        self.progress = 0.0

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        return list(module.parameters())

    def before_step(self, progress: float) -> None:
        self.progress = progress
        if progress >= self.config.end and not self.masks:
            self.finish()

    def after_backward(self) -> None:
        if self.masks or self.config.step != "subgradient":
            return
        with torch.no_grad():
            for name, weight in self.weights.items():
                for direction, factor in self._directions(name):
                    _add_to(weight, factor * group_subgradient(weight, direction))
                _add_to(weight, self._factor(name) * self.config.l1 * weight.sign())
            for scale in self.scales.values():
                _add_to(scale, self.config.batch_norm_scale * scale.sign())

    def after_step(self) -> None:
        with torch.no_grad():
            if self.masks:
                self._apply()
            elif self.config.step == "proximal":
                self._proximal_step()

    def finish(self) -> None:
        """End the penalties: from now on what is zero is held there."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                for direction, _ in self._directions(name):
                    norms = group_norms(weight, direction)
                    live = (norms > self.config.threshold).to(weight.dtype)
                    shape = [1] * weight.ndim
                    shape[0 if direction == "incoming" else 1] = -1
                    weight.mul_(live.reshape(shape))
                self.masks[name] = weight != 0
            for name, scale in self.scales.items():
                self.masks[name] = scale.abs() > self.config.threshold
            self._apply()

    def state(self) -> Mapping[str, Tensor]:
        return {f"mask.{name}": mask for name, mask in self.masks.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.masks = {name.removeprefix("mask."): mask for name, mask in tensors.items()}

    def _factor(self, name: str) -> float:
        return self.config.layers.get(name.rpartition(".")[0], 1.0)

    def _directions(self, name: str) -> list[tuple[Direction, float]]:
        pairs: list[tuple[Direction, float]] = [
            ("incoming", self.config.incoming * self._factor(name)),
            ("outgoing", self.config.outgoing * self._factor(name)),
        ]
        return [pair for pair in pairs if pair[1]]

    def _proximal_step(self) -> None:
        """One step of each penalty's own, as long as the optimizer's step was."""
        rate = learning_rate(self.training, int(self.progress * _TICKS), _TICKS)
        for name, weight in self.weights.items():
            l1 = self._factor(name) * self.config.l1
            new = soft_threshold(weight, rate * l1) if l1 else weight
            for direction, factor in self._directions(name):
                new = shrink_groups(new, direction, rate * factor)
            weight.copy_(new)
        for scale in self.scales.values():
            scale.copy_(soft_threshold(scale, rate * self.config.batch_norm_scale))

    def _apply(self) -> None:
        """A neuron without incoming connections has no bias either: it is zero, not constant."""
        for name, mask in self.masks.items():
            owner = self.weights.get(name, self.scales.get(name))
            assert owner is not None
            owner.mul_(mask)
            if name in self.biases:
                live = mask.flatten(1).any(1) if mask.ndim > 1 else mask
                self.biases[name].mul_(live)


def _add_to(parameter: Tensor, gradient: Tensor) -> None:
    if parameter.grad is not None:
        parameter.grad.add_(gradient)
