"""Channels, then weights, then shared values: is the file smaller than by each alone?

Trains what pruning_composition.yaml says and keeps one JSON line a rung in
`results/pruning/composition.jsonl`; a rung that is there is not trained again, a killed one goes on
from `--work`. The rung of a way is chosen on validation; its accuracy on test is kept with it.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from featherweight import recipes
from featherweight.data import Dataset, Split, load
from featherweight.pruning.removal import RemovalConfig
from featherweight.recipes import LayerRule, Recipe, Settings, train_reference
from featherweight.recipes.recipe import ChannelStage, PruningStage, SharingStage
from featherweight.training import Distillation, Progress, TrainingConfig, evaluate
from featherweight.zoo import resolve

HERE = Path(__file__).parent
KEPT = HERE / "results" / "pruning" / "composition.jsonl"


def plan() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / "pruning_composition.yaml").read_text())
    return found


def results() -> list[dict[str, Any]]:
    """The rungs that are there."""
    return [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []


def fewer(data: Dataset, pictures: int) -> Dataset:
    train = data.train
    return replace(data, train=Split(train.images[:pictures], train.labels[:pictures]))


def trained(network: str, stage: str, factor: float = 1.0) -> TrainingConfig:
    """How a stage of the plan trains, at `factor` times the reference's learning rate."""
    return TrainingConfig(
        epochs=plan()["epochs"][stage],
        batch_size=plan()["batch_size"],
        learning_rate=factor * plan()["networks"][network],
        horizontal_flip=True,
    )


def recipe(network: str, way: str, rung: dict[str, Any]) -> Recipe:
    """One rung of a ladder as a recipe; epochs are those of the plan."""

    def training(stage: str, factor: float) -> TrainingConfig:
        return replace(trained(network, stage, factor), distillation=Distillation(0.7, 2.0))

    channels = None
    if "channels" in rung:
        removal = RemovalConfig(pruning_ratio=rung["channels"])
        channels = ChannelStage(removal, training=training("channels", 0.5))
    rule = LayerRule("*", density=rung.get("density"), num_bits=rung.get("bits"))
    return Recipe(
        f"{way}-" + "-".join(f"{value:g}" for value in rung.values()),
        (rule,) if "density" in rung or "bits" in rung else (),
        channels=channels,
        pruning=PruningStage(training=training("weights", 0.5)),
        sharing=SharingStage(training=replace(training("sharing", 0.25), weight_decay=0.0)),
    )


def reference(network: str, seed: int, data: Dataset, work: Path) -> nn.Module:
    """The trained network that every way of this seed starts from."""
    module = resolve(network, seed=seed, shape=data.shape, num_classes=len(data.class_names)).module
    settings = Settings(seed=seed, work=work, report=_report)
    train_reference(module, trained(network, "reference"), data, settings)
    return module.eval()


def climb(
    network: str, way: str, module: nn.Module, data: Dataset, *, seed: int, work: Path
) -> None:
    """Train the rungs of one way until one loses too much on validation."""
    before = evaluate(module, data, data.val).top1
    for rung in plan()["ways"][way]:
        kept = _find(network, way, seed, rung)
        if kept is None:
            settings = Settings(seed=seed, work=work, report=_report)
            out = work / "rung.fwt"
            result = recipes.compress(
                module, recipe(network, way, rung), data, out, settings=settings
            )
            assert result.reference is not None and result.compressed is not None
            after = evaluate(result.module, data, data.val).top1
            kept = {
                "network": network, "way": way, "seed": seed, "rung": rung,
                "val_lost": before - after, "reference_top1": result.reference.top1,
                "top1": result.compressed.top1, "float32_bytes": result.float32_bytes,
                "file_bytes": result.file_bytes,
            }  # fmt: skip
            with KEPT.open("a") as file:
                file.write(json.dumps(kept) + "\n")
            print(kept)
        if kept["val_lost"] > plan()["tolerance"]:
            return


def _find(network: str, way: str, seed: int, rung: dict[str, Any]) -> dict[str, Any] | None:
    wanted = (network, way, seed, rung)
    found = (r for r in results() if (r["network"], r["way"], r["seed"], r["rung"]) == wanted)
    return next(found, None)


def _report(stage: str, progress: Progress) -> None:
    print(stage, progress.epoch, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=plan()["seeds"])
    parser.add_argument("--networks", nargs="+", default=list(plan()["networks"]))
    parser.add_argument("--work", type=Path, default=Path("runs/composition"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    data = fewer(load(plan()["data"]), plan()["pictures"])
    for seed in options.seeds:
        for network in options.networks:
            module = reference(network, seed, data, options.work)
            for way in plan()["ways"]:
                climb(network, way, module, data, seed=seed, work=options.work)


if __name__ == "__main__":
    main()
