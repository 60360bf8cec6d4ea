"""Compare strategies on a table of search_table.py: trials until an architecture of the top 1 %.

    python benchmarks/search_compare.py                 # the strategies as they ship, fashion-mnist
    python benchmarks/search_compare.py --tune          # candidate settings, on mnist5k's table

A trial is an architecture that was not asked for before: what is asked again is answered from
memory, for every strategy alike. A strategy that only repeats itself is given an even draw after
200 repeats. One line a strategy and seed goes into `results/search/compare-NAME.csv`: the trials
until the top 1 %, and the best top-1 after 10, 20, ... trials. Lines that are there are kept.
"""

import argparse
import csv
import json
import random
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import torch
import yaml

from featherweight.search.spaces.registry import find_space
from featherweight.search.spaces.space import Choices
from featherweight.search.strategies.registry import STRATEGIES, fixed_settings, make_sampler
from featherweight.search.strategies.suggest import suggest
from search_table import KEPT, Table, tables

HERE = Path(__file__).parent
MOST_REPEATS = 200
MOST_TRIALS = 200


@dataclass(frozen=True)
class Race:
    """What one seed of one strategy did on a table."""

    trials: int
    """Until an architecture of the top 1 %; MOST_TRIALS + 1 if none was found."""
    best: tuple[float, ...]
    """Top-1 in percent of the best so far, trial by trial."""


def race(
    table: Mapping[Choices, float], space: str, strategy: str, settings: Any, seed: int
) -> Race:
    """Let a strategy search the table until it has found the top 1 %, or 200 trials long."""
    bar = sorted(table.values(), reverse=True)[max(1, len(table) // 100) - 1]
    found = find_space(space)
    sampler = make_sampler(strategy, found, seed=seed, settings=settings)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    generator = random.Random(seed)
    seen: set[Choices] = set()
    best: list[float] = []
    repeats = 0
    limit = min(MOST_TRIALS, len(table))
    while len(seen) < limit:
        if repeats == MOST_REPEATS:
            fresh = generator.choice([c for c in table if c not in seen])
            study.enqueue_trial(found.architecture(fresh).values)
        trial = study.ask()
        choices = suggest(found, trial).choices
        study.tell(trial, table[choices])
        repeats = repeats + 1 if choices in seen else 0
        if choices in seen:
            continue
        seen.add(choices)
        best.append(max(best[-1] if best else 0.0, table[choices]))
        if best[-1] >= bar:
            return Race(len(seen), tuple(best))
    return Race(MOST_TRIALS + 1, tuple(best))


def results(name: str) -> dict[tuple[str, str], dict[int, Race]]:
    """What is there, by strategy and settings (JSON), and by seed."""
    path = KEPT / f"compare-{name}.csv"
    found: dict[tuple[str, str], dict[int, Race]] = {}
    if path.exists():
        with path.open(newline="") as file:
            for line in csv.DictReader(file):
                best = tuple(float(value) for value in line["best"].split())
                key = (line["strategy"], line["settings"])
                found.setdefault(key, {})[int(line["seed"])] = Race(int(line["trials"]), best)
    return found


def run(table: Table, strategy: str, settings: Any, seeds: range) -> dict[int, Race]:
    """Race the seeds that are not there yet, and keep them."""
    text = json.dumps(settings, sort_keys=True)
    there = results(table.name).get((strategy, text), {})
    path = KEPT / f"compare-{table.name}.csv"
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(("strategy", "settings", "seed", "trials", "best"))
        values = table.top1()
        for seed in seeds:
            if seed not in there:
                there[seed] = race(values, table.space, strategy, settings, seed)
                best = " ".join(f"{value:.2f}" for value in there[seed].best)
                writer.writerow((strategy, text, seed, there[seed].trials, best))
                file.flush()
    return {seed: there[seed] for seed in seeds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tune", action="store_true", help="candidates, on the other table")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--only", default="", help="one strategy")
    options = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    table = tables()["mnist5k" if options.tune else "fashion-mnist"]
    candidates = yaml.safe_load((HERE / "search_tune.yaml").read_text())
    for strategy in [s for s in STRATEGIES if options.only in s]:
        fixed = fixed_settings().get(strategy, {})
        for settings in candidates.get(strategy, [{}]) if options.tune else [fixed]:
            trials = sorted(
                each.trials
                for each in run(table, strategy, settings, range(options.seeds)).values()
            )
            print(strategy, settings, "median", trials[len(trials) // 2], flush=True)


if __name__ == "__main__":
    main()
