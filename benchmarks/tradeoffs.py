"""Accuracy against what it costs: networks as published on ImageNet, and networks trained here.

The networks trained here learn fashion-mnist at 32x32 pixels, each with the same budget
(`tradeoffs.yaml`); `tradeoff_training.py` made the rows that are kept in `results/tradeoffs/`. This
script counts what each costs, times them in turns on this machine (one thread; the native runtime,
which runs a file as it is stored, and torch, which decodes it and runs it dense), and asks whether
to compress a network or to design a small one:
each compressed VGG-16 stands against the best other network whose file is no larger, and against
the best that is no slower. `--pictures FOLDER` draws the plots that docs/tradeoffs.md shows.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

import harness
from featherweight import graph
from featherweight.bench.model_profile import profile
from featherweight.bench.tradeoff_plot import plot_tradeoffs
from featherweight.bench.tradeoffs import (
    TradeOff,
    latencies_ms,
    native_latencies_ms,
    published_tradeoffs,
    trade_off,
)
from featherweight.measure import find_device
from tradeoff_training import KEPT, build, kept_rows, plan, slug

SLOWER = 1.05
"""Two latencies within 5 % are the same."""


def measured(rounds: int) -> list[tuple[TradeOff, float]]:
    """Every kept network with its costs, and torch's milliseconds, in the order of accuracies."""
    shape = (1, plan()["side"], plan()["side"])
    phone = find_device("mobile-phone")
    kept = sorted(kept_rows(), key=lambda row: -row.test_top1)
    modules = [
        build(row.spec, shape[1])
        if row.series == "designed"
        else graph.load(KEPT / f"{slug(row.name)}.fwt")
        for row in kept
    ]
    files = [None if row.series == "designed" else KEPT / f"{slug(row.name)}.fwt" for row in kept]
    native = native_latencies_ms(
        [(module, shape, file) for module, file in zip(modules, files, strict=True)], rounds, 1
    )
    by_torch = latencies_ms([(module, shape) for module in modules], rounds)
    found = []
    for row, module, file, latency in zip(kept, modules, files, native, strict=True):
        cost = profile(module, shape) if file is None else profile(file)
        found.append(
            trade_off(
                row.name,
                cost,
                phone,
                top1=row.test_top1,
                top1_source="fashion-mnist, test",
                latency_ms=latency,
                file_bytes=row.file_bytes,
                series=row.series,
            )
        )
    return list(zip(found, by_torch, strict=True))


def opponents(row: TradeOff, others: Sequence[TradeOff]) -> list[harness.Row]:
    """The best of the others whose file is no larger, and the best that is no slower."""
    latency = (row.latency_ms or 0.0) * SLOWER
    fair = {
        "no larger": [o for o in others if o.file_bytes <= row.file_bytes],
        "no slower": [o for o in others if (o.latency_ms or 0.0) <= latency],
    }
    rows = []
    for what, able in fair.items():
        if not able:
            continue
        best = max(able, key=lambda other: other.top1 or 0.0)
        rows.append(
            harness.Row(
                f"{row.name}, {row.file_bytes / 1e3:.0f} kB: points above the best {what}",
                (row.top1 or 0.0) - (best.top1 or 0.0),
                "points",
                f"{best.name} ({best.series}), {best.top1:.2f} %, {best.file_bytes / 1e3:.0f} kB",
            )
        )
    return rows


def draw(rows: Sequence[TradeOff], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    plot_tradeoffs(
        published_tradeoffs(), folder / "tradeoffs-imagenet.svg", costs=("macs", "params"),
        title="ImageNet, as published (bubbles: parameters)", named=False,
    )  # fmt: skip
    plot_tradeoffs(
        [row for row in rows if row.series == "designed"],
        folder / "tradeoffs-fashion-mnist.svg",
        title=f"fashion-mnist at 32x32, {plan()['epochs']} epochs each (bubbles: parameters)",
    )
    plot_tradeoffs(
        rows, folder / "compress-or-design.svg", costs=("file_bytes", "latency_ms"),
        title="Compress a network, or design a small one? (bubbles: weights kept)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> list[harness.Row]:
    torch.set_num_threads(1)
    timed = measured(5 if options.quick else options.rounds)
    rows = [row for row, _ in timed]
    found = []
    for row, by_torch in timed:
        costs = {
            "top-1 on test": (row.top1 or 0.0, "%"),
            "file": (row.file_bytes / 1e3, "kB"),
            "parameters kept": (row.params / 1e3, "k"),
            "multiply-adds": (row.macs / 1e6, "M"),
            "latency": (row.latency_ms or 0.0, "ms"),
            "latency by torch": (by_torch, "ms"),
            "energy, estimated": (row.energy_mj, "mJ"),
            "peak activation memory": (row.peak_activation_bytes / 1e3, "kB"),
        }
        title = f"{row.name} ({row.series})"
        found += [harness.Row(f"{title}: {what}", *value) for what, value in costs.items()]
    others = [row for row in rows if row.series != "compressed"]
    for row in rows:
        if row.series == "compressed":
            found += opponents(row, others)
    if options.pictures:
        draw(rows, options.pictures)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=50, help="timings of each (default 50)")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw the plots there")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
