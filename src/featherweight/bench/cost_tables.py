"""The cost of a network as people read it: its layers, its totals, and what stands behind them."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from featherweight.bench.cost import Cost
from featherweight.bench.tables import format_count
from featherweight.measure import CloudOrEdge, LayerCost, Measured
from featherweight.units import format_bytes


def print_cost(name: str, cost: Cost, *, every_layer: bool = False) -> None:
    """Print the table of layers, the totals and the assumptions.

    Args:
        name: of the network.
        cost: what to print.
        every_layer: list layers without weights and multiply-adds too.
    """
    console = Console()
    console.print(layer_table(name, cost, every_layer=every_layer))
    for line in summary(cost):
        console.print(line, highlight=False, soft_wrap=True)
    if cost.cloud:
        console.print(cloud_table(cost.cloud))
    if cost.measured:
        for line in measured_lines(cost.measured):
            console.print(line, highlight=False, soft_wrap=True)
    notes = dict.fromkeys((*cost.energy.assumptions, *cost.time.assumptions))
    console.print(f"[dim]Assumed: {'; '.join(notes)}.[/dim]", highlight=False)


def layer_table(name: str, cost: Cost, *, every_layer: bool = False) -> Table:
    """One row a layer; those that only move or rectify data in one last row, if not asked for."""
    shape = "x".join(map(str, cost.profile.input_shape))
    table = Table(
        title=f"{name} at {shape} on {cost.device.title}", box=SIMPLE_HEAD, pad_edge=False
    )
    for title in ("layer", "type", "output"):
        table.add_column(title, overflow="fold")
    for title in ("params", "MACs", "weights", "output", "mJ", "ms", "busy"):
        table.add_column(title, justify="right", no_wrap=True)
    rest = []
    for layer, energy, time in zip(
        cost.profile.layers, cost.energy.layers, cost.time.layers, strict=True
    ):
        if not (every_layer or layer.params or layer.macs):
            rest.append((layer, energy, time))
            continue
        busy = (
            f"{100 * time.macs / (cost.device.peak_macs * time.seconds):.0f} %"
            if (time.macs and time.seconds)
            else ""
        )
        table.add_row(
            layer.name,
            layer.type,
            "x".join(map(str, layer.output_shape[1:])),
            _kept(layer.kept_params, layer.params),
            _kept(layer.macs, layer.dense_macs),
            format_bytes(layer.weight_bytes) if layer.weight_bytes else "",
            format_bytes(layer.activation_bytes),
            f"{energy.total_mj:.3g}",
            f"{1e3 * time.seconds:.3g}",
            busy,
        )
    if rest:
        activations = sum(layer.activation_bytes for layer, _, _ in rest)
        table.add_row(
            f"{len(rest)} others", _types([layer for layer, _, _ in rest]), "", "", "", "",
            format_bytes(activations), f"{sum(energy.total_mj for _, energy, _ in rest):.3g}",
            f"{1e3 * sum(time.seconds for _, _, time in rest):.3g}", "", style="dim",
        )  # fmt: skip
    return table


def summary(cost: Cost) -> Iterator[str]:
    """The totals, one sentence each."""
    profile, energy, time = cost.profile, cost.energy.total, cost.time
    kept = (
        f" ({profile.kept_params / profile.params:.1%} kept)"
        if profile.kept_params < profile.params
        else ""
    )
    yield (
        f"{profile.params:,} parameters{kept} in {format_bytes(profile.weight_bytes)}; "
        f"{profile.macs:,} multiply-adds"
        + (f" of {profile.dense_macs:,} dense" if profile.macs < profile.dense_macs else "")
        + f"; activations peak at {format_bytes(profile.peak_activation_bytes)} in "
        f"{profile.peak_layer or 'the input'}"
    )
    yield (
        f"energy {energy.total_mj:.3g} mJ: arithmetic {energy.arithmetic_mj:.3g}, registers "
        f"{energy.register_mj:.3g}, SRAM {energy.sram_mj:.3g}, DRAM {energy.dram_mj:.3g}; at "
        f"{cost.fps:g} frames a second {cost.energy.watts(cost.fps):.3g} W"
        + (f", {cost.battery_hours:.3g} h of the battery" if cost.battery_hours else "")
    )
    yes = "yes" if time.fps >= cost.fps else "no"
    yield (
        f"time {1e3 * time.seconds:.3g} ms at best, {time.fps:.3g} frames a second, "
        f"{time.utilisation:.0%} of the peak: {cost.fps:g} frames a second? {yes}"
    )
    for misfit in time.misfits:
        yield f"[red]does not fit:[/red] {misfit}"


def cloud_table(comparison: CloudOrEdge) -> Table:
    """Here and over the network, side by side."""
    link, edge, cloud = comparison.link, comparison.edge, comparison.cloud
    table = Table(
        title=f"Cloud or edge, {link.name}: {link.round_trip_ms:g} ms, {link.uplink_mbps:g} Mbps",
        caption=f"Server: {comparison.server}, at best. {link.source}".strip(),
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for title in ("", "latency ms", "device's energy mJ", "data leaving"):
        table.add_column(title, justify="right" if title else "left")
    for name, place in (("on the device", edge), ("on the server", cloud)):
        table.add_row(
            name,
            f"{place.latency_ms:.3g}",
            f"{place.device_energy_mj:.3g}",
            format_bytes(place.bytes_leaving),
        )
    return table


def measured_lines(measured: Measured) -> Iterator[str]:
    """What was measured, one sentence each."""
    interval = measured.timing.interval
    yield (
        f"measured here: median {1e3 * interval.median:.3g} ms (95 % interval "
        f"{1e3 * interval.low:.3g} to {1e3 * interval.high:.3g}) by torch, "
        f"{measured.threads} thread(s), {len(measured.timing.seconds)} rounds"
    )
    yield (
        f"peak memory of the process {format_bytes(measured.peak_memory_bytes)} "
        f"({measured.peak_memory_note}); energy "
        + (f"{measured.energy_mj:.3g} mJ" if measured.energy_mj is not None else "not measured")
        + f": {measured.energy_note}"
    )


def _kept(kept: int, whole: int) -> str:
    if not whole:
        return ""
    return format_count(whole) if kept == whole else f"{format_count(kept)}/{format_count(whole)}"


def _types(layers: list[LayerCost]) -> str:
    kinds = list(dict.fromkeys(layer.type for layer in layers))
    return ", ".join(kinds[:4]) + (", ..." if len(kinds) > 4 else "")
