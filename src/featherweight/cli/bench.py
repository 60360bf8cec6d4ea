"""featherweight bench MODEL_OR_FILE...: the race of the runtimes that are installed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featherweight.cli.output import Json, OptionalData, Quiet, Root, Seed, command, emit

if TYPE_CHECKING:
    from featherweight.bench.race import Row


@command
def bench(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL_OR_FILE...", help="Networks and files.")
    ],
    backends: Annotated[
        str,
        typer.Option(
            help="all, or some of native, torch, torch-compile, onnxruntime, litert, executorch, "
            "tvm and openvino, joined by commas."
        ),
    ] = "all",
    rounds: Annotated[int, typer.Option(min=1, help="Timed runs of each, in turns.")] = 30,
    precision: Annotated[
        str | None, typer.Option(help="As of `export`; default: the network's own.")
    ] = None,
    data: OptionalData = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights for a named network.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the race: .svg, .png or .pdf.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the exported files in this folder.")
    ] = None,
    root: Root = None,
    seed: Seed = 0,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each backend.")] = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Race networks on every runtime: time in turns, memory of each process, file and load time.

    A backend that fails, or is not installed, is a row with its reason. The first row is what the
    others are compared with.

    Example: featherweight bench resnet-18.fwt --backends native,onnxruntime --rounds 50
    """
    from featherweight.bench.race import RaceOptions, race
    from featherweight.bench.race.plot import plot_race

    options = RaceOptions(
        backends=backends, rounds=rounds, threads=threads, precision=precision, data=data,
        root=root, checkpoint=checkpoint, seed=seed, folder=keep,
    )  # fmt: skip
    silent = quiet or json
    rows = race(models, options, lambda line: None if silent else typer.echo(line, err=True))
    if plot is not None:
        plot_race(rows, plot)
    payload = {"rows": rows, "plot": plot}
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show(rows, threads))


def _show(rows: "list[Row]", threads: int) -> None:
    from rich.console import Console

    from featherweight.bench.race.table import race_tables

    for table in race_tables(rows, threads):
        Console().print(table)
