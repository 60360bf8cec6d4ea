"""The report's figures as SVG text, made to stand inside an HTML page.

Each is small (a phone's width) and takes its colours from the page (see `figures`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featherweight.bench.figures import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    PALE,
    figure_style,
    new_figure,
    to_svg,
)
from featherweight.bench.tables import format_count
from featherweight.extras import require
from featherweight.units import format_bytes

_BINS = 81
_MOST_VALUES = 256


@dataclass(frozen=True)
class Remaining:
    """How many weights of a layer are left, and the share that a paper kept, in percent."""

    layer: str
    params: int
    kept: int
    published_percent: float | None = None


@dataclass(frozen=True)
class DensityPoint:
    """Top-1 on validation, in percent, with `density` in (0, 1] of the weights left."""

    density: float
    top1: float
    series: str = ""
    """Points of one series are joined by a line, and named in the legend."""


def weight_histograms(layer: str, stages: Mapping[str, NDArray[Any]]) -> str:
    """The distribution of one layer's weights, one panel a stage, all on one scale of values.

    Args:
        stages: flat weights by stage. Weights that are exactly zero are not drawn; each panel says
            how many are left. Where few values occur, each is drawn as a line of its own.
    """
    left = [weights[weights != 0] for weights in stages.values()]
    low = min((float(weights.min()) for weights in left if weights.size), default=-1.0)
    high = max((float(weights.max()) for weights in left if weights.size), default=1.0)
    margin = 0.02 * (high - low) or 1.0
    with figure_style(f"histogram {layer}"):
        figure = new_figure(0.5 + 1.15 * len(stages))
        panels = figure.subplots(len(stages), 1, sharex=True, squeeze=False)[:, 0]
        parts = zip(panels, stages.items(), left, cycle((BLUE, ORANGE, GREEN)), strict=False)
        for axes, (stage, weights), shown, colour in parts:
            _draw_distribution(axes, shown, (low, high), colour)
            share = (
                f" ({100.0 * shown.size / weights.size:.1f} %)" if shown.size < weights.size else ""
            )
            axes.set_title(f"{stage}: {format_count(shown.size)} weights{share}")
            axes.set_ylabel("weights")
            axes.yaxis.set_major_formatter(lambda value, _: format_count(value))
            axes.locator_params(axis="y", nbins=4)
        panels[-1].set_xlim(low - margin, high + margin)
        panels[-1].set_xlabel("value of the weight")
        return to_svg(figure)


def remaining_parameters(bars: Sequence[Remaining]) -> str:
    """Remaining parameters in the layers: the dark part of each bar is left."""
    with figure_style("remaining"):
        figure = new_figure(0.75 + 0.36 * len(bars))
        axes = figure.subplots()
        percent = [100.0 * bar.kept / bar.params for bar in bars]
        axes.barh(range(len(bars)), 100.0, height=0.62, color=PALE)
        axes.barh(range(len(bars)), percent, height=0.62, color=BLUE)
        for row, (bar, share) in enumerate(zip(bars, percent, strict=True)):
            label = f"{share:.1f} %, {format_count(bar.kept)} of {format_count(bar.params)}"
            axes.text(103.0, row, label, va="center", fontsize=8)
            if bar.published_percent is not None:
                axes.plot(bar.published_percent, row, "|", color=ORANGE, markersize=15, mew=2.5)
        _name_rows(axes, [bar.layer for bar in bars])
        axes.set_xlim(0, 100)
        axes.set_xticks([0, 50, 100])
        axes.set_xlabel("weights left, % of the layer")
        return to_svg(figure)


def size_bars(sizes: Sequence[tuple[str, float]]) -> str:
    """Bytes by stage; each bar says its size and how many times smaller than the first it is."""
    with figure_style("sizes"):
        figure = new_figure(0.75 + 0.36 * len(sizes))
        axes = figure.subplots()
        first = sizes[0][1]
        axes.barh(range(len(sizes)), [count for _, count in sizes], height=0.62, color=BLUE)
        for row, (_, count) in enumerate(sizes):
            label = format_bytes(count) + (f", {first / count:.1f}×" if row else "")
            axes.text(count + 0.03 * first, row, label, va="center", fontsize=8)
        _name_rows(axes, [stage for stage, _ in sizes])
        axes.set_xlim(0, first)
        unit, factor = ("MB", 1e6) if first >= 1e6 else ("kB", 1e3)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value / factor:g}")
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel(f"size of the whole network, {unit}")
        return to_svg(figure)


def accuracy_by_density(points: Sequence[DensityPoint]) -> str:
    """Top-1 over the share of weights left, one line a series.

    A dashed line marks the whole network, if there is a point of density 1.
    """
    series: dict[str, list[DensityPoint]] = {}
    for point in sorted(points, key=lambda point: point.density):
        series.setdefault(point.series, []).append(point)
    with figure_style("accuracy"):
        figure = new_figure(2.6 + 0.2 * len(series))
        axes = figure.subplots()
        for whole in [point.top1 for point in points if point.density == 1.0][:1]:
            axes.axhline(whole, color=MUTED, linestyle="--", linewidth=1.0)
        for (name, line), colour in zip(series.items(), cycle((BLUE, ORANGE, GREEN)), strict=False):
            percent = [100.0 * point.density for point in line]
            top1 = [point.top1 for point in line]
            axes.plot(percent, top1, "o-", color=colour, markersize=4.5, linewidth=1.5, label=name)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(
            require("matplotlib.ticker", "torch").LogLocator(subs=(1, 2, 5))
        )
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
        axes.margins(y=0.1)
        axes.set_xlabel("weights left, %")
        axes.set_ylabel("top-1 on validation, %")
        axes.grid(axis="y", color=PALE, linewidth=0.5)
        if any(series):
            figure.legend(loc="outside upper left", frameon=False, fontsize=8)
        return to_svg(figure)


def _draw_distribution(
    axes: Any, kept: NDArray[Any], limits: tuple[float, float], colour: str
) -> None:
    values, counts = np.unique(kept, return_counts=True)
    if values.size > _MOST_VALUES:
        counts, edges = np.histogram(kept, bins=_BINS, range=limits)
        axes.stairs(counts, edges, fill=True, color=colour)
    else:
        axes.vlines(values, 0, counts, color=colour, linewidth=1.8)
    axes.set_ylim(bottom=0)


def _name_rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.invert_yaxis()
