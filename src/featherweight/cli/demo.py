"""featherweight demo: both LeNets, trained, compressed, read back, and a report."""

from pathlib import Path
from typing import Annotated

import typer

from featherweight.cli.output import (
    Json,
    Quiet,
    Seed,
    Threads,
    command,
    emit,
    epoch_bars,
    set_threads,
)
from featherweight.cli.step import summarise


@command
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for files and report.")] = Path(
        "runs/demo"
    ),
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train LeNet-300-100 and LeNet-5 on real digits, deep-compress both, and prove it.

    Killed at any point, the same command goes on where it stopped and ends with the same table.

    Example: featherweight demo --out runs/demo
    """
    from featherweight.lecture.deep_compression import run_demo

    set_threads(threads)
    with epoch_bars(quiet or json) as on_epoch:
        result = run_demo(out, seed=seed, report=on_epoch)
    payload = {
        "networks": {
            name: summarise(item, result.changes[name]) for name, item in result.networks.items()
        },
        "report": result.report,
    }
    emit(payload, as_json=json, quiet=quiet, show=result.show)
