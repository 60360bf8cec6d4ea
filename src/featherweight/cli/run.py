"""featherweight run m.fwt INPUT: one inference on the native runtime."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featherweight.cli.output import BreakEven, Exact, Json, Prefer, Quiet, command, emit

if TYPE_CHECKING:
    from featherweight.runtime.inference import Inference


@command
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .fwt file.")],
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Numbers (.npy), or a picture.")],
    output: Annotated[
        Path | None, typer.Option(help="Write the first output here, as .npy.")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="How many classes to name.")] = 5,
    repeat: Annotated[int, typer.Option(min=1, help="Timed runs after one to warm up.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    prefer: Prefer = "speed",
    exact: Exact = False,
    break_even: BreakEven = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a file once on the native runtime, without torch; the latency is a median of --repeat.

    A picture is cut to the network's size and normalized as the file's metadata says; where it
    says nothing, pixels are from 0 to 1. An array is taken as it is.

    Example: featherweight run lenet-5.fwt digit.png --top 3
    """
    from featherweight.runtime.inference import infer

    result = infer(
        file, input, top=top, repeat=repeat, threads=threads,
        prefer=prefer, exact=exact, break_even=break_even,
    )  # fmt: skip
    if output is not None:
        import numpy as np

        with output.open("wb") as stream:
            np.save(stream, result.outputs[0])
    payload = {
        "outputs": [
            {"shape": list(array.shape), "dtype": str(array.dtype)} for array in result.outputs
        ],
        "top": result.top,
        "latency_ms": result.latency_ms,
    }
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show(result))


def _show(result: "Inference") -> None:
    for guess in result.top:
        typer.echo(f"{100 * guess.probability:6.2f} %  {guess.label}")
    shapes = ", ".join(str(list(array.shape)) for array in result.outputs)
    typer.echo(f"{result.latency_ms:.3f} ms; outputs {shapes}")
