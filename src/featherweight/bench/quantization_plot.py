"""Pictures of quantization: where the values of each scheme lie, and what fewer bits cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

_COLOURS = (BLUE, ORANGE, GREEN, INK)
_MARKERS = ("o", "s", "^", "D")
_BINS = 161
_WIDTH = 7.2


@dataclass(frozen=True)
class BitsPoint:
    """One network with weights of `num_bits`: relative error of the weights, top-1 in percent."""

    series: str
    num_bits: int
    error: float
    top1: float


def draw_grids(
    path: Path, title: str, weights: NDArray[np.float32], levels: Mapping[str, NDArray[Any]]
) -> None:
    """The distribution of `weights` [n], once for each scheme, with its values as lines over it.

    Args:
        levels: the values of each scheme, by its name; lines are as high as how often each is used.
    """
    with figure_style("grids"):
        figure = new_figure(0.6 + 1.05 * len(levels), _WIDTH)
        panels = figure.subplots(len(levels), 1, sharex=True, squeeze=False)[:, 0]
        counts, edges = np.histogram(weights, bins=_BINS)
        for axes, (name, values), colour in zip(panels, levels.items(), cycle(_COLOURS)):
            used = np.sort(values)
            nearest = np.abs(weights[:, None] - used[None]).argmin(1)
            share = np.bincount(nearest, minlength=used.size) / weights.size
            error = float(np.square(used[nearest] - weights).sum() / np.square(weights).sum())
            axes.stairs(counts / counts.max(), edges, fill=True, color=PALE)
            axes.vlines(used, 0, share / share.max(), color=colour, linewidth=1.8)
            axes.plot(used, np.zeros_like(used), "|", color=colour, markersize=7, clip_on=False)
            axes.set_title(f"{name}: {used.size} values, {100 * error:.2f} % of the squares lost")
            axes.set_yticks([])
            axes.set_ylim(bottom=0)
            axes.spines["left"].set_visible(False)
        panels[-1].set_xlabel(title)
        _save(figure, path)


def draw_bits(
    path: Path, networks: Mapping[str, Sequence[BitsPoint]], float32: Mapping[str, float]
) -> None:
    """Error of the weights and accuracy against bits, from 8 down to 1; a row a network.

    Args:
        networks: the points of each network.
        float32: top-1 of each network before, in percent: the dashed line.
    """
    with figure_style("bits"):
        figure = new_figure(0.5 + 2.3 * len(networks), _WIDTH)
        grid = figure.subplots(len(networks), 2, sharex=True, squeeze=False)
        for (error, accuracy), (network, points) in zip(grid, networks.items(), strict=True):
            accuracy.axhline(float32[network], color=MUTED, linestyle="--", linewidth=1.0)
            for (name, line), colour, marker in zip(
                _by_series(points).items(), cycle(_COLOURS), cycle(_MARKERS)
            ):
                bits = [point.num_bits for point in line]
                style = {"color": colour, "marker": marker, "markersize": 4.5, "linewidth": 1.5}
                error.plot(bits, [100 * point.error for point in line], label=name, **style)
                accuracy.plot(bits, [point.top1 for point in line], **style)
            error.set_yscale("log")
            error.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            error.set_title(f"{network}: relative error of the weights, %")
            accuracy.set_title(f"{network}: top-1 on validation, %")
            for axes in (error, accuracy):
                axes.grid(axis="y", color=PALE, linewidth=0.5)
        for axes in grid[-1]:
            axes.set_xlabel("bits a weight")
            axes.set_xticks(range(8, 0, -1))
            axes.set_xlim(8.3, 0.7)
        handles, names = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", frameon=False, ncols=2, fontsize=8)
        _save(figure, path)


def _by_series(points: Sequence[BitsPoint]) -> dict[str, list[BitsPoint]]:
    series: dict[str, list[BitsPoint]] = {}
    for point in sorted(points, key=lambda point: -point.num_bits):
        series.setdefault(point.series, []).append(point)
    return series


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata, dpi=150, facecolor="white")
