"""The race as a picture: accuracy against latency, the area of a bubble is the file's size.

Without accuracies there is a line a network and a colour a backend, and only latency counts.
"""

from collections.abc import Sequence
from itertools import cycle
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
from featherweight.bench.race.row import Row
from featherweight.errors import InvalidArgumentError

_COLOURS = (BLUE, MUTED, "#b0b0b0", ORANGE, GREEN, "#cc79a7", "#56b4e9", "#d55e00")
_LARGEST, _SMALLEST = 900.0, 24.0


def plot_race(rows: Sequence[Row], path: Path) -> None:
    """Draw the rows that ran into `path`, an .svg, .png or .pdf.

    Raises:
        InvalidArgumentError: none ran.
    """
    shown = [row for row in rows if row.status == "ok" and row.median_ms]
    if not shown:
        raise InvalidArgumentError("a plot of the race needs rows, but no backend ran.")
    names = list(dict.fromkeys(Path(row.file).stem for row in shown))
    with_accuracy = all(row.top1 is not None for row in shown)
    colours = dict(zip(dict.fromkeys(row.backend for row in rows), cycle(_COLOURS), strict=False))
    most = max(row.file_bytes or 1 for row in shown)
    with figure_style("race"):
        figure = new_figure(1.6 + 0.5 * len(names) if not with_accuracy else 4.2, 6.4)
        axes = figure.subplots()
        for row in sorted(shown, key=lambda row: -(row.file_bytes or 0)):
            up = row.top1 if with_accuracy else len(names) - 1 - names.index(Path(row.file).stem)
            area = max(_SMALLEST, _LARGEST * (row.file_bytes or 0) / most)
            axes.scatter(
                [row.median_ms], [up], s=area, color=colours[row.backend], alpha=0.6,
                linewidth=0.6, edgecolor=INK, zorder=3,
            )  # fmt: skip
        _dress(axes, names, with_accuracy)
        _legend(figure, colours)
        figure.savefig(path, dpi=160)


def _dress(axes: Any, names: list[str], with_accuracy: bool) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_xlabel("latency, ms (batch 1); area: file")
    axes.margins(0.1, 0.2)
    axes.grid(color=PALE, linewidth=0.5)
    if with_accuracy:
        axes.set_ylabel("top-1, %")
    else:
        axes.set_yticks(range(len(names)), list(reversed(names)))


def _legend(figure: Any, colours: dict[str, str]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name)
        for name, colour in colours.items()
    ]
    figure.legend(handles=marks, loc="outside upper left", ncols=4, frameon=False, fontsize=8)
