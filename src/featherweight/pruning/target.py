"""What is asked of a pruning method: how much of which tensor, and what it may look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.functional.sparsity_pattern import UNSTRUCTURED, SparsityPattern

DEFAULT_METHOD = "magnitude"


@dataclass(frozen=True)
class Target:
    """How much of one tensor is to remain, by which method, in which pattern.

    How much is a density, or a threshold in standard deviations (`quality`); the method `zeros` and
    N:M patterns need neither.
    """

    density: float | None = None
    quality: float | None = None
    method: str = DEFAULT_METHOD
    pattern: SparsityPattern = UNSTRUCTURED

    def final_density(self, name: str) -> float:
        """The density at the end of any schedule.

        Raises:
            InvalidArgumentError: nothing says how much is to remain.
        """
        density = self.pattern.fixed_density if self.density is None else self.density
        if density is None:
            raise InvalidArgumentError(
                f"a density, a quality or an N:M pattern must say how much of {name} remains, "
                "but there is none."
            )
        return density


@dataclass(frozen=True, eq=False)
class Calibration:
    """Training pictures as the network sees them, float32 [N, C, H, W], and classes, int64 [N]."""

    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True, eq=False)
class Request:
    """The tensors of a module that are to be pruned now, all by one method."""

    module: nn.Module
    targets: Mapping[str, Target]
    """By parameter name."""
    densities: Mapping[str, float]
    """By parameter name: a schedule's, at this moment."""
    calibration: Calibration | None = None
    is_global: bool = False
    """Whether the tensors share one budget, whose sum the densities give."""
    seed: int = 0
    movement: Mapping[str, Tensor] = field(default_factory=dict)
    """Scores that training summed up so far."""
    alive: Mapping[str, Tensor] = field(default_factory=dict)
    """Masks of earlier moments, inside of which this one must stay; none: any weight may live."""

    def weight(self, name: str) -> nn.Parameter:
        """The parameter itself."""
        return self.module.get_parameter(name)

    def pictures(self) -> Calibration:
        """The calibration pictures.

        Raises:
            InvalidArgumentError: there are none, and the method needs them.
        """
        if self.calibration is None:
            raise InvalidArgumentError("this pruning method needs calibration pictures.")
        return self.calibration


@dataclass(frozen=True, eq=False)
class Decision:
    """What a method answers: masks, and new values where it moves the weights that stay."""

    masks: dict[str, Tensor]
    weights: dict[str, Tensor] = field(default_factory=dict)
