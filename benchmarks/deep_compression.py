"""Both LeNets on two data sets, three seeds: how small, and what is lost.

Every file is counted whole against 4 bytes a parameter; error is 100 - top-1 on test; reference and
compressed network are paired by seed. What takes long to train is kept in
`benchmarks/results/deep_compression`: reference checkpoints and `.fwt` files, from which this
script measures again. `--retrain` makes them anew (hours); it resumes from `--work` if stopped.
"""

import argparse
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

import featherweight
import harness
from featherweight import recipes
from featherweight.data import Dataset, load
from featherweight.training import Progress, checkpoint, evaluate
from featherweight.zoo import resolve

KEPT = Path(__file__).parent / "results" / "deep_compression"
SEEDS = (0, 1, 2)
RECIPE = "lightest"
# Two-sided 95 % quantile of Student's t with n - 1 degrees of freedom, for n = 2 and n = 3.
T_QUANTILE = {2: 12.706, 3: 4.303}


@dataclass(frozen=True)
class Bar:
    """What issue and paper ask of one network on one data set."""

    data: str
    network: str
    ratio: float
    moonshot: float
    points_lost: float
    """At most so many points of top-1 may be lost, in the mean over the seeds."""
    reference_top1: float
    paper_ratio: float


BARS = (
    Bar("mnist5k", "lenet-300-100", 55, 80, 0.0, 0.0, 40),
    Bar("mnist5k", "lenet-5", 80, 120, 0.0, 0.0, 39),
    Bar("fashion-mnist", "lenet-300-100", 30, 40, 0.3, 89.5, 40),
    Bar("fashion-mnist", "lenet-5", 35, 60, 0.3, 91.5, 39),
)


@dataclass(frozen=True)
class Outcome:
    """One seed of one bar."""

    seed: int
    reference_top1: float
    compressed_top1: float
    file_bytes: int
    ratio: float


def paths(bar: Bar, seed: int) -> tuple[Path, Path]:
    stem = KEPT / bar.data / f"{bar.network}-seed{seed}"
    return stem.with_suffix(".safetensors"), stem.with_suffix(".fwt")


def make(bar: Bar, seed: int, data: Dataset, work: Path) -> None:
    """Train the reference, compress it, and keep both."""
    reference, file = paths(bar, seed)
    console = Console(stderr=True)

    def report(stage: str, progress: Progress) -> None:
        console.print(
            f"{bar.data} {bar.network} seed {seed}: {stage} {progress.epoch}/{progress.epochs} "
            f"validation {progress.val_top1:.2f} %"
        )

    resolved = resolve(bar.network, seed=seed, shape=data.shape, num_classes=len(data.class_names))
    settings = recipes.Settings(seed=seed, work=work, report=report)
    recipes.train_reference(
        resolved.module, recipes.find_training(bar.network, bar.data), data, settings
    )
    state = {f"model.{name}": value for name, value in resolved.module.state_dict().items()}
    checkpoint.save(reference, state, {"model": bar.network, "data": bar.data, "seed": seed})
    recipe = recipes.find_recipe(RECIPE, bar.network, bar.data)
    recipes.compress(resolved.module, recipe, data, file, settings=settings)


def measure(bar: Bar, seed: int, data: Dataset) -> Outcome:
    """Read both back and evaluate them on test."""
    reference, file = paths(bar, seed)
    resolved = resolve(
        bar.network,
        seed=seed,
        shape=data.shape,
        num_classes=len(data.class_names),
        checkpoint=reference,
    )
    params = sum(parameter.numel() for parameter in resolved.module.parameters())
    return Outcome(
        seed=seed,
        reference_top1=evaluate(resolved.module, data, data.test).top1,
        compressed_top1=evaluate(featherweight.load(file), data, data.test).top1,
        file_bytes=file.stat().st_size,
        ratio=4 * params / file.stat().st_size,
    )


def rows(bar: Bar, outcomes: list[Outcome]) -> list[harness.Row]:
    """The bar's figures: the worst ratio of the seeds, and the paired difference of the errors."""
    lost = [o.reference_top1 - o.compressed_top1 for o in outcomes]
    mean = statistics.fmean(lost)
    spread = statistics.stdev(lost) if len(lost) > 1 else 0.0
    half = T_QUANTILE.get(len(lost), math.inf) * spread / math.sqrt(len(lost))
    ratios = [o.ratio for o in outcomes]
    top1 = statistics.fmean(o.reference_top1 for o in outcomes)
    name = f"{bar.data} {bar.network}"
    return [
        harness.Row(
            name=f"{name}: compression ratio (moonshot {bar.moonshot:g})",
            value=min(ratios),
            unit="x",
            peer="Deep Compression, MNIST",
            ratio=min(ratios) / bar.paper_ratio,
            p10=min(ratios),
            p90=max(ratios),
            bar=bar.ratio,
            met=min(ratios) >= bar.ratio,
        ),
        harness.Row(
            name=f"{name}: points lost (95 % interval over {len(lost)} seeds)",
            value=mean,
            unit="points",
            peer="uncompressed",
            p10=mean - half,
            p90=mean + half,
            bar=bar.points_lost,
            met=mean <= bar.points_lost + 1e-9,
        ),
        harness.Row(
            name=f"{name}: top-1 of the reference",
            value=top1,
            unit="%",
            peer="",
            bar=bar.reference_top1 or None,
            met=top1 >= bar.reference_top1 if bar.reference_top1 else None,
        ),
    ]


def run(options: argparse.Namespace) -> list[harness.Row]:
    torch.set_num_threads(options.threads)
    found: list[harness.Row] = []
    for bar in BARS:
        if options.only and options.only not in f"{bar.data} {bar.network}":
            continue
        data = load(bar.data)
        outcomes = []
        for seed in options.seeds:
            if options.retrain or not all(path.exists() for path in paths(bar, seed)):
                if options.quick:
                    sys.exit(f"nothing is kept for {bar}, seed {seed}: run without --quick.")
                make(bar, seed, data, options.work)
            outcomes.append(measure(bar, seed, data))
            print(bar.data, bar.network, outcomes[-1], file=sys.stderr)
        found += rows(bar, outcomes)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--retrain", action="store_true", help="make anew what is kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--only", help="part of 'DATA NETWORK', such as 'fashion-mnist lenet-5'")
    parser.add_argument("--work", type=Path, default=Path("runs/deep_compression"))
    parser.add_argument("--threads", type=int, default=1)


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
