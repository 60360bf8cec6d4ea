"""featherweight compare A B C ...: a table and a picture of what networks cost and reach."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    emit,
    set_threads,
    shape_of,
)
from featherweight.errors import InvalidArgumentError

if TYPE_CHECKING:
    from featherweight.bench.tradeoffs import TradeOff


@command
def compare(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Networks and files, as many as wanted.")
    ],
    data: OptionalData = None,
    input: Annotated[
        str | None, typer.Option(help="Channels, height, width, as in 3,224,224.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="For which energy is estimated: a name or a .yaml file.")
    ] = "mobile-phone",
    rounds: Annotated[int, typer.Option(min=1, help="Timings of each network.")] = 20,
    backend: Annotated[str, typer.Option(help="What latency is of: torch or native.")] = "torch",
    plot: Annotated[Path, typer.Option(help="Where the picture goes: .svg, .png or .pdf.")] = Path(
        "compare.svg"
    ),
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare accuracy, size, latency and energy of networks, in a table and a picture.

    Accuracy is measured where --data is given and the weights are trained; else it is what the
    file says, or what the paper printed, and the table says which.

    Example: featherweight compare mobilenet-v1 mobilenet-v2 shufflenet-v1 --plot compare.svg
    """
    from featherweight.bench.tradeoff_plot import plot_tradeoffs
    from featherweight.bench.tradeoffs import compare_models
    from featherweight.data import load
    from featherweight.measure import find_device

    set_threads(threads)
    shape = shape_of(input)
    if shape is not None and len(shape) != 3:
        raise InvalidArgumentError(
            f"`input` must be channels, height and width, but got input={input!r}."
        )
    rows = compare_models(
        models,
        data=load(data, root=root, download=download) if data else None,
        input_shape=(shape[0], shape[1], shape[2]) if shape else None,
        device=find_device(device),
        rounds=rounds,
        seed=seed,
        backend=backend,
        threads=threads or 1,
    )
    plot_tradeoffs(rows, plot)
    payload = {"rows": rows, "plot": plot}
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show(rows, plot, backend))


def _show(rows: "list[TradeOff]", plot: Path, backend: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from featherweight.bench.tables import format_count
    from featherweight.units import format_bytes

    names = {"torch": "torch", "native": "the native runtime"}
    table = Table(caption=f"Latency by {names[backend]} on this machine. Picture: {plot}")
    for title in (
        "network", "top-1, %", "parameters", "multiply-adds", "latency, ms", "energy, mJ", "file",
        "peak activations", "accuracy from",
    ):  # fmt: skip
        is_text = title in ("network", "accuracy from")
        table.add_column(title, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(
            row.name,
            "" if row.top1 is None else f"{row.top1:.2f}",
            format_count(row.params),
            format_count(row.macs),
            "" if row.latency_ms is None else f"{row.latency_ms:.2f}",
            f"{row.energy_mj:.3g}",
            format_bytes(row.file_bytes),
            format_bytes(row.peak_activation_bytes),
            row.top1_source,
        )
    Console().print(table)
