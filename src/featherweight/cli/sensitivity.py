"""featherweight sensitivity MODEL --data DATA: what pruning each layer alone costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featherweight.cli.output import (
    Data,
    Download,
    Json,
    Quiet,
    Root,
    Seed,
    Threads,
    command,
    emit,
    epoch_bars,
)
from featherweight.cli.step import (
    Checkpoint,
    Model,
    StepOptions,
    Weights,
    Work,
    open_work,
    train_if_fresh,
)

if TYPE_CHECKING:
    from rich.table import Table

    from featherweight.recipes.sensitivity import Question, Sensitivity


@command
def sensitivity(
    model: Model,
    data: Data,
    out: Annotated[
        Path, typer.Option("--out", help="Where what was measured is kept; read again if there.")
    ] = Path("sensitivity.json"),
    plot: Annotated[
        Path | None, typer.Option(help="The picture, .svg, .png or .pdf. [default: OUT.svg]")
    ] = None,
    method: Annotated[
        str, typer.Option(help="How weights are chosen, as in `featherweight prune`.")
    ] = "magnitude",
    densities: Annotated[
        str, typer.Option(help="Shares of a layer's weights to keep.")
    ] = "0.5,0.3,0.2,0.15,0.1,0.07,0.05,0.03,0.02",
    num_bits: Annotated[
        str, typer.Option(help="Bits a weight to measure, too, as in 8,4,3,2: 2^N shared values.")
    ] = "",
    density: Annotated[
        float | None, typer.Option(help="Say which layers to prune how far to keep so much in all.")
    ] = None,
    calibration: Annotated[
        int, typer.Option(min=1, help="Training pictures for methods that look at some.")
    ] = 1024,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure accuracy on validation while one layer at a time is pruned, or shares few values.

    Nothing is retrained. What was measured is kept in --out: the same call again only reads it, a
    killed one goes on. `featherweight prune --sensitivity FILE` spends its density by it.

    Example: featherweight sensitivity lenet-5 --data mnist5k --density 0.08 --out lenet-5.json
    """
    from featherweight.bench.sensitivity_plot import plot_sensitivity
    from featherweight.recipes.allocation import allocate

    options = StepOptions(
        model, out, data, checkpoint, weights, None, root, download, seed, threads, json, quiet
    )
    with epoch_bars(quiet or json) as on_epoch:
        work = open_work(options, on_epoch)
        question = _question(work, method, densities, num_bits, calibration)
        train_if_fresh(options, work)
        found = _measure(work, question, out)
    chosen = allocate(found, work.resolved.module, density) if density is not None else None
    picture = plot or out.with_suffix(".svg")
    plot_sensitivity(found, picture)
    payload = {
        "data": found.data, "method": found.method, "layers": found.layers, "densities": chosen,
        "file": out, "plot": picture,
    }  # fmt: skip
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show(found, chosen, picture))


def _question(
    work: Work, method: str, densities: str, num_bits: str, calibration: int
) -> "Question":
    from featherweight.pruning import Target, check_targets, find_method
    from featherweight.recipes.prune_stage import calibration_pictures
    from featherweight.recipes.sensitivity import Question
    from featherweight.validation import check_range

    shares = _numbers("densities", densities, "0.5,0.2,0.1")
    bits = [int(value) for value in _numbers("num-bits", num_bits, "8,4,3")]
    for share in shares:
        check_range("densities", share, 1e-6, 1.0)
    for value in bits:
        check_range("num-bits", value, 1, 8)
    check_targets({"each layer": Target(0.5, method=method)}, has_data=True)
    pictures = None
    if work.dataset is not None:
        pictures = calibration_pictures(
            [find_method(method)], work.dataset, calibration, work.settings.seed
        )
    return Question(shares, bits, method, calibration=pictures, seed=work.settings.seed)


def _numbers(name: str, text: str, example: str) -> list[float]:
    from featherweight.errors import InvalidArgumentError

    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InvalidArgumentError(
            f"`{name}` must be numbers, as in {example}, but got {name}={text!r}."
        ) from None


def _measure(work: Work, question: "Question", out: Path) -> "Sensitivity":
    from featherweight.recipes.sensitivity import measure_sensitivity

    assert work.dataset is not None  # --data is required
    return measure_sensitivity(
        work.resolved.module, work.dataset, question, out, work.settings.on_epoch("sensitivity")
    )


def _show(found: "Sensitivity", chosen: Mapping[str, float] | None, picture: Path) -> None:
    from rich.console import Console

    console = Console()
    densities = [p.density for p in found.layers[0].points[1:] if p.num_bits is None]
    bits = [p.num_bits for p in found.layers[0].points if p.num_bits is not None]
    whole = found.layers[0].points[0].top1
    start = f"Top-1 on validation of {found.data}, %: the whole network has {whole:.2f}"
    console.print(f"{start}; one layer changed, nothing retrained.", highlight=False)
    if densities:
        title = f"pruned by {found.method} to so many % of its weights"
        console.print(f"\n{title}", style="italic", highlight=False)
        console.print(_table(found, [(d, None, f"{100 * d:g}") for d in densities], chosen))
    if bits:
        title = "rounded to shared values of so many bits"
        console.print(f"\n{title}", style="italic", highlight=False)
        console.print(_table(found, [(1.0, b, f"{b}") for b in bits], None))
    console.print(f"picture: {picture}", highlight=False)


def _table(
    found: "Sensitivity",
    columns: Sequence[tuple[float, int | None, str]],
    chosen: Mapping[str, float] | None,
) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from featherweight.bench.tables import format_count

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("layer", no_wrap=True)
    for name in ("weights", *(name for _, _, name in columns), *(("keep %",) if chosen else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for layer in found.layers:
        top1 = {(p.density, p.num_bits): f"{p.top1:.1f}" for p in layer.points}
        cells = [top1.get((density, bits), "") for density, bits, _ in columns]
        best = [f"{100 * chosen[layer.name]:.2f}"] if chosen else []
        table.add_row(layer.name, format_count(layer.params), *cells, *best)
    return table
