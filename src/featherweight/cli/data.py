"""featherweight data DATA: check a data set and describe it."""

from typing import Annotated

import typer

from featherweight.cli.output import Download, Json, Quiet, Root, command, emit


@command
def data(
    name: Annotated[str, typer.Argument(metavar="DATA", help="A data set's name, or a folder.")],
    root: Root = None,
    download: Download = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a data set and describe it.

    Example: featherweight data mnist5k --json
    """
    from featherweight.data import describe, load

    description = describe(load(name, root=root, download=download))

    def show() -> None:
        from rich.console import Console
        from rich.table import Table

        table = Table(show_header=False)
        for key, value in description.items():
            table.add_row(key, str(value))
        Console().print(table)

    emit(description, as_json=json, quiet=quiet, show=show)
