"""Bar 1: strategies on the table of fashion-mnist, from `compare-fashion-mnist.csv`."""

import json
import random
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from featherweight.bench.figures import BLUE, GREEN, MUTED, ORANGE, PALE, figure_style, new_figure
from featherweight.search.evaluation.predictor import fit
from featherweight.search.spaces.registry import find_space
from featherweight.search.strategies.predictor import PredictorSettings
from featherweight.search.strategies.registry import STRATEGIES, fixed_settings
from harness import Row
from search_compare import MOST_TRIALS, Race, results
from search_table import tables

_COLOURS = dict(zip(STRATEGIES, (BLUE, ORANGE, "#cc79a7", "#d55e00", MUTED, GREEN), strict=True))
_SAMPLES = 2000


def races(name: str = "fashion-mnist") -> dict[str, list[Race]]:
    """By strategy, with the settings that it ships with."""
    there = results(name)
    return {
        strategy: list(
            there.get(
                (strategy, json.dumps(fixed_settings().get(strategy, {}), sort_keys=True)), {}
            ).values()
        )
        for strategy in STRATEGIES
    }


def rows() -> list[Row]:
    """Median trials until the top 1 %, and their ratio to random's with its 95 % interval."""
    found = {name: np.array([r.trials for r in each]) for name, each in races().items() if each}
    random = found["random"]
    generator = np.random.default_rng(0)
    made = []
    for name, trials in found.items():
        sampled = [
            float(np.median(generator.choice(trials, trials.size)))
            / float(np.median(generator.choice(random, random.size)))
            for _ in range(_SAMPLES)
        ]
        low, high = np.percentile(sampled, (2.5, 97.5))
        ratio = float(np.median(trials) / np.median(random))
        bar = 0.5 if name in ("controller", "evolution") else None
        made.append(
            Row(
                f"{name}: trials until the top 1 %, {trials.size} seeds", float(np.median(trials)),
                "trials", "random", ratio, float(low), float(high), bar,
                None if bar is None else ratio <= bar,
            )
        )  # fmt: skip
    return made


def predicted(trained: tuple[int, ...] = (20, 50, 100), draws: int = 50) -> list[Row]:
    """How the accuracy predictor ranks all architectures that it was not fitted to."""
    table = tables()["fashion-mnist"]
    space, top1 = find_space(table.space), table.top1()
    all_choices = sorted(top1)
    made = []
    for count in trained:
        taus = []
        for seed in range(draws):
            order = random.Random(seed).sample(all_choices, len(all_choices))
            known, rest = order[:count], order[count:]
            model = fit(
                [space.architecture(c) for c in known], [top1[c] for c in known],
                PredictorSettings().ridge,
            )  # fmt: skip
            found = model.predict([space.architecture(c) for c in rest])
            taus.append(float(kendalltau(found, [top1[c] for c in rest])[0]))
        low, high = np.percentile(taus, (2.5, 97.5))
        name = f"predictor fitted to {count} of {len(all_choices)}: Kendall's tau on the others"
        made.append(Row(name, float(np.mean(taus)), "", p10=float(low), p90=float(high)))
    return made


def plot(path: Path) -> None:
    """Share of seeds that have found the top 1 % after so many trials, with a 95 % band."""
    with figure_style("search strategies"):
        figure = new_figure(3.4, 5.6)
        axes = figure.subplots()
        across = np.arange(1, 121)
        for name, each in races().items():
            trials = np.array([race.trials for race in each])
            share = (trials[None, :] <= across[:, None]).mean(axis=1)
            error = 1.96 * np.sqrt(share * (1 - share) / trials.size)
            axes.plot(across, 100 * share, color=_COLOURS[name], label=name)
            low, high = np.clip(share - error, 0, 1), np.clip(share + error, 0, 1)
            axes.fill_between(across, 100 * low, 100 * high, color=_COLOURS[name], alpha=0.12, lw=0)
        axes.set_xlabel(f"architectures trained (of at most {MOST_TRIALS})")
        axes.set_ylabel("seeds that have found the top 1 %, %")
        axes.grid(color=PALE, linewidth=0.5)
        axes.legend(frameon=False, fontsize=8)
        figure.savefig(path)
