"""The methods of pruning weights by name; `methods` registers those that ship."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.functional.sparsity_pattern import UNSTRUCTURED
from featherweight.pruning.choosing import masks_above_quality
from featherweight.pruning.target import Calibration, Decision, Request, Target
from featherweight.validation import check_choice


class Needs(Enum):
    """What a method must be shown."""

    NOTHING = "nothing"
    PICTURES = "pictures"
    CLASSES = "pictures and their classes"


class Amount(Enum):
    """Whether a request must say how much is to remain."""

    DENSITY = "density"
    NONE = "none"


@dataclass(frozen=True)
class Method:
    """One way to decide which weights stay."""

    name: str
    decide: Callable[[Request], Decision]
    needs: Needs
    summary: str
    source: str = ""
    amount: Amount = Amount.DENSITY
    is_global: bool = False
    """Whether it always ranks the weights of all tensors together."""
    moves_weights: bool = False


_METHODS: dict[str, Method] = {}


def register(method: Method) -> None:
    """Add a method; its name must be new."""
    if method.name in _METHODS:
        raise InvalidArgumentError(f"a pruning method named {method.name!r} is registered already.")
    _METHODS[method.name] = method


def methods() -> tuple[Method, ...]:
    """All methods, in the order of the table."""
    return tuple(_METHODS.values())


def find_method(name: str) -> Method:
    """The method of this name.

    Raises:
        InvalidArgumentError: there is none; the sentence lists those that there are.
    """
    return _METHODS[check_choice("method", name, _METHODS)]


def decide(
    module: nn.Module,
    targets: Mapping[str, Target],
    *,
    densities: Mapping[str, float] | None = None,
    calibration: Calibration | None = None,
    is_global: bool = False,
    seed: int = 0,
    movement: Mapping[str, Tensor] | None = None,
    alive: Mapping[str, Tensor] | None = None,
) -> Decision:
    """Masks of all targets, and new values where a method moves weights; nothing is changed.

    Args:
        targets: by parameter name.
        densities: a schedule's, at this moment; by default each target's own.
        movement: sums of `movement_score` so far, by parameter name.
        alive: masks inside of which the new ones must stay.

    Raises:
        InvalidArgumentError: see `check_targets`.
    """
    check_targets(targets, has_data=calibration is not None, is_global=is_global)
    request = Request(module, {}, {}, calibration, is_global, seed, movement or {}, alive or {})
    above = masks_above_quality(replace(request, targets=targets))
    masks: dict[str, Tensor] = dict(above)
    weights: dict[str, Tensor] = {}
    left = {name: target for name, target in targets.items() if name not in above}
    for name in dict.fromkeys(target.method for target in left.values()):
        method = find_method(name)
        own = {key: target for key, target in left.items() if target.method == name}
        wanted = {
            key: _density(key, target, method, densities or {}) for key, target in own.items()
        }
        decision = method.decide(
            replace(request, targets=own, densities=wanted, is_global=is_global or method.is_global)
        )
        masks |= decision.masks
        weights |= decision.weights
    return Decision(masks, weights)


def check_targets(
    targets: Mapping[str, Target], *, has_data: bool, is_global: bool = False
) -> None:
    """Refuse at once what no schedule could carry out.

    Raises:
        InvalidArgumentError: an unknown method; one that needs data without any; no density; a
            quality for a method that does not threshold magnitudes; or a pattern where single
            weights of all layers are ranked together.
    """
    for name, target in targets.items():
        method = find_method(target.method)
        if method.needs is not Needs.NOTHING and not has_data:
            raise InvalidArgumentError(
                f"the method {method.name} needs `--data`: it looks at {method.needs.value}."
            )
        if target.quality is not None and method.name not in _THRESHOLDING:
            raise InvalidArgumentError(
                f"`quality` is a threshold of magnitudes ({', '.join(_THRESHOLDING)}), but "
                f"{name} is pruned by method={method.name!r}."
            )
        ranks_all = (is_global and method.amount is Amount.DENSITY) or method.is_global
        if ranks_all and target.pattern != UNSTRUCTURED:
            raise InvalidArgumentError(
                f"one ranking of all layers' weights (`scope` global, or the method threshold) "
                f"needs `pattern` unstructured, but {name} has pattern={target.pattern.name!r}."
            )
        if method.amount is Amount.DENSITY and target.quality is None:
            target.final_density(name)


_THRESHOLDING = ("magnitude", "threshold")


def _density(name: str, target: Target, method: Method, densities: Mapping[str, float]) -> float:
    if name in densities:
        return densities[name]
    return 1.0 if method.amount is Amount.NONE else target.final_density(name)
