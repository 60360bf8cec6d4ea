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
_PANEL = (4.6, 4.2)


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


Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points of the page."""


_LETTER, _LINE, _NEAR = 3.6, 8.0, 12.0
"""Of a name in points: a letter's mean width, a line's height, how far off it needs no leader."""


def _write_names(axes: Any, points: Sequence[tuple[str, float, float]]) -> None:
    """Names beside their points, where neither names nor points are yet; a line leads from afar."""
    per_point = axes.figure.dpi / 72
    ends = axes.transAxes.transform([(0, 0), (1, 1)]) / per_point
    panel: Box = (*ends[0], *ends[1])
    middles = axes.transData.transform([(a, u) for _, a, u in points]) / per_point
    taken: list[Box] = [(x - 2, y - 2, x + 2, y + 2) for x, y in middles]
    for (name, across, up), (x, y) in sorted(
        zip(points, middles, strict=True), key=lambda pair: -pair[0][2]
    ):
        dx, dy = _room(x, y, _LETTER * len(name), taken, panel)
        width = _LETTER * len(name) * (1 if dx > 0 else -1)
        left, right = sorted((x + dx, x + dx + width))
        taken.append((left, y + dy - _LINE / 2, right, y + dy + _LINE / 2))
        leads = {
            "arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 1,
            "relpos": (0 if dx > 0 else 1, 0.5),
        }  # fmt: skip
        axes.annotate(
            name, (across, up), xytext=(dx, dy), textcoords="offset points", va="center",
            ha="left" if dx > 0 else "right", fontsize=6.5, color=INK, zorder=5,
            arrowprops=leads if abs(dx) + abs(dy) > _NEAR else None,
        )  # fmt: skip


def _room(
    x: float, y: float, width: float, taken: Sequence[Box], panel: Box
) -> tuple[float, float]:
    """The nearest offset from (x, y) at which a name of `width` overlaps nothing."""
    offsets = [
        (side * across, sign * down * 4.0)
        for down in range(30)
        for across in (5.0, 14.0, 28.0, 44.0)
        for side in (1, -1)
        for sign in (1, -1)
    ]
    for dx, dy in sorted(offsets, key=lambda offset: abs(offset[0]) + abs(offset[1])):
        left, right = sorted((x + dx, x + dx + (width if dx > 0 else -width)))
        low, high = y + dy - _LINE / 2, y + dy + _LINE / 2
        inside = left > panel[0] and right < panel[2] and low > panel[1] and high < panel[3]
        if inside and not any(
            left < t[2] and t[0] < right and low < t[3] and t[1] < high for t in taken
        ):
            return dx, dy
    return 5.0, 0.0


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
