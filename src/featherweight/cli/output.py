"""What every command does alike: results on stdout, progress and errors on stderr, exit codes.

Exit codes: 0 done, 1 the work failed, 2 wrong usage.
"""

import functools
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer

from featherweight.errors import FeatherweightError, InvalidArgumentError
from featherweight.extras import install_hint

P = ParamSpec("P")
R = TypeVar("R")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no table.")]
Seed = Annotated[int, typer.Option(help="Seed of weights, order and augmentation.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0: as torch chooses.")]
Prefer = Annotated[
    str, typer.Option(help="Of the layouts of a layer: speed (the fastest) or memory.")
]
Exact = Annotated[
    bool, typer.Option("--exact", help="Float32 only: activations are never rounded to 8 bits.")
]
BreakEven = Annotated[
    Path | None,
    typer.Option("--break-even", help="What `calibrate` wrote; default: the user's own table."),
]
Data = Annotated[
    str, typer.Option("--data", help="mnist5k, mnist, fashion-mnist, digits or a folder.")
]
OptionalData = Annotated[
    str | None, typer.Option("--data", help="mnist5k, mnist, fashion-mnist, digits or a folder.")
]
Root = Annotated[Path | None, typer.Option("--root", help="Folder that holds the IDX files.")]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch the data set, checksum verified.")
]


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn our errors into one sentence on stderr and the contract's exit codes."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except InvalidArgumentError as error:
            fail(str(error), code=2)
        except (FeatherweightError, OSError) as error:
            fail(str(error), code=1)
        except ModuleNotFoundError as error:
            # Only torch is imported by whole modules; the rest goes through `extras.require`.
            if error.name != "torch":
                raise
            fail(install_hint("torch", "torch"), code=1)
        except KeyboardInterrupt:
            fail("interrupted; run the same command again to go on.", code=1)

    return guarded


def fail(message: str, code: int) -> NoReturn:
    """Print one sentence to stderr and leave with `code`."""
    typer.echo(f"featherweight: {message}", err=True)
    raise typer.Exit(code)


def to_json(value: Any) -> Any:
    """Plain data that JSON can hold: dataclasses as objects, paths as text, NaN as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(asdict(value))
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def emit(payload: Any, *, as_json: bool, quiet: bool, show: Callable[[], None]) -> None:
    """Print the result once: as JSON, or as people read it, or not at all."""
    if as_json:
        sys.stdout.write(json.dumps(to_json(payload), indent=2) + "\n")
    elif not quiet:
        show()


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """Read the sizes of `--input`, such as 3,224,224.

    Raises:
        InvalidArgumentError: they are not sizes.
    """
    if text is None:
        return None
    try:
        shape = tuple(int(size) for size in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise InvalidArgumentError(
            f"`input` must be sizes of 1 or more, as in 3,224,224, but got input={text!r}."
        )
    return shape


def set_threads(threads: int) -> None:
    """Limit torch to so many CPU threads."""
    if threads:
        import torch

        torch.set_num_threads(threads)


@contextmanager
def epoch_bars(quiet: bool) -> Iterator[Callable[[str, Any], None]]:
    """One progress bar a stage on stderr; yields the function that stages report epochs to."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        Remaining(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        tasks: dict[str, Any] = {}

        def report(stage: str, step: Any) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=step.epochs, note="")
            known = math.isfinite(step.val_top1)
            note = f"loss {step.loss:.3f}, validation {step.val_top1:.2f} %" if known else "resumed"
            progress.update(tasks[stage], completed=step.epoch, total=step.epochs, note=note)

        yield report
