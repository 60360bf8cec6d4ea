"""featherweight quantize MODEL --scheme S --num-bits N: fewer bits a weight, in one step."""

from dataclasses import dataclass
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
from featherweight.cli.step import (
    Checkpoint,
    Model,
    Out,
    Report,
    Step,
    StepOptions,
    Weights,
    Work,
    by_recipe,
    carry_out,
)

if TYPE_CHECKING:
    from featherweight.recipes import Recipe


@dataclass(frozen=True)
class _Request:
    """The options of this command alone, as they were given."""

    scheme: str
    num_bits: int
    granularity: str | None
    group_size: int
    grid: str
    calibration: str
    weight_only: bool
    equalize: bool
    correct_bias: bool
    adaround: bool
    aware: bool
    learned_step: bool
    epochs: int
    init: str
    vector_size: int


@command
def quantize(
    model: Model,
    out: Out,
    scheme: Annotated[str, typer.Option(help="uniform or kmeans.")],
    num_bits: Annotated[int, typer.Option(min=1, max=8, help="Bits a weight; uniform: 2 to 8.")],
    data: OptionalData = None,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    granularity: Annotated[
        str | None,
        typer.Option(help="What shares a scale or a codebook: tensor, channel, group."),
    ] = None,
    group_size: Annotated[int, typer.Option(min=2, help="Weights (kmeans: rows) a group.")] = 64,
    grid: Annotated[
        str, typer.Option(help="symmetric, affine, or minmax: the lecture's points.")
    ] = "symmetric",
    calibration: Annotated[
        str, typer.Option(help="minmax, moving-average, percentile, entropy or mse.")
    ] = "mse",
    weight_only: Annotated[bool, typer.Option(help="Leave activations float32.")] = False,
    equalize: Annotated[bool, typer.Option(help="Cross-layer equalization first.")] = False,
    correct_bias: Annotated[bool, typer.Option(help="Correct biases by calibration.")] = False,
    adaround: Annotated[bool, typer.Option(help="Train which way weights are rounded.")] = False,
    aware: Annotated[bool, typer.Option(help="Train aware of quantization.")] = False,
    learned_step: Annotated[bool, typer.Option(help="With --aware: learn the scales.")] = False,
    epochs: Annotated[int, typer.Option(min=0, help="Of --aware, or of centroids.")] = 3,
    init: Annotated[
        str, typer.Option(help="Of kmeans: linear, density, random or kmeans++.")
    ] = "linear",
    vector_size: Annotated[
        int, typer.Option(min=1, max=64, help="Of kmeans: weights that share one code.")
    ] = 1,
    report: Report = None,
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Store a network's weights in few bits, and let its layers compute in integers.

    uniform: equally spaced values. With data, activations are quantized, too (8 bits, calibrated on
    training pictures), so that layers run in integers. kmeans: 2^N shared values a tensor, trained
    where there is data.

    Example: featherweight quantize lenet-5 --scheme uniform --num-bits 8 --data mnist5k --out m.fwt
    """
    request = _Request(
        scheme, num_bits, granularity, group_size, grid, calibration, weight_only, equalize,
        correct_bias, adaround, aware, learned_step, epochs, init,
        vector_size,
    )  # fmt: skip
    options = StepOptions(
        model, out, data, checkpoint, weights, report, root, download, seed, threads, json, quiet
    )
    carry_out(options, lambda work: _plan(request, work))


def _plan(request: _Request, work: Work) -> Step:
    from featherweight.errors import InvalidArgumentError
    from featherweight.validation import check_choice

    check_choice("scheme", request.scheme, ("uniform", "kmeans"))
    if request.scheme == "uniform" and request.num_bits < 2 and request.grid != "minmax":
        raise InvalidArgumentError(
            f"`--num-bits` must be 2 to 8 for a grid that holds 0, but got {request.num_bits}; "
            "`featherweight binarize` stores 1 bit a weight."
        )
    needs = [name for name in ("adaround", "aware", "correct_bias") if getattr(request, name)]
    if needs and (work.dataset is None or request.scheme != "uniform"):
        raise InvalidArgumentError(
            f"`--{needs[0].replace('_', '-')}` needs --scheme uniform and --data."
        )
    return by_recipe(_recipe(request))


def _recipe(request: _Request) -> "Recipe":
    """The options as a recipe: what the file's metadata will say was done."""
    from featherweight.recipes import Recipe, from_data

    rule = {"pattern": "*", "num_bits": request.num_bits, "scheme": request.scheme}
    stage = _uniform(request) if request.scheme == "uniform" else _sharing(request)
    data = {"name": f"{request.scheme}-{request.num_bits}", "layers": [rule], **stage}
    return from_data(data, "quantize", Recipe)


def _uniform(request: _Request) -> dict[str, Any]:
    how: dict[str, Any] = {
        "grid": request.grid,
        "granularity": request.granularity or ("tensor" if request.grid == "minmax" else "channel"),
        "group_size": request.group_size,
        "weight_range": "minmax" if request.num_bits == 8 else "mse",
        "activations": "float32" if request.weight_only else "uint8",
        "calibration": request.calibration,
        "equalize": request.equalize,
        "correct_bias": request.correct_bias,
        "adaround": {} if request.adaround else None,
        "learned_step": request.learned_step,
    }
    training = {"epochs": request.epochs, "learning_rate": 5e-4, "weight_decay": 0.0}
    stage: dict[str, Any] = {"quantization": how}
    return {"uniform": {**stage, "training": training} if request.aware else stage}


def _sharing(request: _Request) -> dict[str, Any]:
    clusters: dict[str, Any] = {"init": request.init, "vector_size": request.vector_size}
    if request.granularity in ("channel", "group"):
        clusters["group_rows"] = 1 if request.granularity == "channel" else request.group_size
    training = {"epochs": request.epochs, "learning_rate": 5e-4, "weight_decay": 0.0}
    return {"sharing": {"clusters": clusters, "training": training}}
