"""Train every architecture of a small space under one budget: what strategies are compared on.

The tables are those of search_table.yaml: about an hour for fashion-mnist and ten minutes for
mnist5k on one core. Proxies: pictures of half the side, a part of the training set, one or two
epochs. Results go line by line into `results/search/table-NAME.csv` (choices, seed, top-1 on
validation, seconds), in a shuffled order, so that a part is a fair sample; lines that are there
are not trained again.
"""

import argparse
import csv
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml

from featherweight.data import Dataset, load
from featherweight.search.evaluation.proxy import Proxy, smaller
from featherweight.search.network import PlannedNetwork
from featherweight.search.spaces.registry import find_space
from featherweight.search.spaces.space import Architecture, Choices
from featherweight.training import TrainingConfig, evaluate, fit

HERE = Path(__file__).parent
KEPT = HERE / "results" / "search"


@dataclass(frozen=True)
class Table:
    """One entry of search_table.yaml with the lines that are there."""

    name: str
    space: str
    data: str
    seeds: int
    proxy: dict[str, Any]
    training: dict[str, Any]

    @property
    def file(self) -> Path:
        return KEPT / f"table-{self.name}.csv"

    @cached_property
    def dataset(self) -> Dataset:
        return smaller(load(self.data), Proxy(**self.proxy))

    def lines(self) -> dict[tuple[Choices, int], float]:
        """Top-1 in percent by choices and seed."""
        if not self.file.exists():
            return {}
        with self.file.open(newline="") as file:
            return {
                (_choices(line["choices"]), int(line["seed"])): float(line["top1"])
                for line in csv.DictReader(file)
            }

    def top1(self) -> dict[Choices, float]:
        """Mean top-1 in percent of the architectures of which all seeds are there."""
        found: dict[Choices, list[float]] = {}
        for (choices, _), top1 in self.lines().items():
            found.setdefault(choices, []).append(top1)
        return {c: sum(v) / len(v) for c, v in found.items() if len(v) == self.seeds}

    def wanted(self) -> Iterator[tuple[Architecture, int]]:
        """What is not there yet, in a fixed shuffled order."""
        architectures = list(find_space(self.space).all())
        random.Random(0).shuffle(architectures)
        there = self.lines()
        return (
            (architecture, seed)
            for architecture in architectures
            for seed in range(self.seeds)
            if (architecture.choices, seed) not in there
        )

    def train(self, architecture: Architecture, seed: int) -> float:
        """Top-1 in percent on validation of one training."""
        torch.manual_seed(seed)
        plan = architecture.plan(self.dataset.shape, len(self.dataset.class_names))
        module = PlannedNetwork(plan)
        fit(module, self.dataset, TrainingConfig(**self.training), seed=seed)
        return evaluate(module, self.dataset, self.dataset.val).top1


def tables() -> dict[str, Table]:
    text = (HERE / "search_table.yaml").read_text()
    return {name: Table(name, **entry) for name, entry in yaml.safe_load(text).items()}


def _choices(text: str) -> Choices:
    return tuple(int(digit) for digit in text)


def _fill(table: Table) -> None:
    table.file.parent.mkdir(parents=True, exist_ok=True)
    is_new = not table.file.exists()
    with table.file.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(("choices", "seed", "top1", "seconds"))
        for architecture, seed in table.wanted():
            start = time.perf_counter()
            top1 = table.train(architecture, seed)
            seconds = time.perf_counter() - start
            digits = "".join(map(str, architecture.choices))
            writer.writerow((digits, seed, f"{top1:.2f}", f"{seconds:.2f}"))
            file.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", default=list(tables()), help="by default all")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.tables:
        _fill(tables()[name])


if __name__ == "__main__":
    main()
