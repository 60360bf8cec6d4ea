"""What a search found: accuracy against latency, reward against time, the architecture drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from featherweight.bench.figures import BLUE, INK, MUTED, ORANGE, PALE, figure_style, new_figure
from featherweight.search.plan import INPUT, Layer, Plan

_WIDTH = 5.0


def plot_pareto(trials: Sequence[FrozenTrial], path: Path) -> None:
    """Top-1 against predicted latency; those that no other beats in both are joined."""
    points = sorted(
        (float(t.user_attrs["latency_ms"]), float(t.user_attrs["top1"]))
        for t in trials
        if t.user_attrs.get("latency_ms") is not None
    )
    front: list[tuple[float, float]] = []
    for latency, top1 in points:
        if not front or top1 > front[-1][1]:
            front.append((latency, top1))
    with figure_style("search pareto"):
        figure = new_figure(3.4, _WIDTH)
        axes = figure.subplots()
        axes.scatter(*_columns(points), s=14, color=MUTED, alpha=0.6, linewidth=0)
        axes.plot(*_columns(front), color=BLUE, marker="o", markersize=4, drawstyle="steps-post")
        axes.set_xlabel("latency, ms (predicted, native runtime, one thread)")
        axes.set_ylabel("top-1 on validation, %")
        axes.grid(color=PALE, linewidth=0.5)
        figure.savefig(path)


def plot_progress(trials: Sequence[FrozenTrial], path: Path) -> None:
    """Reward of each training against the time since the first began, and the best so far."""
    done = [t for t in trials if t.value is not None and t.datetime_complete is not None]
    begin = min(t.datetime_start for t in done if t.datetime_start is not None)
    points = sorted(
        ((t.datetime_complete - begin).total_seconds() / 60, float(t.value))  # type: ignore[operator, arg-type]
        for t in done
    )
    best = [(m, max(value for _, value in points[: i + 1])) for i, (m, _) in enumerate(points)]
    with figure_style("search progress"):
        figure = new_figure(3.0, _WIDTH)
        axes = figure.subplots()
        axes.scatter(*_columns(points), s=14, color=MUTED, alpha=0.6, linewidth=0)
        axes.plot(*_columns(best), color=ORANGE, drawstyle="steps-post")
        axes.set_xlabel("minutes since the search began")
        axes.set_ylabel("reward")
        axes.grid(color=PALE, linewidth=0.5)
        figure.savefig(path)


def plot_architecture(plan: Plan, path: Path) -> None:
    """The layers from top to bottom; lines are what a layer reads, bent where it skips some."""
    rows = [INPUT, *(layer.name for layer in plan.layers)]
    place = {name: -index for index, name in enumerate(rows)}
    with figure_style("search architecture"):
        figure = new_figure(0.3 * len(rows) + 0.3, _WIDTH)
        axes = figure.subplots()
        for layer in plan.layers:
            for source in layer.inputs:
                _connect(axes, place[source], place[layer.name])
        texts = ["x".join(map(str, plan.input_shape)), *(_label(layer) for layer in plan.layers)]
        for name, text in zip(rows, texts, strict=True):
            axes.plot([0], [place[name]], "o", color=BLUE, markersize=5)
            axes.text(0.3, place[name], name, va="center", fontsize=7.5, color=INK)
            axes.text(3.4, place[name], text, va="center", fontsize=7.5, color=MUTED)
        axes.set_xlim(-1.6, 7.5)
        axes.set_ylim(-len(rows), 0.7)
        axes.set_axis_off()
        figure.savefig(path)


def _connect(axes: Any, start: float, end: float) -> None:
    skips = start - end > 1
    curve = {"arrowstyle": "-", "color": ORANGE if skips else MUTED, "linewidth": 1.0}
    if skips:
        curve["connectionstyle"] = f"arc3,rad={min(0.5, 0.9 / (start - end)) + 0.12:.2f}"
    axes.annotate("", (0, end), (0, start), arrowprops=curve)


def _label(layer: Layer) -> str:
    size = "x".join(map(str, layer.kernel))
    kind = {
        "conv": f"conv {size}", "max": f"max {size}", "avg": f"mean {size}",
    }.get(layer.op, layer.op)  # fmt: skip
    if layer.op == "conv" and layer.groups > 1:
        kind += " depthwise" if layer.groups == layer.shape[0] else f", {layer.groups} groups"
    stride = f", stride {layer.stride}" if layer.stride > 1 else ""
    activation = f", {layer.activation}" if layer.activation and layer.op == "conv" else ""
    return f"{kind}{stride}{activation} -> {'x'.join(map(str, layer.shape))}"


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
