"""Accuracy while one layer at a time is pruned, or shares few values: a line a layer."""

from collections.abc import Callable
from itertools import cycle, product
from pathlib import Path
from typing import Any

from featherweight.bench.figures import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    PALE,
    figure_style,
    new_figure,
)
from featherweight.extras import require
from featherweight.recipes.sensitivity import Point, Sensitivity

_COLOURS = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#d55e00", MUTED)
_WIDTH, _HEIGHT = 4.6, 3.4
_MOST_IN_LEGEND = 24
_MOST_TICKS = 8


def plot_sensitivity(found: Sensitivity, path: Path) -> None:
    """Draw into `path`, an .svg, .png or .pdf: a panel for densities, and one for bits if any."""
    by_density = _lines(found, lambda p: p.num_bits is None, lambda p: 100 * p.density)
    by_bits = _lines(found, lambda p: p.num_bits is not None, lambda p: float(p.num_bits or 0))
    panels = [("weights left of the one layer, %", by_density)]
    if any(by_bits.values()):
        panels.append(("bits a weight of the one layer", by_bits))
    with figure_style("sensitivity"):
        figure = new_figure(_HEIGHT + 0.12 * len(found.layers) / len(panels), _WIDTH * len(panels))
        for axes, (label, lines) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            _draw(axes, lines, label, found.layers[0].points[0].top1)
        handles, names = figure.axes[0].get_legend_handles_labels()
        shown = slice(_MOST_IN_LEGEND)
        figure.legend(
            handles[shown], names[shown], loc="outside lower center", frameon=False, fontsize=7.5,
            ncols=4 * len(panels),
        )  # fmt: skip
        figure.savefig(path, dpi=160)


Line = list[tuple[float, float]]


def _lines(
    found: Sensitivity, is_wanted: Callable[[Point], bool], across: Callable[[Point], float]
) -> dict[str, Line]:
    return {
        layer.name: [(across(p), p.top1) for p in layer.points if is_wanted(p)]
        for layer in found.layers
    }


def _draw(axes: Any, lines: dict[str, Line], label: str, whole: float) -> None:
    axes.axhline(whole, color=MUTED, linestyle="--", linewidth=1.0)
    looks = cycle(product(("o-", "s--", "^:"), _COLOURS))
    for (name, line), (style, colour) in zip(lines.items(), looks, strict=False):
        x, y = [point[0] for point in line], [point[1] for point in line]
        axes.plot(x, y, style, color=colour, markersize=3.5, linewidth=1.3, label=name)
    ticker = require("matplotlib.ticker", "torch")
    axes.set_xscale("log")
    places = sorted({x for line in lines.values() for x, _ in line})
    wide = len(places) > _MOST_TICKS
    axes.xaxis.set_major_locator(
        ticker.LogLocator(subs=(1, 2, 3, 5)) if wide else ticker.FixedLocator(places)
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.set_xlabel(label)
    axes.set_ylabel("top-1 on validation, %")
    axes.grid(axis="y", color=PALE, linewidth=0.5)
