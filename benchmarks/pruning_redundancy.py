"""Train what answers "why are redundant parameters needed at all?": one JSON a way, size and seed.

- `pruned`: the trained network loses its weights gradually and is retrained.
- `mask from its first weights`: the final mask of `pruned`, from the start: the network's own first
  weights under it (the lottery ticket of arXiv 1803.03635).
- `mask from new weights`: the same mask, and first weights of another seed.
- `small dense`: a dense network with as many weights, hidden units instead of zeros.

Nobody has a teacher, and each has as many epochs in all: those of the reference and of retraining.
Results stand in `results/pruning/redundancy/`; what is there is skipped, and a killed run goes on
from its checkpoint in `--work`.
"""

import argparse
import json
import sys
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from featherweight import recipes
from featherweight.data import Dataset, load
from featherweight.pruning import MaskedTraining, PruningConfig, Target, adjust_dropout
from featherweight.training import Progress, TrainingConfig, evaluate, fit
from featherweight.training import checkpoint as checkpoints
from featherweight.zoo import resolve
from pruning_training import KEPT, reference

HERE = Path(__file__).parent
WAYS = ("pruned", "mask from its first weights", "mask from new weights", "small dense")
_OTHER_SEED = 1000


@dataclass(frozen=True)
class Size:
    """One line of pruning_redundancy.yaml."""

    percent: float
    layers: dict[str, float]
    hidden: tuple[int, int]


def plan() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / "pruning_redundancy.yaml").read_text())
    return found


def sizes() -> list[Size]:
    return [Size(s["percent"], s["layers"], tuple(s["hidden"])) for s in plan()["sizes"]]


def file_of(way: str, size: Size, seed: int) -> Path:
    name = f"{way.replace(' ', '-')}-{size.percent:g}-seed{seed}.json"
    return KEPT / "redundancy" / name


def kept(way: str, size: Size) -> list[dict[str, Any]]:
    """The results of this way that are there."""
    files = [file_of(way, size, seed) for seed in plan()["seeds"]]
    return [json.loads(file.read_text()) for file in files if file.exists()]


class Runs:
    """The trainings of one seed."""

    def __init__(self, data: Dataset, seed: int, work: Path) -> None:
        self.data, self.seed, self.work = data, seed, work
        self.plan = plan()

    def train(self, way: str, size: Size) -> dict[str, Any]:
        module, epochs, constraint = self._start(way, size)
        training = self._training(epochs)
        checkpoint = self.work / file_of(way, size, self.seed).with_suffix(".safetensors").name

        def report(progress: Progress) -> None:
            if progress.epoch % 40 == 0:
                print(way, size.percent, self.seed, progress, file=sys.stderr)

        fit(
            module, self.data, training, seed=self.seed, constraint=constraint,
            checkpoint=checkpoint, report=report,
        )  # fmt: skip
        if way == "pruned":
            checkpoints.save(self._masks(size), constraint.masks, {})
        weights = [p for p in module.parameters() if p.dim() > 1]
        return {
            "way": way,
            "percent": size.percent,
            "seed": self.seed,
            "weights": sum(int((w != 0).sum()) for w in weights),
            "epochs": self.plan["reference_epochs"] + self.plan["retraining_epochs"],
            "top1": evaluate(module, self.data, self.data.test).top1,
            "train_loss": evaluate(module, self.data, self.data.train).loss,
        }

    def _start(self, way: str, size: Size) -> tuple[nn.Module, int, Any]:
        """The network, its epochs, and what holds its masks."""
        network, epochs = self.plan["network"], self.plan["retraining_epochs"]
        if way == "pruned":
            module = reference(self.data, network, self.seed).module
            targets = {f"{name}.weight": Target(d) for name, d in size.layers.items()}
            adjust_dropout(module, {f"{name}.weight": d for name, d in size.layers.items()})
            config = PruningConfig("gradual", start_density=0.5)
            return module, epochs, MaskedTraining(module, targets, config)
        epochs += self.plan["reference_epochs"]
        if way == "small dense":
            torch.manual_seed(self.seed)
            return dense(self.data, size.hidden), epochs, None
        first = self.seed if way == "mask from its first weights" else self.seed + _OTHER_SEED
        module = resolve(
            network, seed=first, shape=self.data.shape, num_classes=len(self.data.class_names)
        ).module
        masks = dict(checkpoints.load(self._masks(size)).tensors)
        held(module, masks)
        targets = {name: Target(method="zeros") for name in masks}
        adjust_dropout(module, {f"{name}.weight": d for name, d in size.layers.items()})
        return module, epochs, MaskedTraining(module, targets, PruningConfig("one-shot"))

    def _training(self, epochs: int) -> TrainingConfig:
        usual = recipes.find_training(self.plan["network"], self.data.name)
        return replace(usual, epochs=epochs)

    def _masks(self, size: Size) -> Path:
        return self.work / f"masks-{size.percent:g}-seed{self.seed}.safetensors"


def held(module: nn.Module, masks: dict[str, Tensor]) -> None:
    """Set to zero what the masks leave out."""
    with torch.no_grad():
        for name, mask in masks.items():
            module.get_parameter(name).mul_(mask)


def dense(data: Dataset, hidden: tuple[int, int]) -> nn.Module:
    """The same network with fewer hidden units."""
    inputs, classes = data.shape[0] * data.shape[1] * data.shape[2], len(data.class_names)
    widths = [inputs, *hidden, classes]
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number in range(1, len(widths)):
        layers[f"ip{number}"] = nn.Linear(widths[number - 1], widths[number])
        if number < len(widths) - 1:
            layers[f"relu{number}"] = nn.ReLU()
    return nn.Sequential(layers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/pruning_redundancy"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    data = load(plan()["data"])
    for seed in plan()["seeds"]:
        runs = Runs(data, seed, options.work)
        for size in sizes():
            for way in WAYS:
                file = file_of(way, size, seed)
                if not file.exists():
                    result = runs.train(way, size)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(json.dumps(result, indent=1) + "\n")
                    print(result, flush=True)


if __name__ == "__main__":
    main()
