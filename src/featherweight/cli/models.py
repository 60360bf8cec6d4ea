"""featherweight models [NAME]: the networks, and what is published about them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from featherweight.cli.output import Json, Quiet, command, emit

if TYPE_CHECKING:
    from featherweight.zoo.published import PublishedNetwork, PublishedRow


@command
def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="All figures of this network.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the networks with published figures; with NAME, all that is printed about that one.

    Example: featherweight models googlenet
    """
    from featherweight.zoo import published_network, published_networks

    if name is None:
        networks = list(published_networks().values())
        listed = {"models": [_figures(network, network.rows[0]) for network in networks]}
        emit(listed, as_json=json, quiet=quiet, show=lambda: _show_networks(networks))
        return
    network = published_network(name)
    payload: dict[str, Any] = {
        "models": [_figures(network, row) for row in network.rows],
        "claims": list(network.claims),
    }
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show_network(network))


def _figures(network: "PublishedNetwork", row: "PublishedRow") -> dict[str, Any]:
    """The contract's JSON of one row; counts are numbers, not millions."""
    return {
        "name": network.name,
        "zoo": network.zoo,
        "spec": row.spec,
        "variant": row.variant,
        "layer": row.layer,
        "input": row.input,
        "params": None if row.params is None else round(row.params * 1e6),
        "macs": None if row.macs is None else round(row.macs * 1e6),
        "top1": row.top1,
        "data": row.data,
        "latency_ms": row.latency_ms,
        "device": row.device,
        "source": row.source,
        "convention": row.convention,
        "exception": row.reason,
    }


def _show_networks(networks: "list[PublishedNetwork]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "params M", "MACs M", "top-1 %", "paper", title="Networks")
    for network in networks:
        row = network.rows[0]
        label = network.name if network.zoo else f"{network.name} (figures only)"
        table.add_row(label, *_numbers(row), network.paper)
    Console().print(table)


def _show_network(network: "PublishedNetwork") -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ("network", "input", "params M", "MACs M", "top-1 %", "ms", "source")
    table = Table(*columns, title=f"{network.title}, as published")
    notes: list[str] = []
    for row in network.rows:
        if row.reason is not None and row.reason not in notes:
            notes.append(row.reason)
        mark = f" [{notes.index(row.reason) + 1}]" if row.reason else ""
        what = " ".join(filter(None, (row.spec, row.layer, row.variant))) + mark
        size = "x".join(map(str, row.input)) if row.input else ""
        latency = "" if row.latency_ms is None else f"{row.latency_ms:g}"
        source = f"{row.source} ({row.device})" if row.device else row.source
        table.add_row(_plain(what), size, *_numbers(row), latency, source)
    console = Console()
    console.print(table)
    for number, note in enumerate(notes, start=1):
        console.print(_plain(f"[{number}] {note}."))
    for claim in network.claims:
        console.print(
            f'"{claim.text}": the paper {claim.theirs:g}, ours {claim.ours:g} ({claim.reason}).'
        )


def _numbers(row: "PublishedRow") -> tuple[str, str, str]:
    params, macs, top1 = (
        "" if value is None else f"{value:g}" for value in (row.params, row.macs, row.top1)
    )
    operations = " (operations)" if macs and row.convention.operations_per_mac == 2 else ""
    data = f" ({row.data})" if top1 and row.data != "ImageNet" else ""
    return params, macs + operations, top1 + data


def _plain(text: str) -> str:
    """Square brackets are marks to rich; here they are brackets."""
    from rich.markup import escape

    return escape(text)
