"""The cost of a network as people read it: its layers, its totals, and what stands behind them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from featherweight.bench.cost import Cost
from featherweight.bench.resident import Resident
from featherweight.bench.tables import format_count
from featherweight.measure import CloudOrEdge, Energy, LayerCost, LayerTime, Measured
from featherweight.units import format_bytes

_WIDE = 100
_NAME_WIDTH = 12


def print_cost(name: str, cost: Cost, *, every_layer: bool = False) -> None:
    """Print the table of layers, the totals and the assumptions.

    Args:
        name: of the network.
        cost: what to print.
        every_layer: list layers without weights and multiply-adds too.
    """
    console = Console()
    console.print(layer_table(name, cost, every_layer=every_layer, width=console.width))
    for line in summary(cost):
        console.print(line, highlight=False, soft_wrap=True)
    if cost.resident:
        console.print(resident_line(cost.resident), highlight=False, soft_wrap=True)
    if cost.cloud:
        console.print(cloud_table(cost.cloud))
    if cost.measured:
        for line in measured_lines(cost.measured):
            console.print(line, highlight=False, soft_wrap=True)
    notes = dict.fromkeys((*cost.energy.assumptions, *cost.time.assumptions))
    console.print(f"[dim]Assumed: {'; '.join(notes)}.[/dim]", highlight=False)


def layer_table(name: str, cost: Cost, *, every_layer: bool = False, width: int = 120) -> Table:
    """One row a layer; those that only move or rectify data in one last row, if not asked for.

    Where `width` is less than 100 columns, types, shapes and bytes of outputs are left out.
    """
    shape = "x".join(map(str, cost.profile.input_shape))
    table = Table(
        title=f"{name} at {shape} on {cost.device.title}",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    columns = [column for column in _COLUMNS if column.is_narrow or width >= _WIDE]
    for column in columns:
        is_text = column.title in ("layer", "type", "shape")
        table.add_column(
            column.title, justify="left" if is_text else "right",
            no_wrap=column.title != "layer", overflow="fold",
            min_width=_NAME_WIDTH if column.title == "layer" else None,
        )  # fmt: skip
    rows = [
        LayerRow(layer, energy, time, cost.device.peak_macs)
        for layer, energy, time in zip(
            cost.profile.layers, cost.energy.layers, cost.time.layers, strict=True
        )
    ]
    shown = [row for row in rows if every_layer or row.layer.params or row.layer.macs]
    for row in shown:
        table.add_row(*(column.cell(row) for column in columns))
    if len(shown) < len(rows):
        rest = [row for row in rows if row not in shown]
        table.add_row(*_sums(rest, columns), style="dim")
    return table


@dataclass(frozen=True)
class LayerRow:
    """One layer, and what it costs on a device of `peak_macs` multiply-adds a second."""

    layer: LayerCost
    energy: Energy
    time: LayerTime
    peak_macs: float

    @property
    def busy(self) -> str:
        """Share of the device's multipliers that work meanwhile."""
        if not self.time.macs or not self.time.seconds:
            return ""
        return f"{self.time.macs / (self.peak_macs * self.time.seconds):.0%}"


@dataclass(frozen=True)
class _Column:
    """A title, and the cell of a row; `is_narrow` if it is shown on a narrow terminal too."""

    title: str
    cell: Callable[[LayerRow], str]
    is_narrow: bool = True


_COLUMNS = (
    _Column("layer", lambda row: row.layer.name),
    _Column("type", lambda row: row.layer.type, False),
    _Column("shape", lambda row: "x".join(map(str, row.layer.output_shape[1:])), False),
    _Column("params", lambda row: _kept(row.layer.kept_params, row.layer.params)),
    _Column("MACs", lambda row: _kept(row.layer.macs, row.layer.dense_macs)),
    _Column("weights", lambda row: _bytes(row.layer.weight_bytes)),
    _Column("output", lambda row: _bytes(row.layer.activation_bytes), False),
    _Column("mJ", lambda row: f"{row.energy.total_mj:.3g}"),
    _Column("ms", lambda row: f"{1e3 * row.time.seconds:.3g}"),
    _Column("busy", lambda row: row.busy),
)


def _sums(rows: Sequence[LayerRow], columns: Sequence[_Column]) -> list[str]:
    kinds = len({row.layer.type for row in rows})
    cells = {
        "layer": f"{len(rows)} others",
        "type": f"{kinds} types",
        "output": _bytes(sum(row.layer.activation_bytes for row in rows)),
        "mJ": f"{sum(row.energy.total_mj for row in rows):.3g}",
        "ms": f"{1e3 * sum(row.time.seconds for row in rows):.3g}",
    }
    return [cells.get(column.title, "") for column in columns]


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


def resident_line(resident: Resident | str) -> str:
    """What our runtime holds, in one sentence."""
    if isinstance(resident, str):
        return f"our runtime cannot run it: {resident}"
    return (
        f"our runtime holds {format_bytes(resident.weight_bytes)} of weights and "
        f"{format_bytes(resident.activation_bytes)} of activations and scratch, fused and planned"
    )


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


def _bytes(count: float) -> str:
    return format_bytes(count) if count else ""
