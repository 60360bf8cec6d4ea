"""The pictures of docs/pruning.md and docs/channels.md, from what is kept in results/pruning/."""

from collections.abc import Callable, Sequence
from itertools import cycle, product
from pathlib import Path
from statistics import mean
from typing import Any

import pruning_redundancy as redundancy
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
from featherweight.extras import require
from featherweight.graph import load as load_file
from pruning_rows import at_once
from pruning_rows.channel_pictures import removed_groups
from pruning_training import Case, cases, kept, plan

COLOURS = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#d55e00", MUTED)


def draw(folder: Path) -> None:
    """All pictures whose results are there."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures: Sequence[tuple[str, Callable[[], Any]]] = (
        ("pruning-methods", all_methods),
        ("pruning-remaining", remaining),
        ("pruning-redundancy", why_redundant),
        ("channels-removed", removed_groups),
    )
    for name, picture in pictures:
        with figure_style(name):
            if (figure := picture()) is not None:
                figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def all_methods() -> Any:
    """Accuracy against density for all methods: not retrained as lines, retrained as stars."""
    seeds = at_once.kept()
    if not seeds:
        return None
    figure = new_figure(3.9, 9.2)
    panels = figure.subplots(1, 2, sharey=True)
    words = ("the same density in every layer", "one budget for all layers")
    for axes, scope, title in zip(panels, at_once.SCOPES, words, strict=True):
        looks = cycle(product(("o-", "s--"), COLOURS))
        for method, (style, colour) in zip(at_once.ranking(), looks, strict=False):
            if method.is_global and scope == "layer":
                continue
            points = at_once.curve(seeds, method.name, scope)
            x, y = [100 * d for d, _ in points], [top1 for _, top1 in points]
            axes.plot(x, y, style, color=colour, markersize=3.5, linewidth=1.3, label=method.name)
        _mark_retrained(axes)
        _density_axis(axes, (2, 3, 5, 10, 20, 50, 100))
        axes.set_title(title)
    panels[0].set_ylabel(f"top-1 on test, %, mean of {len(seeds)} seeds")
    handles, names = panels[1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def _mark_retrained(axes: Any) -> None:
    for case in cases("density"):
        results = kept(case, plan()["seeds"])
        if (case.data, case.network) == (at_once.DATA, at_once.NETWORK) and results:
            x, y = 100 * results[0]["density"], mean(r["top1"] for r in results)
            axes.plot(
                [x], [y], "*", color=INK, markersize=11, zorder=5, label="magnitude, retrained"
            )


def _density_axis(axes: Any, places: Sequence[float]) -> None:
    ticker = require("matplotlib.ticker", "torch")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(ticker.FixedLocator(places))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.set_xlabel("weights left, %")
    axes.grid(axis="y", color=PALE, linewidth=0.5)


def remaining() -> Any:
    """Weights left in each layer of the networks of bar 2, in percent of the layer."""
    chosen = [case for case in cases("density") if case.network_file.exists()]
    if not chosen:
        return None
    figure = new_figure(1.9 * ((len(chosen) + 1) // 2) + 0.3, 9.2)
    panels = figure.subplots((len(chosen) + 1) // 2, 2, squeeze=False).flatten()
    for axes, case in zip(panels, chosen, strict=False):
        _bars(axes, case)
    return figure


def _bars(axes: Any, case: Case) -> None:
    weights = {
        name.removesuffix(".weight"): value.detach()
        for name, value in load_file(case.network_file).named_parameters()
        if value.dim() > 1
    }
    total = sum(weight.numel() for weight in weights.values())
    left = {name: int((weight != 0).sum()) for name, weight in weights.items()}
    for row, (name, weight) in enumerate(weights.items()):
        share = 100 * left[name] / weight.numel()
        axes.barh(row, 100, height=0.62, color=PALE)
        axes.barh(row, share, height=0.62, color=BLUE)
        text = f"{share:.1f} %: {left[name]:,} of {weight.numel():,}"
        axes.text(103, row, text, va="center", fontsize=7.5)
    axes.set_yticks(range(len(weights)), list(weights))
    axes.invert_yaxis()
    axes.set_xlim(0, 190)
    axes.set_xticks([0, 50, 100])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_bounds(0, 100)
    percent = 100 * sum(left.values()) / total
    axes.set_title(f"{case.network}, {case.data}: {percent:.2f} % of {total:,} weights left")


def why_redundant() -> Any:
    """Top-1 and training loss over size for the four ways, least and most of the seeds as bars."""
    results = {(way, s.percent): redundancy.kept(way, s)
               for way in redundancy.WAYS for s in redundancy.sizes()}  # fmt: skip
    if not all(results.values()):
        return None
    figure = new_figure(3.9, 9.2)
    panels = figure.subplots(1, 2)
    for axes, key, label in zip(
        panels, ("top1", "train_loss"), ("top-1 on test, %", "loss on training pictures"),
        strict=True,
    ):  # fmt: skip
        for number, (way, colour) in enumerate(zip(redundancy.WAYS, COLOURS, strict=False)):
            shift = 1.0 + 0.03 * (number - 1.5)
            line = [
                (size.percent * shift, [r[key] for r in results[way, size.percent]])
                for size in redundancy.sizes()
            ]
            _ways_line(axes, line, way, colour)
        _density_axis(axes, [size.percent for size in redundancy.sizes()])
        axes.set_ylabel(label)
    panels[1].set_yscale("log")
    panels[1].yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def _ways_line(
    axes: Any, line: Sequence[tuple[float, list[float]]], label: str, colour: str
) -> None:
    middle = [mean(values) for _, values in line]
    below = [m - min(values) for m, (_, values) in zip(middle, line, strict=True)]
    above = [max(values) - m for m, (_, values) in zip(middle, line, strict=True)]
    axes.errorbar(
        [x for x, _ in line], middle, yerr=[below, above], fmt="o-", color=colour, markersize=4.5,
        linewidth=1.4, capsize=2.5, label=label,
    )  # fmt: skip
