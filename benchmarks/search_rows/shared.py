"""Bar 5: how well a supernet ranks 30 architectures whose own trainings are in the table."""

import random

import numpy as np
import torch
from scipy.stats import kendalltau

from featherweight.search.costs import plan_cost
from featherweight.search.evaluation.supernet import shared_top1, train_supernet
from featherweight.search.spaces.registry import find_space
from featherweight.training import TrainingConfig
from harness import Row
from search_table import tables

_CHILDREN = 30
_SAMPLES = 2000
TRAINING = TrainingConfig(epochs=20, batch_size=64, learning_rate=0.02)


def rows(seed: int = 0) -> list[Row]:
    """Kendall's tau, with the 95 % interval over bootstrap samples of the children."""
    torch.set_num_threads(1)
    table = tables()["fashion-mnist"]
    space, top1, data = find_space(table.space), table.top1(), table.dataset
    supernet = train_supernet(space, data, TRAINING, seed=seed)
    chosen = random.Random(seed).sample(sorted(top1), _CHILDREN)
    children = [space.architecture(choices) for choices in chosen]
    alone = np.array([top1[choices] for choices in chosen])
    shared = np.array([shared_top1(supernet, child, data) for child in children])
    macs = np.array([plan_cost(child.plan(data.shape, 10)).macs for child in children])
    by_macs = float(kendalltau(macs, alone)[0])
    tau = float(kendalltau(shared, alone)[0])
    low, high = _interval(shared, alone)
    return [
        Row(
            f"supernet: Kendall's tau of {_CHILDREN} children with their own training", tau, "",
            "multiply-adds", tau / by_macs, low, high, 0.6, tau >= 0.6 and tau > by_macs,
        ),
        Row("multiply-adds: Kendall's tau of the same", by_macs, ""),
    ]  # fmt: skip


def _interval(left: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    generator = np.random.default_rng(0)
    taus = []
    for _ in range(_SAMPLES):
        index = generator.integers(0, left.size, left.size)
        taus.append(float(kendalltau(left[index], right[index])[0]))
    low, high = np.nanpercentile(taus, (2.5, 97.5))
    return float(low), float(high)
