"""Train what a search found, and MobileNetV2 and ShuffleNet around its latency, all the same way.

`python benchmarks/search_found.py` goes through `search_found.yaml` and skips what is kept in
`results/search/found/`, a file for each network and seed; stopped, it goes on from its checkpoints
in `--work`. Test is read once, when a network is done. `search.py` times and compares what is kept.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console
from torch import nn

from featherweight import zoo
from featherweight.data import Dataset, load
from featherweight.training import Progress, TrainingConfig, evaluate, fit
from tradeoff_training import slug

HERE = Path(__file__).parent
KEPT = HERE / "results" / "search" / "found"
SHAPE = (1, 28, 28)
CLASSES = 10


@dataclass(frozen=True)
class Trained:
    """One network, trained from one seed."""

    name: str
    spec: str
    series: str
    """found, or peers."""
    seed: int
    epochs: int
    val_top1: float
    test_top1: float


def plan() -> Mapping[str, Any]:
    """What is to be trained: `search_found.yaml`."""
    return yaml.safe_load((HERE / "search_found.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def build(spec: str, seed: int = 0) -> nn.Module:
    """The network with fresh weights; zoo networks at their small setting."""
    torch.manual_seed(seed)
    if spec.startswith("search:"):
        return zoo.resolve(spec, seed=seed, shape=SHAPE, num_classes=CLASSES).module
    name, options = zoo.parse(spec)
    return zoo.small_setting(name).build(**options)


def kept_rows() -> list[Trained]:
    """What was trained."""
    return [Trained(**json.loads(path.read_text())) for path in sorted(KEPT.glob("*.json"))]


def train(name: str, spec: str, series: str, *, seed: int, data: Dataset, work: Path) -> Trained:
    """Train from scratch; an epoch that was done before is not repeated."""
    asked, console = plan(), Console(stderr=True)

    def report(step: Progress) -> None:
        console.print(
            f"{name} ({seed}): {step.epoch}/{step.epochs}, validation {step.val_top1:.2f} %"
        )

    module = build(spec, seed)
    config = TrainingConfig(
        epochs=asked["epochs"], learning_rate=asked["learning_rate"], horizontal_flip=True
    )
    checkpoint = work / f"{slug(name)}-{seed}.safetensors"
    fit(module, data, config, seed=seed, checkpoint=checkpoint, report=report)
    module.eval()
    val = evaluate(module, data, data.val).top1
    test = evaluate(module, data, data.test).top1
    return Trained(name, spec, series, seed, config.epochs, val, test)


def main() -> None:
    """Train what is not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="parts of the networks' names")
    parser.add_argument("--seeds", nargs="+", type=int, help="some of the seeds")
    parser.add_argument("--work", type=Path, default=Path("runs/search-found"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    asked, data = plan(), load("fashion-mnist")
    for folder in (KEPT, options.work):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds or asked["seeds"]:
        for series in ("found", "peers"):
            for name, spec in asked[series].items():
                file = KEPT / f"{slug(name)}-{seed}.json"
                is_asked = not options.only or any(part in name for part in options.only)
                if not is_asked or file.exists():
                    continue
                row = train(name, spec, series, seed=seed, data=data, work=options.work)
                partial = file.with_suffix(".partial")
                partial.write_text(json.dumps(asdict(row), indent=1) + "\n")
                partial.replace(file)


if __name__ == "__main__":
    main()
