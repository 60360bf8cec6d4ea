"""Train and compress what `tradeoffs.py` compares; a row a network, kept as it is done.

`python benchmarks/tradeoff_training.py` goes through `tradeoffs.yaml` and skips what is kept in
`results/tradeoffs/`; stopped, it goes on from its checkpoints in `--work`. Test is read once, when
a network is done. The whole takes about two hours of one core; `--only` names some of the networks,
so that two processes can share the work.
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

from featherweight import container, recipes, zoo
from featherweight.data import Dataset, load, padded
from featherweight.recipes import Recipe, from_data
from featherweight.recipes.pack import example_input, pack
from featherweight.training import Progress, TrainingConfig, checkpoint, evaluate

HERE = Path(__file__).parent
KEPT = HERE / "results" / "tradeoffs"


@dataclass(frozen=True)
class Trained:
    """One network on fashion-mnist: what it reached, and how it is stored."""

    name: str
    series: str
    """designed, compressed or shared."""
    spec: str
    """The zoo network, with options."""
    val_top1: float
    test_top1: float
    file_bytes: int


def plan() -> dict[str, Any]:
    """What is to be trained: `tradeoffs.yaml`."""
    return yaml.safe_load((HERE / "tradeoffs.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def build(spec: str, side: int) -> nn.Module:
    """A network at its small setting; options in `spec` win over the setting's."""
    name, options = zoo.parse(spec)
    torch.manual_seed(0)
    return zoo.small_setting(name).build(**({"input_size": side} | options))


def kept_rows() -> list[Trained]:
    """The rows that are kept, by name."""
    return [Trained(**json.loads(p.read_text())) for p in sorted(KEPT.glob("*.json"))]


def slug(name: str) -> str:
    return name.replace(":", "-").replace("=", "-").replace(" ", "-")


class Trainer:
    """Trains on one data set, with its checkpoints in one folder."""

    def __init__(self, data: Dataset, epochs: int, work: Path) -> None:
        self.data, self.epochs, self.work = data, epochs, work
        self.console = Console(stderr=True)

    def settings(self, name: str) -> recipes.Settings:
        def report(stage: str, step: Progress) -> None:
            self.console.print(
                f"{name}: {stage} {step.epoch}/{step.epochs}, validation {step.val_top1:.2f} %"
            )

        return recipes.Settings(work=self.work / slug(name), report=report)

    def reference(self, spec: str) -> nn.Module:
        """Train the network from scratch; what was trained before is read back."""
        module = build(spec, self.data.shape[1])
        config = TrainingConfig(
            epochs=self.epochs,
            learning_rate=zoo.small_setting(spec.partition(":")[0]).learning_rate,
            horizontal_flip=True,
        )
        done = self.work / f"{slug(spec)}.safetensors"
        if done.exists():
            checkpoint.load_weights(done, module)
        else:
            recipes.train_reference(module, config, self.data, self.settings(spec))
            checkpoint.save(done, module.state_dict(), {"spec": spec})
        return module.eval()

    def designed(self, spec: str) -> None:
        """Train from scratch and keep the row; the file holds the weights as they are."""
        module = self.reference(spec)
        file = self.work / f"{slug(spec)}.fwt"
        network = pack(module, example_input(self.data.shape), {}, {})
        written = container.write(file, network)
        self.keep(spec, "designed", spec, module, written.file_bytes)

    def compressed(self, name: str, series: str, spec: str, recipe: Recipe) -> None:
        """Compress what was trained from scratch and keep the row and the file."""
        file = KEPT / f"{slug(name)}.fwt"
        done = recipes.compress(
            self.reference(spec), recipe, self.data, file, settings=self.settings(name)
        )
        self.keep(name, series, spec, done.module, done.file_bytes)

    def keep(self, name: str, series: str, spec: str, module: nn.Module, file_bytes: int) -> None:
        val = evaluate(module, self.data, self.data.val).top1
        test = evaluate(module, self.data, self.data.test).top1
        row = Trained(name, series, spec, val, test, file_bytes)
        partial = KEPT / f"{slug(name)}.json.partial"
        partial.write_text(json.dumps(asdict(row), indent=1) + "\n")
        partial.replace(KEPT / f"{slug(name)}.json")
        self.console.print(f"[bold]{row}")


def recipe_of(raw: Mapping[str, Any]) -> Recipe:
    return from_data(raw, "benchmarks/tradeoffs.yaml", Recipe)


def main() -> None:
    """Train what is not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="parts of the networks' names")
    parser.add_argument("--work", type=Path, default=Path("runs/tradeoffs"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    asked = plan()
    trainer = Trainer(padded(load("fashion-mnist"), asked["side"]), asked["epochs"], options.work)
    KEPT.mkdir(parents=True, exist_ok=True)
    jobs = {spec: ("designed", spec, None) for spec in asked["designed"]}
    for name, raw in asked["compressed"].items():
        jobs[name] = ("compressed", name.partition(" ")[0], recipe_of(raw))
    for spec in asked["shared"]["networks"]:
        jobs[f"{spec} shared"] = ("shared", spec, recipe_of(asked["shared"]["recipe"]))
    for name, (series, spec, recipe) in jobs.items():
        is_asked = not options.only or any(part in name for part in options.only)
        if not is_asked or (KEPT / f"{slug(name)}.json").exists():
            continue
        if recipe is None:
            trainer.designed(spec)
        else:
            trainer.compressed(name, series, spec, recipe)


if __name__ == "__main__":
    main()
