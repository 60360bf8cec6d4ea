"""featherweight inspect m.fwt: what is inside a file."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featherweight.cli.output import BreakEven, Exact, Json, Prefer, Quiet, command, emit

if TYPE_CHECKING:
    from featherweight.container import FileSummary


@command
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .fwt file.")],
    on_this_machine: Annotated[
        bool, typer.Option("--on-this-machine", help="Load and run it: formats, memory, time.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of --on-this-machine.")] = 1,
    prefer: Prefer = "speed",
    exact: Exact = False,
    break_even: BreakEven = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the sections and tensors of a .fwt file, with format, density, bits and bytes.

    With --on-this-machine, also what each layer becomes here: the format its weights are held in
    (slots also by the width of their entries: one byte, or two where a codebook has more than 16
    values), resident bytes, milliseconds, and why it is not sparser or faster.

    Example: featherweight inspect lenet-5.fwt
    """
    from featherweight import container

    summary = container.inspect(file)
    payload = {**asdict(summary), "file": file}
    machine = None
    if on_this_machine:
        machine = on_machine(
            file, threads=threads, prefer=prefer, exact=exact, break_even=break_even
        )
        payload["machine"] = machine

    def show() -> None:
        _show(file, summary)
        if machine is not None:
            _show_machine(machine)

    emit(payload, as_json=json, quiet=quiet, show=show)


def on_machine(file: Path, **options: Any) -> dict[str, Any]:
    """The file as it is held and run here, per layer and in total; `options` of `Session`."""
    from featherweight.runtime import Session, layers_on_this_machine

    layers = layers_on_this_machine(file, **options)
    memory = Session(file, **options).memory
    return {
        "layers": layers,
        "weight_bytes": memory.weights,
        "activation_bytes": memory.arena,
        "plan_bytes": memory.plan,
        "milliseconds": sum(layer.milliseconds for layer in layers),
    }


def _show(file: Path, summary: "FileSummary") -> None:
    from rich.console import Console
    from rich.table import Table

    from featherweight.units import format_bytes

    console = Console()
    note = " (storage only: some operator is outside the subset)" if summary.storage_only else ""
    console.print(f"{file}: format {summary.version}, {format_bytes(summary.file_bytes)}{note}")
    sections = Table("section", "kind", "bytes", "CRC-32", title="Sections")
    for section in summary.sections:
        sections.add_row(
            section.name, section.kind, f"{section.bytes:,}", f"{section.checksum:08x}"
        )
    layers = Table("tensor", "format", "kept %", "bits", "coders", "bytes", title="Tensors")
    for layer in summary.layers:
        layers.add_row(
            layer.name,
            layer.format,
            f"{100 * layer.density:.2f}",
            str(layer.num_bits),
            " ".join(layer.coders),
            f"{layer.bytes:,}",
        )
    console.print(sections, layers)


def _show_machine(machine: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title="On this machine",
        caption=f"Weights {machine['weight_bytes']:,} bytes, activations and scratch "
        f"{machine['activation_bytes']:,} bytes, the plan {machine['plan_bytes']:,} bytes, "
        f"{machine['milliseconds']:.3f} ms.",
    )
    for title in (
        "layer",
        "operator",
        "stored",
        "runs as",
        "in the file",
        "in memory",
        "ms",
        "note",
    ):
        is_number = title in ("in the file", "in memory", "ms")
        table.add_column(title, justify="right" if is_number else "left")
    for layer in machine["layers"]:
        table.add_row(
            layer.name,
            layer.operator,
            layer.stored_format,
            f"{layer.format}, {layer.detail}" if layer.detail else layer.format,
            f"{layer.stored_bytes:,}" if layer.format else "",
            f"{layer.weight_bytes:,}" if layer.format else "",
            f"{layer.milliseconds:.3f}",
            layer.note,
        )
    Console().print(table)
