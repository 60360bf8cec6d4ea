"""The roofline of a device with a network's layers under it (Williams et al. 2009, CACM 52(4)).

Across: multiply-adds for each byte of DRAM traffic. Up: multiply-adds a second that the layer can
reach. The roof is the bandwidth's slope and the flat peak; a layer below the roof does not fill
the device's tiles. The area of a point is the layer's share of the time.
"""

from collections.abc import Sequence
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
from featherweight.measure import LayerTime, TimeEstimate

_GIGA = 1e9
_NAMED = 6
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
        _draw_layers(axes, layers, estimate.seconds, high)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_xlabel("multiply-adds for each byte of DRAM traffic")
        axes.set_ylabel("billion multiply-adds a second")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.grid(color=PALE, linewidth=0.5)
        axes.minorticks_off()
        axes.set_title(
            f"{title} on {estimate.device.title}\n{1e3 * estimate.seconds:.3g} ms at best; "
            f"areas: share of the time; orange: bound by memory"
        )
        figure.savefig(path, dpi=160)


def _limits(layers: Sequence[LayerTime], estimate: TimeEstimate) -> tuple[float, float]:
    """Return the range across: all layers and the ridge, with a margin of a factor of 3."""
    ridge = estimate.device.peak_macs / estimate.device.bandwidth
    known = [layer.intensity for layer in layers if layer.dram_bytes] + [ridge]
    return min(known) / 3, max(known) * 3


def _draw_roof(axes: Any, estimate: TimeEstimate, low: float, high: float) -> None:
    peak, bandwidth = estimate.device.peak_macs / _GIGA, estimate.device.bandwidth / _GIGA
    ridge = peak / bandwidth
    axes.plot([low, ridge, high], [low * bandwidth, peak, peak], color=INK, linewidth=1.2)
    axes.text(
        high / 1.1,
        peak * 1.08,
        f"peak {peak:,.4g}",
        ha="right",
        va="bottom",
        color=MUTED,
        fontsize=8,
    )
    axes.annotate(
        f"{bandwidth:,.4g} GB/s", (low * 1.15, low * 1.15 * bandwidth), xytext=(0, 9),
        textcoords="offset points", color=MUTED, fontsize=8,
    )  # fmt: skip


def _draw_layers(axes: Any, layers: Sequence[LayerTime], total: float, high: float) -> None:
    """Draw each layer; one without DRAM traffic stands at the right edge."""
    longest = sorted(layers, key=lambda layer: -layer.seconds)[:_NAMED]
    for layer in layers:
        across = min(layer.intensity, high / 1.3)
        rate = layer.macs / layer.seconds / _GIGA if layer.seconds else 0.0
        area = _SMALLEST_POINT + _LARGEST_POINT * (layer.seconds / total if total else 0.0)
        colour = ORANGE if layer.bound == "memory" else BLUE
        axes.scatter([across], [rate], s=area, color=colour, alpha=0.65, linewidth=0, zorder=3)
        if layer in longest:
            axes.annotate(
                layer.name, (across, rate), xytext=(7, -11), textcoords="offset points", fontsize=8
            )
