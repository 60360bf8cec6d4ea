"""Before and after on this machine, as a table in the terminal and as cells of the report."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from featherweight.bench.on_machine import LayerChange, MachineChange
from featherweight.units import format_bytes

HEADERS = ("Layer", "Runs as", "In memory", "was", "ms", "was", "Faster", "Why not")


def change_cells(change: MachineChange) -> list[tuple[str, ...]]:
    """The cells of each layer under `HEADERS`; the last row is the whole network."""
    rows = [_cells(layer) for layer in change.layers]
    before, after = change.before, change.after
    rows.append(
        (
            "whole network",
            "",
            format_bytes(after.weight_bytes),
            format_bytes(before.weight_bytes),
            f"{after.latency_ms.median:.3f}",
            f"{before.latency_ms.median:.3f}",
            f"{change.speedup.median:.2f}x",
            "",
        )
    )
    return rows


def _cells(layer: LayerChange) -> tuple[str, ...]:
    return (
        layer.name,
        layer.format_after,
        format_bytes(layer.weight_bytes_after),
        format_bytes(layer.weight_bytes_before),
        f"{layer.ms_after:.3f}",
        f"{layer.ms_before:.3f}",
        f"{layer.ms_before / max(layer.ms_after, 1e-6):.2f}x",
        layer.why_not_faster,
    )


def change_line(change: MachineChange) -> str:
    """One line: file, memory and time, before and after."""
    before, after, speedup = change.before, change.after, change.speedup
    return (
        f"on this machine, native runtime, one thread: file {format_bytes(before.file_bytes)} -> "
        f"{format_bytes(after.file_bytes)}, weights in memory {format_bytes(before.weight_bytes)} "
        f"-> {format_bytes(after.weight_bytes)}, {before.latency_ms.median:.3f} -> "
        f"{after.latency_ms.median:.3f} ms: {speedup.median:.2f}x as fast "
        f"({speedup.low:.2f} to {speedup.high:.2f})"
    )


def change_table(name: str, change: MachineChange) -> Table:
    """The layers of a network, for a terminal; why some are not faster stands below them."""
    reasons = [
        f"{layer.name} is not faster: {layer.why_not_faster}."
        for layer in change.layers
        if layer.why_not_faster
    ]
    table = Table(
        title=f"{name} on this machine",
        caption="\n".join(reasons) or None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for header in HEADERS[:-1]:
        is_text = header in ("Layer", "Runs as")
        table.add_column(header, justify="left" if is_text else "right")
    cells: Sequence[tuple[str, ...]] = change_cells(change)
    for index, row in enumerate(cells):
        table.add_row(*row[:-1], style="bold" if index == len(cells) - 1 else "")
    return table
