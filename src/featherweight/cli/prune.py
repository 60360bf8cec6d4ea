"""featherweight prune MODEL: fewer weights (--density), or channels (--pruning-ratio)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featherweight.cli.output import (
    Download,
    Json,
    OptionalData,
    Quiet,
    Root,
    Seed,
    Threads,
    command,
)
from featherweight.cli.prune_channels import ChannelRequest, channel_recipe, is_of_channels
from featherweight.cli.step import (
    Checkpoint,
    Model,
    Out,
    Report,
    Step,
    StepOptions,
    StorageOnly,
    Weights,
    Work,
    by_recipe,
    carry_out,
)
from featherweight.errors import InvalidArgumentError

if TYPE_CHECKING:
    from featherweight.recipes import Recipe


@dataclass(frozen=True)
class _Request:
    """The options of this command alone, as they were given."""

    method: str
    density: float | None
    pattern: str
    layer: list[str]
    sensitivity: Path | None
    schedule: str | None
    scope: str
    rounds: int
    regrow: bool
    epochs: int | None
    calibration: int
    num_bits: int | None


@command
def prune(
    model: Model,
    out: Out,
    method: Annotated[
        str,
        typer.Option(
            help="magnitude, threshold, second-order, optimal-brain-damage, hutchinson, movement, "
            "random, or zeros: keep the zeros that there are. For channels: magnitude, l1, taylor, "
            "activation-zeros, batch-norm-scale, random; group-lasso and network-slimming train "
            "under penalties."
        ),
    ] = "magnitude",
    density: Annotated[
        float | None, typer.Option(help="Share of each layer's weights to keep, as in 0.1.")
    ] = None,
    pruning_ratio: Annotated[
        float | None,
        typer.Option(help="Share of the channels to remove: the layers become smaller, as in 0.5."),
    ] = None,
    structure: Annotated[
        str,
        typer.Option(help="What --pruning-ratio removes: channels, or neurons of linear layers."),
    ] = "channels",
    penalty: Annotated[
        float, typer.Option(min=0, help="Strength of group-lasso and network-slimming.")
    ] = 0.1,
    multiple_of: Annotated[
        int, typer.Option(min=1, help="Layers keep a multiple of so many channels.")
    ] = 1,
    pattern: Annotated[
        str, typer.Option(help="unstructured, N:M (2:4, 2:16; says the density), or 1x4, 4x1, 8x1.")
    ] = "unstructured",
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=F",
            help="Another density for this layer, or how many of its channels stay; as often as "
            "wanted.",
        ),
    ] = None,
    sensitivity: Annotated[
        Path | None,
        typer.Option(help="What `featherweight sensitivity` wrote: where --density is best spent."),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="one-shot, iterative, gradual, rewinding or dense-sparse-dense. "
            "[default: gradual; one-shot where the method moves weights]"
        ),
    ] = None,
    scope: Annotated[
        str, typer.Option(help="layer, or global: all layers share one budget.")
    ] = "layer",
    rounds: Annotated[int, typer.Option(min=1, help="Of iterative and rewinding.")] = 5,
    regrow: Annotated[bool, typer.Option("--regrow", help="Pruned weights may return.")] = False,
    epochs: Annotated[
        int | None,
        typer.Option(min=0, help="Of retraining; 0: none. [default: as the network's recipe]"),
    ] = None,
    calibration: Annotated[
        int, typer.Option(min=1, help="Training pictures for methods that look at some.")
    ] = 1024,
    num_bits: Annotated[
        int | None,
        typer.Option(min=1, max=8, help="Share 2^N values, too: 2:16 runs fastest with 4."),
    ] = None,
    data: OptionalData = None,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    report: Report = None,
    storage_only: StorageOnly = False,
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove weights or channels: from the file, from memory, and from the time an answer takes.

    With --data the network is retrained while its weights go, learning from itself as it was; what
    is left and what it costs on this machine stands in the table. Without --data weights are
    removed as they are.

    Example: featherweight prune lenet-5 --method magnitude --density 0.1 --data mnist5k --out m.fwt

    Example: featherweight prune resnet-18 --pruning-ratio 0.5 --out half.fwt
    """
    options = StepOptions(
        model, out, data, checkpoint, weights, report, root, download, seed, threads, json, quiet,
        storage_only,
    )  # fmt: skip
    if is_of_channels(method, pruning_ratio):
        if density is not None or sensitivity is not None or pattern != "unstructured":
            raise InvalidArgumentError(
                "--density, --pattern and --sensitivity speak of weights, --pruning-ratio and the "
                f"method {method!r} of channels: give one of both; a recipe does both in turn."
            )
        of_channels = ChannelRequest(
            method, pruning_ratio, structure, penalty, scope, layer or [], multiple_of, epochs,
            num_bits,
        )  # fmt: skip
        carry_out(options, lambda work: _plan_channels(of_channels, work, storage_only))
        return
    request = _Request(
        method, density, pattern, layer or [], sensitivity, schedule, scope, rounds, regrow, epochs,
        calibration, num_bits,
    )  # fmt: skip
    carry_out(options, lambda work: _plan(request, work, storage_only))


