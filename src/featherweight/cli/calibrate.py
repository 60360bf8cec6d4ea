"""featherweight calibrate: up to which density each format beats dense weights, here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featherweight.cli.output import Json, Quiet, Seed, command, emit

if TYPE_CHECKING:
    from featherweight.runtime.calibration import Row


@command
def calibrate(
    out: Annotated[
        Path | None, typer.Option(help="Where to write the table; default: the user's cache.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer densities and the smaller shapes.")
    ] = False,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Time the formats of sparse and shared weights beside dense ones, and write a table of it.

    Sessions of this user then choose layouts by that table (but not with `exact`): a pruned layer
    that would be slower sparse runs dense. Takes about a minute on one thread; the machine should
    do nothing else meanwhile.

    Example: featherweight calibrate
    """
    from featherweight import _native
    from featherweight.runtime import break_even, calibration

    with _progress(quiet or json) as step:
        rows = calibration.measure(quick=quick, step=step, seed=seed)
    table = calibration.break_even(rows)
    path = out if out is not None else break_even.default_path()
    instruction_set = _native.instruction_sets()[-1]
    comment = f"Written by `featherweight calibrate`: break-even densities with {instruction_set}."
    break_even.write(path, table, comment)
    payload = {"rows": rows, "break_even": table, "instruction_set": instruction_set, "file": path}
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show(rows, table, path))


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("", total=None)
        yield lambda name, done, total: progress.update(
            task, description=name, completed=done, total=total
        )


def _show(rows: tuple["Row", ...], table: dict[str, float], path: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    densities = sorted({row.density for row in rows})
    shown = Table(title="Times as fast as dense, by density", caption=f"Written to {path}.")
    shown.add_column("kernel")
    shown.add_column("rows x depth x columns")
    for density in densities:
        shown.add_column(f"{100 * density:.0f} %", justify="right")
    shown.add_column("break-even", justify="right")
    curves: dict[tuple[str, tuple[int, int, int]], dict[float, float]] = {}
    for row in rows:
        curves.setdefault((row.kernel, row.shape), {})[row.density] = row.ratio
    for (kernel, shape), ratios in curves.items():
        cells = [f"{ratios[d]:.2f}" if d in ratios else "" for d in densities]
        size = "x".join(map(str, shape))
        shown.add_row(kernel, size, *cells, f"{100 * table[kernel]:.0f} %")
    Console().print(shown)
