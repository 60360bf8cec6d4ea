"""featherweight doctor --environment: what is installed and works."""

from typing import TYPE_CHECKING, Annotated

import typer

from featherweight.cli.output import Json, Quiet, command, emit
from featherweight.errors import InvalidArgumentError

if TYPE_CHECKING:
    from featherweight.bench.race.environment import Installed


@command
def doctor(
    environment: Annotated[
        bool, typer.Option("--environment", help="Try every backend on a small network.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say which runtimes and compilers are installed here, and whether they work.

    Each converts and runs LeNet-5 in a process of its own; that takes about a minute.

    Example: featherweight doctor --environment
    """
    if not environment:
        raise InvalidArgumentError("`doctor` needs to be told what to look at: --environment.")
    from featherweight.bench.race.environment import check_environment

    silent = quiet or json
    found = check_environment(lambda line: None if silent else typer.echo(line, err=True))
    payload = {"backends": found}
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show(found))


def _show(found: "list[Installed]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("backend", "version", "status")
    for each in found:
        table.add_row(each.name, each.version, each.status)
    Console().print(table)
