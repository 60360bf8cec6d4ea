"""Train what benchmarks/pruning.py reads: the runs of pruning.yaml, one JSON a run and seed.

Each result stands in `results/pruning/<part>/`, with the file of the first seed beside it. A run
whose JSON is there is skipped; one that was killed goes on from `--work`. Accuracies are on test,
read once at the end of a run.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import yaml

from featherweight import recipes
from featherweight.data import Dataset, load
from featherweight.pruning import PruningConfig
from featherweight.recipes import LayerRule, Recipe
from featherweight.training import Progress
from featherweight.zoo import resolve
from featherweight.zoo.resolve import Resolved

HERE = Path(__file__).parent
KEPT = HERE / "results" / "pruning"
REFERENCES = HERE / "results" / "deep_compression"
PARTS = ("density", "pattern")


@dataclass(frozen=True)
class Case:
    """One line of pruning.yaml."""

    part: str
    data: str
    network: str
    name: str
    layers: dict[str, Any]
    epochs: int
    masks: dict[str, Any] = field(default_factory=dict)

    def file(self, seed: int) -> Path:
        return KEPT / self.part / f"{self.data}-{self.network}-{self.name}-seed{seed}.json"

    @property
    def network_file(self) -> Path:
        return self.file(0).with_suffix(".fwt")

    def recipe(self) -> Recipe:
        base = recipes.find_recipe("lightest", self.network, self.data)
        stage = base.pruning
        masks = PruningConfig(**self.masks) if self.masks else stage.masks
        training = replace(stage.training, epochs=self.epochs)
        return Recipe(
            self.name,
            tuple(
                LayerRule(name, sparsity_pattern=kept)
                if isinstance(kept, str)
                else LayerRule(name, density=kept)
                for name, kept in self.layers.items()
            ),
            pruning=replace(stage, masks=masks, training=training),
        )


def plan() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / "pruning.yaml").read_text())
    return found


def cases(part: str) -> list[Case]:
    return [Case(part, **line) for line in plan()[part]]


def reference(data: Dataset, network: str, seed: int) -> Resolved:
    """The trained network that every run of this seed starts from."""
    return resolve(
        network,
        seed=seed,
        shape=data.shape,
        num_classes=len(data.class_names),
        checkpoint=REFERENCES / data.name / f"{network}-seed{seed}.safetensors",
    )


def train(case: Case, seed: int, data: Dataset, work: Path) -> dict[str, Any]:
    """One run, from its reference to its file."""

    def report(stage: str, progress: Progress) -> None:
        if progress.epoch % 5 == 0:
            print(case.data, case.network, case.name, seed, stage, progress, file=sys.stderr)

    start = time.monotonic()
    settings = recipes.Settings(seed=seed, work=work, report=report)
    out = case.network_file if seed == 0 else work / case.file(seed).with_suffix(".fwt").name
    out.parent.mkdir(parents=True, exist_ok=True)
    module = reference(data, case.network, seed).module
    result = recipes.compress(module, case.recipe(), data, out, settings=settings)
    weights = [row for row in result.rows if row.name.endswith(".weight")]
    return {
        "data": case.data,
        "network": case.network,
        "name": case.name,
        "seed": seed,
        "reference_top1": result.reference.top1,
        "top1": result.compressed.top1,
        "density": sum(row.kept for row in weights) / sum(row.params for row in weights),
        "file_bytes": result.file_bytes,
        "epochs": case.epochs,
        "seconds": round(time.monotonic() - start),
    }


def kept(case: Case, seeds: list[int]) -> list[dict[str, Any]]:
    """The results that are there."""
    files = [case.file(seed) for seed in seeds]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", default="", help="part of 'DATA NETWORK NAME'")
    parser.add_argument("--work", type=Path, default=Path("runs/pruning"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    sets: dict[str, Dataset] = {}
    for seed in plan()["seeds"]:
        for case in [case for part in options.parts for case in cases(part)]:
            is_wanted = options.only in f"{case.data} {case.network} {case.name}"
            if not is_wanted or case.file(seed).exists():
                continue
            data = sets.setdefault(case.data, load(case.data))
            result = train(case, seed, data, options.work)
            case.file(seed).write_text(json.dumps(result, indent=1) + "\n")
            print(result)


if __name__ == "__main__":
    main()
