"""Train what the rows of one bit compare; a result a network, scheme and seed, kept once done.

`python benchmarks/onebit_training.py` goes through `onebit.yaml` and skips what is kept in
`results/quantization/`; stopped, it goes on from its checkpoints in `--work`. A network is read
back from its file and counted on test once, when it is done.
"""

import argparse
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console
from torch import nn

import featherweight
from featherweight import container, zoo
from featherweight.binarization import (
    Course,
    binarize,
    binary_candidates,
    find_scheme,
    fold_norms,
    train_binary,
    train_binary_connect,
)
from featherweight.data import Dataset, load
from featherweight.recipes import from_data
from featherweight.recipes.pack import example_input, pack
from featherweight.training import Progress, TrainingConfig, checkpoint, evaluate, fit

HERE = Path(__file__).parent
KEPT = HERE / "results" / "quantization"
DATA = "fashion-mnist"


@dataclass(frozen=True)
class Trained:
    """One network: what it reached, and how large its file is."""

    network: str
    scheme: str
    """A scheme of `binarization`, or real."""
    seed: int
    epochs: int
    val_top1: float
    test_top1: float
    file_bytes: int


def plan() -> dict[str, Any]:
    """What is to be trained: `onebit.yaml`."""
    return yaml.safe_load((HERE / "onebit.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def jobs(asked: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(network, scheme, seed) of all that is to be trained, in order."""
    return [
        (run["network"], scheme, seed)
        for run in asked["runs"]
        for seed in run["seeds"]
        for scheme in run["schemes"]
    ]


def path_of(network: str, scheme: str, seed: int) -> Path:
    """Where a result is kept."""
    slug = network.replace(":", "-").replace("=", "-").replace(",", "-")
    return KEPT / f"onebit-{slug}-{scheme}-seed{seed}.json"


def kept() -> list[Trained]:
    """All results that are kept."""
    return [Trained(**json.loads(file.read_text())) for file in sorted(KEPT.glob("onebit-*.json"))]


def build(spec: str, seed: int) -> nn.Module:
    """A network of the zoo at its small setting, with fresh weights."""
    name, options = zoo.parse(spec)
    torch.manual_seed(seed)
    return zoo.small_setting(name).build(**options)


class Trainer:
    """Trains on one data set, with its checkpoints in one folder."""

    def __init__(self, data: Dataset, training: TrainingConfig, work: Path) -> None:
        self.data, self.training, self.work = data, training, work
        self.console = Console(stderr=True)

    def train(self, spec: str, scheme: str, seed: int) -> None:
        """Train one network and keep its result."""
        module = self.real(spec, seed) if scheme == "real" else self.binary(spec, scheme, seed)
        module = fold_norms(module.eval())
        file = self.work / f"{path_of(spec, scheme, seed).stem}.fwt"
        written = container.write(file, pack(module, example_input(self.data.shape), {}, {}))
        stored = featherweight.load(file)
        val, test = (evaluate(stored, self.data, s).top1 for s in (self.data.val, self.data.test))
        row = Trained(spec, scheme, seed, self.training.epochs, val, test, written.file_bytes)
        target = path_of(spec, scheme, seed)
        partial = target.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(row), indent=1) + "\n")
        partial.replace(target)
        self.console.print(f"[bold]{row}")

    def real(self, spec: str, seed: int) -> nn.Module:
        """The real network; what was trained before is read back."""
        module = build(spec, seed)
        done = self.work / f"{path_of(spec, 'real', seed).stem}.safetensors"
        if done.exists():
            checkpoint.load_weights(done, module)
        else:
            fit(
                module, self.data, self.training, seed=seed,
                checkpoint=self.place(spec, "real", seed),
                report=lambda progress: self.report(f"{spec} real {seed}", progress),
            )  # fmt: skip
            checkpoint.save(done, module.state_dict(), {"spec": spec})
        return module.eval()

    def binary(self, spec: str, scheme: str, seed: int) -> nn.Module:
        """The network of a scheme, from the fresh weights that the real one began with."""
        chosen = find_scheme(scheme)
        module = build(spec, seed)

        def place(stage: str, network: nn.Module) -> Path:
            return self.place(spec, f"{scheme}-{stage.replace(' ', '-')}", seed)

        def report(stage: str, progress: Progress) -> None:
            self.report(f"{spec} {scheme} {seed}: {stage}", progress)

        teacher = self.real(spec, seed) if chosen.has_two_stages else None
        course = Course(self.data, self.training, teacher, seed, place, report)
        if chosen.is_trained_in_place:
            return train_binary_connect(module, binary_candidates(module, "bwn"), course)
        network = binarize(module, chosen, norms=True)
        train_binary(network, chosen, course)
        return network

    def place(self, spec: str, what: str, seed: int) -> Path:
        return self.work / f"{path_of(spec, what, seed).stem}.checkpoint"

    def report(self, what: str, progress: Progress) -> None:
        self.console.print(
            f"{what} {progress.epoch}/{progress.epochs}, validation {progress.val_top1:.2f} %"
        )


def main() -> None:
    """Train what is not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="parts of the results' names")
    parser.add_argument("--work", type=Path, default=Path("runs/onebit"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    asked = plan()
    training = from_data(asked["training"], "benchmarks/onebit.yaml", TrainingConfig)
    trainer = Trainer(load(DATA), replace(training, epochs=asked["epochs"]), options.work)
    KEPT.mkdir(parents=True, exist_ok=True)
    options.work.mkdir(parents=True, exist_ok=True)
    for spec, scheme, seed in jobs(asked):
        target = path_of(spec, scheme, seed)
        is_asked = not options.only or any(part in target.stem for part in options.only)
        if is_asked and not target.exists():
            trainer.train(spec, scheme, seed)


if __name__ == "__main__":
    main()
