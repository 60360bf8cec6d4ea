"""The part of featherweight prune that removes channels: its options as a recipe."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featherweight.cli.step import Work

if TYPE_CHECKING:
    from featherweight.recipes import Recipe

PENALTIES = {
    "group-lasso": ("incoming", "outgoing"),
    "network-slimming": ("batch_norm_scale",),
}
"""Methods that train under penalties, and which."""
_RANKED_BY = {"magnitude": "l2", "group-lasso": "l2", "network-slimming": "batch-norm-scale"}
"""The importance by which a method ranks channels, where it is not called so itself."""


@dataclass(frozen=True)
class ChannelRequest:
    """The options of the command that speak of channels, as they were given."""

    method: str
    pruning_ratio: float | None
    structure: str
    penalty: float
    scope: str
    layer: list[str]
    multiple_of: int
    epochs: int | None
    num_bits: int | None


def is_of_channels(method: str, pruning_ratio: float | None) -> bool:
    """Whether the command is to remove channels, not weights."""
    return pruning_ratio is not None or method in PENALTIES


def channel_recipe(request: ChannelRequest, work: Work) -> "Recipe":
    """The options as a recipe: what the file's metadata will say was done.

    Raises:
        InvalidArgumentError: a method or a number outside its rule.
    """
    from featherweight.recipes import Recipe, fitting_base, from_data
    from featherweight.recipes.recipe import to_data

    base = to_data(fitting_base(work.resolved.name, work.data_name))
    training = base.get("pruning", {}).get("training", {})
    if request.epochs is not None:
        training = training | {"epochs": request.epochs}
    removal: dict[str, Any] = {
        "pruning_ratio": request.pruning_ratio or 0.0,
        "structure": request.structure,
        "importance": _RANKED_BY.get(request.method, request.method),
        "scope": "global" if request.method == "network-slimming" else request.scope,
        "layers": dict(_kept(entry) for entry in request.layer),
        "multiple_of": request.multiple_of,
    }
    channels: dict[str, Any] = {"removal": removal, "training": training}
    if request.method in PENALTIES:
        channels["penalties"] = dict.fromkeys(PENALTIES[request.method], request.penalty)
    amount = [] if request.pruning_ratio is None else [f"{request.pruning_ratio:g}"]
    data: dict[str, Any] = {
        "name": "-".join([f"{request.structure}-removed", request.method, *amount]),
        "layers": [],
        "channels": channels,
    }
    if request.num_bits is not None:
        data["layers"] = [{"pattern": "*", "num_bits": request.num_bits}]
        data["sharing"] = base.get("sharing", {})
    return from_data(data, "prune", Recipe)


def _kept(entry: str) -> tuple[str, int]:
    from featherweight.errors import InvalidArgumentError

    name, _, count = entry.rpartition("=")
    if not name or not count.isdecimal() or int(count) == 0:
        raise InvalidArgumentError(
            f"beside --pruning-ratio `--layer` must be a layer and how many of its channels stay, "
            f"as in conv1=12, but got {entry!r}."
        )
    return name, int(count)
