"""featherweight inspect m.fwt: what is inside a file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from featherweight.cli.output import Json, Quiet, command, emit


@command
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .fwt file.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the sections and tensors of a .fwt file, with format, density, bits and bytes.

    Example: featherweight inspect lenet-5.fwt
    """
    from featherweight import container

    summary = container.inspect(file)

    def show() -> None:
        from rich.console import Console
        from rich.table import Table

        from featherweight.units import format_bytes

        console = Console()
        note = (
            " (storage only: some operator is outside the subset)" if summary.storage_only else ""
        )
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

    emit({**asdict(summary), "file": file}, as_json=json, quiet=quiet, show=show)
