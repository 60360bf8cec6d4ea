"""An architecture trained by itself: the honest evaluation, in a process of its own or here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter

import torch

from featherweight.data import Dataset, load
from featherweight.search.evaluation.proxy import Proxy, smaller
from featherweight.search.network import PlannedNetwork
from featherweight.search.spaces.space import Architecture
from featherweight.training import Progress, TrainingConfig, evaluate, fit

Report = Callable[[int, float], None]
"""Told the epoch and top-1 on validation; may raise to stop the training."""


@dataclass(frozen=True)
class TrainingEvaluator:
    """Trains on `data` and returns top-1 in percent on its validation split."""

    data: str
    training: TrainingConfig
    proxy: Proxy = field(default_factory=Proxy)
    root: Path | None = None
    seed: int = 0
    threads: int = 1

    @property
    def dataset(self) -> Dataset:
        """The pictures that architectures see; each process loads them once."""
        return _loaded(self.data, self.root, self.proxy)

    def __call__(self, architecture: Architecture, report: Report) -> tuple[float, float]:
        """Top-1 and the seconds that it took."""
        torch.set_num_threads(self.threads)
        start = perf_counter()
        dataset = self.dataset
        torch.manual_seed(self.seed)
        module = PlannedNetwork(architecture.plan(dataset.shape, len(dataset.class_names)))

        def told(progress: Progress) -> None:
            report(progress.epoch, progress.val_top1)

        fit(module, dataset, self.training, seed=self.seed, report=told)
        return evaluate(module, dataset, dataset.val).top1, perf_counter() - start


@cache
def _loaded(data: str, root: Path | None, proxy: Proxy) -> Dataset:
    return smaller(load(data, root=root), proxy)
