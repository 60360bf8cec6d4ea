"""Accuracy against cost, a panel a cost, a bubble a network (after Canziani, arXiv 1605.07678).

The area of a bubble is the number of parameters. Up and to the left is better.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any

from featherweight.bench.figures import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PALE,
    figure_style,
    new_figure,
)
from featherweight.bench.tradeoffs import TradeOff
from featherweight.errors import InvalidArgumentError
from featherweight.extras import require

COSTS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "macs": ("multiply-adds, million", lambda value: f"{value / 1e6:,g}"),
    "params": ("parameters, million", lambda value: f"{value / 1e6:,g}"),
    "latency_ms": ("latency, ms", lambda value: f"{value:,g}"),
    "energy_mj": ("energy, mJ", lambda value: f"{value:,g}"),
    "file_bytes": ("file, MB", lambda value: f"{value / 1e6:,g}"),
    "peak_activation_bytes": ("peak activation memory, MB", lambda value: f"{value / 1e6:,g}"),
}
"""What may stand across: its label with the unit, and how its values are written."""

_COLOURS = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#d55e00", MUTED)
_LARGEST_BUBBLE, _SMALLEST_BUBBLE = 1500.0, 26.0
_DOTTED = 60.0
"""Larger bubbles have a dot in their middle, so that values can be read."""
_PANEL = (4.3, 3.7)


def plot_tradeoffs(
    rows: Sequence[TradeOff],
    path: Path,
    *,
    costs: Sequence[str] = tuple(COSTS),
    title: str = "",
    named: bool = True,
) -> None:
    """Draw top-1 against each of `costs` into `path`, an .svg, .png or .pdf.

    Where no network has an accuracy, latency is drawn in its place: less is better then.

    Args:
        rows: networks without a value are left out of the panels that need it.
        costs: keys of `COSTS`; by default all.
        named: write each network's name beside its bubble.

    Raises:
        InvalidArgumentError: an unknown cost, or nothing to draw.
    """
    unknown = [cost for cost in costs if cost not in COSTS]
    if unknown or not rows:
        raise InvalidArgumentError(
            f"a plot needs networks and costs out of {', '.join(COSTS)}, but got {len(rows)} "
            f"networks and {', '.join(costs)}."
        )
    height = "top1" if any(row.top1 is not None for row in rows) else "latency_ms"
    costs = [cost for cost in costs if cost != height]
    columns = min(2, len(costs))
    lines = -(-len(costs) // columns)
    with figure_style("tradeoffs " + title):
        figure = new_figure(_PANEL[1] * lines + 0.3, _PANEL[0] * columns)
        panels = figure.subplots(lines, columns, squeeze=False).flatten()
        for axes in panels[len(costs) :]:
            axes.set_axis_off()
        for axes, cost in zip(panels, costs, strict=False):
            _draw_panel(axes, rows, cost, height, named)
        _draw_legend(figure, rows)
        if title:
            figure.suptitle(title, fontsize=10, x=0.01, ha="left")
        figure.savefig(path, dpi=160)


def _looks(rows: Sequence[TradeOff]) -> dict[str, tuple[str, str]]:
    """Marker and colour of each series; squares where the colours have run out."""
    series = dict.fromkeys(row.series for row in rows)
    return dict(zip(series, cycle(product("os", _COLOURS)), strict=False))


def _draw_panel(axes: Any, rows: Sequence[TradeOff], cost: str, height: str, named: bool) -> None:
    label, write = COSTS[cost]
    most = max(row.params for row in rows)
    shown = [r for r in rows if getattr(r, cost) and getattr(r, height) is not None]
    looks = _looks(rows)
    for row in sorted(shown, key=lambda row: -row.params):
        across, up = getattr(row, cost), getattr(row, height)
        area = max(_SMALLEST_BUBBLE, _LARGEST_BUBBLE * row.params / most)
        marker, colour = looks[row.series]
        axes.scatter(
            [across], [up], s=area, color=colour, marker=marker, linewidth=0.6, edgecolor=INK,
            alpha=0.45 if area > _DOTTED else 0.8, zorder=3,
        )  # fmt: skip
        if area > _DOTTED:
            axes.scatter([across], [up], s=4, color=INK, zorder=4)
    axes.set_xscale("log")
    ticker = require("matplotlib.ticker", "torch")
    axes.margins(0.16, 0.12)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high / low < 60 else (1,)))
    axes.xaxis.set_major_formatter(lambda value, _: write(value))
    axes.minorticks_off()
    axes.set_xlabel(label)
    axes.set_ylabel("top-1, %" if height == "top1" else "latency, ms")
    axes.grid(color=PALE, linewidth=0.5)
    if named:
        _write_names(axes, [(row.name, getattr(row, cost), getattr(row, height)) for row in shown])


def _write_names(axes: Any, points: Sequence[tuple[str, float, float]]) -> None:
    """Names beside their points, on the side that has room; a lower one goes below if it must."""
    placed: list[tuple[float, float]] = []
    left, right = axes.transAxes.transform([(0, 0), (1, 0)])[:, 0]
    for name, across, up in sorted(points, key=lambda point: -point[2]):
        x, y = axes.transData.transform((across, up))
        is_right = x < left + 0.6 * (right - left)
        offset = 5
        while any(abs(x - a) < 95 and abs(y + offset - b) < 10 for a, b in placed):
            offset -= 10
        placed.append((x, y + offset))
        axes.annotate(
            name, (across, up), xytext=(5 if is_right else -5, offset * 0.72),
            textcoords="offset points", ha="left" if is_right else "right", fontsize=6.5,
            color=INK, zorder=5,
        )  # fmt: skip


def _draw_legend(figure: Any, rows: Sequence[TradeOff]) -> None:
    looks = _looks(rows)
    if len(looks) < 2:
        return
    line = require("matplotlib.lines", "torch").Line2D
    handles = [
        line([], [], marker=marker, linestyle="", color=colour, alpha=0.7, label=series)
        for series, (marker, colour) in looks.items()
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(4, len(handles)), frameon=False,
        fontsize=7.5,
    )  # fmt: skip
