"""The race as tables in the terminal, one a network, the fastest backend in bold."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from featherweight.bench.race.row import Row
from featherweight.units import format_bytes

_LONGEST_REASON = 200


def race_tables(rows: Sequence[Row], threads: int) -> list[Table]:
    """A table for each network; what did not run stands below it with its reason."""
    names = dict.fromkeys(row.file for row in rows)
    return [_table([row for row in rows if row.file == name], threads) for name in names]


def _table(rows: Sequence[Row], threads: int) -> Table:
    failed = [row for row in rows if row.status != "ok"]
    table = Table(
        title=f"{rows[0].file}: batch 1, {threads} thread{'s' if threads > 1 else ''}, in turns",
        caption="\n".join(f"{row.backend}: {short(row.status)}" for row in failed) or None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    with_accuracy = any(row.top1 is not None for row in rows)
    table.add_column("backend")
    for header in ("ms", "p10 - p90", "as fast", "file", "memory", "load ms"):
        table.add_column(header, justify="right")
    if with_accuracy:
        table.add_column("top-1, %", justify="right")
    fastest = fastest_row(rows)
    for row in rows:
        if row.status == "ok":
            cells = _cells(row) + ([f"{row.top1:.2f}"] if row.top1 is not None else [])
            table.add_row(*cells, style="bold" if row is fastest else "")
    return table


def fastest_row(rows: Sequence[Row]) -> Row | None:
    """The row with the least median; None if nothing ran."""
    ran = [row for row in rows if row.median_ms is not None]
    return min(ran, key=lambda row: row.median_ms or 0.0, default=None)


def _cells(row: Row) -> list[str]:
    numbers = "" if row.precision in (None, "float32") else f" {row.precision}"
    ratio = ""
    if row.ratio is not None:
        ratio = f"{row.ratio:.2f}x ({row.ratio_low:.2f}-{row.ratio_high:.2f})"
    return [
        f"{row.backend}{numbers}",
        f"{row.median_ms:.3g}",
        f"{row.p10_ms:.3g}-{row.p90_ms:.3g}",
        ratio,
        format_bytes(row.file_bytes or 0),
        format_bytes(row.peak_rss_bytes) if row.peak_rss_bytes else "",
        f"{row.load_ms:.0f}",
    ]


def short(reason: str) -> str:
    """A reason on one line, cut where it is long."""
    reason = " ".join(reason.split())
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"