def _plan(request: _Request, work: Work, storage_only: bool) -> Step:
    from featherweight.recipes.prune_stage import check_stage

    recipe = _recipe(request, work)
    check_stage(work.resolved.module, recipe, has_data=work.dataset is not None)
    return by_recipe(recipe, storage_only=storage_only)


def _plan_channels(request: ChannelRequest, work: Work, storage_only: bool) -> Step:
    from featherweight.recipes.channel_stage import check_channels

    recipe = channel_recipe(request, work)
    assert recipe.channels is not None
    check_channels(recipe.channels, has_data=work.dataset is not None)
    return by_recipe(recipe, storage_only=storage_only)


def _recipe(request: _Request, work: Work) -> "Recipe":
    """The options as a recipe: what the file's metadata will say was done."""
    from featherweight.recipes import Recipe, fitting_base, from_data
    from featherweight.recipes.recipe import to_data

    base = to_data(fitting_base(work.resolved.name, work.data_name))
    pruning, sharing = base.get("pruning", {}), base.get("sharing", {})
    masks = pruning.get("masks", {}) | _masks(request)
    data = {
        "name": "-".join(["pruned", request.method, *_amount(request)]),
        "layers": _rules(request, work),
        "pruning": pruning | {"masks": masks, "calibration": request.calibration},
    }
    if request.epochs is not None:
        data["pruning"]["training"] = pruning.get("training", {}) | {"epochs": request.epochs}
    if request.num_bits is not None:
        data["sharing"] = sharing
        if request.epochs == 0:
            data["sharing"] = sharing | {"training": {"epochs": 0}}
    return from_data(data, "prune", Recipe)


def _masks(request: _Request) -> dict[str, Any]:
    from featherweight.pruning import find_method

    usual = "one-shot" if find_method(request.method).moves_weights else "gradual"
    return {
        "schedule": request.schedule or usual,
        "method": request.method,
        "scope": request.scope,
        "rounds": request.rounds,
        "regrow": request.regrow,
    }


def _amount(request: _Request) -> list[str]:
    density = [] if request.density is None else [f"{request.density:g}"]
    return density if request.pattern == "unstructured" else [*density, request.pattern]


def _rules(request: _Request, work: Work) -> list[dict[str, Any]]:
    """Layers that were named first, then those of a sensitivity analysis, then all others."""
    shared = {"num_bits": request.num_bits, "sparsity_pattern": request.pattern}
    densities = dict(_named(entry) for entry in request.layer)
    if request.sensitivity is not None:
        densities = _by_sensitivity(request, request.sensitivity, work) | densities
    rules = [{"pattern": name, "density": density, **shared} for name, density in densities.items()]
    rest = {"pattern": "*", "density": request.density, "method": request.method, **shared}
    return [*rules, rest]


def _named(entry: str) -> tuple[str, float]:
    name, _, density = entry.rpartition("=")
    try:
        return name, float(density)
    except ValueError:
        raise InvalidArgumentError(
            f"`--layer` must be a layer and its density, as in ip3=0.5, but got {entry!r}."
        ) from None


def _by_sensitivity(request: _Request, file: Path, work: Work) -> dict[str, float]:
    from featherweight.recipes.allocation import allocate
    from featherweight.recipes.sensitivity import read_sensitivity

    if request.density is None or (request.pattern == "unstructured" and request.scope == "global"):
        raise InvalidArgumentError(
            "`--sensitivity` spends the budget that `--density` states layer by layer: "
            "give a density, and leave --scope layer."
        )
    return allocate(read_sensitivity(file), work.resolved.module, request.density)
