"""Bar 2: how few weights do without loss, and what a pattern costs, trained three times each.

Beside the accuracy stands what the first seed's file takes on this machine: milliseconds a picture
and bytes of weights in memory, native runtime, one thread; the dense reference runs in turns with
it. Patterns run fastest where few values are shared, so these files are also measured with 16
values a layer, set once and not trained.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn

import harness
from featherweight.bench.on_machine import MachineChange, change_on_this_machine
from featherweight.data import Dataset, load
from featherweight.graph import load as load_file
from featherweight.recipes import LayerRule, Recipe, compress, example_input
from featherweight.recipes.recipe import PruningStage, SharingStage
from featherweight.runtime import Session
from featherweight.training import TrainingConfig
from featherweight.units import format_bytes
from pruning_training import Case, cases, kept, plan, reference

LOST_BARS = {"mnist5k": 0.0, "fashion-mnist": 0.3}
PATTERN_BAR = 0.4
PLAIN = "unstructured"
_STILL = TrainingConfig(epochs=0)


def rows(options: argparse.Namespace) -> list[harness.Row]:
    found = [row for case in cases("density") if (row := _density_row(case))]
    patterns = {case.name: case for case in cases("pattern")}
    for case in patterns.values():
        if row := _pattern_row(case, patterns[PLAIN]):
            found.append(row)
    if not options.quick:
        found += _shared_rows([patterns[PLAIN], patterns["2-of-16"]])
    return [*found, *_gap_rows(patterns[PLAIN], patterns["2-of-16"])]


def _density_row(case: Case) -> harness.Row | None:
    results = kept(case, plan()["seeds"])
    if not results:
        return None
    lost, bar = _lost(results), LOST_BARS[case.data]
    return harness.Row(
        f"{case.network}, {case.data}, {100 * results[0]['density']:.2f} % of weights: points lost",
        lost,
        "",
        f"{_accuracies(results)}; {_on_machine(case)}",
        bar=bar,
        met=lost <= bar + 1e-9 and len(results) == len(plan()["seeds"]),
    )


def _pattern_row(case: Case, plain: Case) -> harness.Row | None:
    results, others = kept(case, plan()["seeds"]), kept(plain, plan()["seeds"])
    if not results or not others:
        return None
    behind = _lost(results) - _lost(others)
    has_bar = case.name == "2-of-16"
    is_complete = len(results) == len(others) == len(plan()["seeds"])
    return harness.Row(
        f"{case.network}, {case.data}, {case.name}: points behind {PLAIN}",
        behind,
        "",
        f"{_accuracies(results)}; {_on_machine(case)}",
        bar=PATTERN_BAR if has_bar else None,
        met=behind <= PATTERN_BAR and is_complete if has_bar else None,
    )


def _lost(results: list[dict[str, Any]]) -> float:
    return mean(r["reference_top1"] for r in results) - mean(r["top1"] for r in results)


def _accuracies(results: list[dict[str, Any]]) -> str:
    before, after = (mean(r[key] for r in results) for key in ("reference_top1", "top1"))
    return f"top-1 {before:.2f} -> {after:.2f} %, {len(results)} seeds"


def _on_machine(case: Case) -> str:
    data = load(case.data)
    module = reference(data, case.network, 0).module.eval()
    return in_words(change_on_this_machine(module, example_input(data.shape), case.network_file))


def in_words(change: MachineChange) -> str:
    """Latency and resident bytes, before and after."""
    before, after = change.before, change.after
    return (
        f"{before.latency_ms.median:.3f} -> {after.latency_ms.median:.3f} ms "
        f"({change.speedup.median:.2f}x), weights in memory {format_bytes(before.weight_bytes)} -> "
        f"{format_bytes(after.weight_bytes)}"
    )


def _shared_rows(patterns: list[Case]) -> list[harness.Row]:
    """The same files with 16 shared values a layer: latency, and what answers they give."""
    found = []
    for case in patterns:
        data = load(case.data)
        module = reference(data, case.network, 0).module.eval()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "shared.fwt"
            _share(load_file(case.network_file), data, file)
            change = change_on_this_machine(module, example_input(data.shape), file)
            top1 = _native_top1(file, data)
        formats = ", ".join(dict.fromkeys(layer.format_after for layer in change.layers))
        found.append(
            harness.Row(
                f"{case.name}, 16 shared values: native latency",
                change.after.latency_ms.median,
                "ms",
                f"as {formats}; top-1 {top1:.2f} % on the runtime; {in_words(change)}",
                ratio=change.speedup.median,
                p10=change.speedup.low,
                p90=change.speedup.high,
            )
        )
    return found


def _share(module: nn.Module, data: Dataset, file: Path) -> None:
    recipe = Recipe(
        "shared", (LayerRule("*", method="zeros", num_bits=4),),
        pruning=PruningStage(training=_STILL), sharing=SharingStage(training=_STILL),
    )  # fmt: skip
    compress(module, recipe, data, file)


def _native_top1(file: Path, data: Dataset) -> float:
    session = Session(file, threads=1)
    parts = [
        torch.from_numpy(session.run(data.normalize(images).numpy())).argmax(1)
        for images in torch.split(data.test.images, 500)
    ]
    return 100.0 * float((torch.cat(parts) == data.test.labels).double().mean())


def _gap_rows(plain: Case, pattern: Case) -> list[harness.Row]:
    """What is left of the gap, explained: where the first layer's weights lie without a pattern."""
    if not plain.network_file.exists() or not pattern.network_file.exists():
        return []
    free, bound = (_first_mask(case) for case in (plain, pattern))
    groups = free.view(len(free), -1, 16).sum(2)
    crowded = float((groups - 2).clamp_min(0).sum() / groups.sum())
    by_column = free.double().mean(0)
    idle = by_column < 0.25 * by_column.mean()
    return [
        harness.Row(
            "without a pattern: weights of ip1 beyond the second of their 16",
            100 * crowded, "%", f"{100 * float((groups == 0).double().mean()):.0f} % of its groups "
            "are empty, where 2:16 must keep two",
        ),
        harness.Row(
            "2:16: weights of ip1 on pixels that pruning without a pattern hardly keeps",
            100 * float(bound[:, idle].sum() / bound.sum()), "%",
            f"{100 * float(free[:, idle].sum() / free.sum()):.1f} % without a pattern; "
            f"{int(idle.sum())} of {len(idle)} pixels",
        ),
    ]  # fmt: skip


def _first_mask(case: Case) -> Tensor:
    weight: Tensor = load_file(case.network_file).get_parameter("ip1.weight").detach()
    return weight != 0
