"""The roofline of a device with a network's layers under it (Williams et al. 2009, CACM 52(4)).

Across: multiply-adds for each byte of DRAM traffic. Up: multiply-adds a second that the layer can
reach. The roof is the bandwidth's slope and the flat peak; a layer below the roof does not fill
the device's tiles. The area of a point is the layer's share of the time.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from featherweight.bench.figures import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    PALE,
    figure_style,
    new_figure,
)
from featherweight.extras import require
from featherweight.measure import LayerTime, TimeEstimate

_GIGA = 1e9
_NAMED = 6
_NAMES_A_LABEL = 3
_NARROW_DECADES = 2.5
_LARGEST_POINT = 700.0
_SMALLEST_POINT = 12.0


def plot_roofline(estimate: TimeEstimate, title: str, path: Path) -> None:
    """Draw the roofline into `path`, an .svg, .png or .pdf."""
    layers = [layer for layer in estimate.layers if layer.macs]
    with figure_style(title):
        figure = new_figure(4.4, 6.4)
        axes = figure.subplots()
        low, high = _limits(layers, estimate)
        _draw_roof(axes, estimate, low, high)
        _draw_layers(axes, layers, estimate.seconds, (low, high))
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_xlabel("multiply-adds for each byte of DRAM traffic")
        axes.set_ylabel("billion multiply-adds a second")
        locator = require("matplotlib.ticker", "torch").LogLocator
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom / 2.5, top * 1.5)
        narrow = math.log10(top / bottom) < _NARROW_DECADES
        axes.yaxis.set_major_locator(locator(subs=(1, 2, 5) if narrow else (1,)))
        axes.grid(color=PALE, linewidth=0.5)
        axes.minorticks_off()
        axes.set_title(
            f"{title} on {estimate.device.title}\n{1e3 * estimate.seconds:.3g} ms at best; "
            f"areas: share of the time; orange: bound by memory"
        )
        figure.savefig(path, dpi=160)


def _limits(layers: Sequence[LayerTime], estimate: TimeEstimate) -> tuple[float, float]:
    """Return the range across: all layers, and a decade on each side of the ridge."""
    ridge = estimate.device.peak_macs / estimate.device.bandwidth
    known = [layer.intensity for layer in layers if layer.dram_bytes]
    return min([*known, ridge / 10]) / 3, max([*known, ridge * 10]) * 3


def _draw_roof(axes: Any, estimate: TimeEstimate, low: float, high: float) -> None:
    peak, bandwidth = estimate.device.peak_macs / _GIGA, estimate.device.bandwidth / _GIGA
    ridge = peak / bandwidth
    axes.plot([low, ridge, high], [low * bandwidth, peak, peak], color=INK, linewidth=1.2)
    axes.text(
        high / 1.1, peak * 1.08, f"peak {peak:,.0f}" if peak > 100 else f"peak {peak:.3g}",
        ha="right", va="bottom", color=MUTED, fontsize=8,
    )  # fmt: skip
    middle = math.sqrt(low * ridge)
    axes.annotate(
        f"{bandwidth:,.4g} GB/s", (middle, middle * bandwidth), xytext=(-8, 4),
        textcoords="offset points", color=MUTED, fontsize=8, ha="right", va="bottom",
    )  # fmt: skip


def _draw_layers(
    axes: Any, layers: Sequence[LayerTime], total: float, limits: tuple[float, float]
) -> None:
    """Draw each layer; one without DRAM traffic stands at the right edge."""
    points: dict[str, tuple[float, float]] = {}
    for layer in layers:
        across = min(layer.intensity, limits[1] / 1.3)
        rate = layer.macs / layer.seconds / _GIGA if layer.seconds else 0.0
        area = _SMALLEST_POINT + _LARGEST_POINT * (layer.seconds / total if total else 0.0)
        colour = ORANGE if layer.bound == "memory" else BLUE
        axes.scatter([across], [rate], s=area, color=colour, alpha=0.65, linewidth=0, zorder=3)
        points[layer.name] = (across, rate)
    longest = sorted(layers, key=lambda layer: -layer.seconds)[:_NAMED]
    for names in _together([layer.name for layer in longest], points):
        shown = names if len(names) <= _NAMES_A_LABEL else names[:2]
        more = f" and {len(names) - 2} more" if shown != names else ""
        label = ", ".join(shown) + more
        where = math.log(points[names[0]][0] / limits[0]) / math.log(limits[1] / limits[0])
        axes.annotate(
            label, points[names[0]], xytext=(0, -16), textcoords="offset points", fontsize=8,
            ha="left" if where < 0.2 else "right" if where > 0.7 else "center", va="top",
        )  # fmt: skip


def _together(names: Sequence[str], points: Mapping[str, tuple[float, float]]) -> list[list[str]]:
    """Return the names in groups whose points are too close to be labelled apart."""
    groups: list[list[str]] = []
    for name in names:
        for group in groups:
            if _is_near(points[name], points[group[0]]):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _is_near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    decades = [
        abs(math.log10(max(a, 1e-9) / max(b, 1e-9))) for a, b in zip(one, other, strict=True)
    ]
    return decades[0] < 0.45 and decades[1] < 0.15
