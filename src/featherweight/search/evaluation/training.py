"""An architecture trained by itself: the honest evaluation, in a process of its own or here."""

import tempfile
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from time import perf_counter

import torch

from featherweight.data import Dataset, load
from featherweight.recipes import Settings, compress
from featherweight.search.evaluation.evaluator import Judged, Report
from featherweight.search.evaluation.proxy import Proxy, smaller
from featherweight.search.network import PlannedNetwork
from featherweight.search.spaces.compressed import CompressedSpace
from featherweight.search.spaces.space import Architecture
from featherweight.training import Progress, TrainingConfig, evaluate, fit


@dataclass(frozen=True)
class TrainingEvaluator:
    """Trains on `data`, compresses where the space says how, and ranks by the validation split."""

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

    def __call__(self, architecture: Architecture, report: Report) -> Judged:
        """Train it from scratch; compressed, it learns as long again while it is pruned."""
        torch.set_num_threads(self.threads)
        start = perf_counter()
        dataset = self.dataset
        torch.manual_seed(self.seed)
        module = PlannedNetwork(architecture.plan(dataset.shape, len(dataset.class_names)))

        def told(progress: Progress) -> None:
            report(progress.epoch, progress.val_top1)

        fit(module, dataset, self.training, seed=self.seed, report=told)
        if not isinstance(architecture.space, CompressedSpace):
            return Judged(evaluate(module, dataset, dataset.val).top1, perf_counter() - start)
        recipe = architecture.space.recipe(architecture, self.training)
        # `compress` says what it reaches on test: in a search that is the validation split.
        seen = replace(dataset, test=dataset.val)
        with tempfile.TemporaryDirectory() as folder:
            file, settings = Path(folder) / "n.fwt", Settings(seed=self.seed)
            done = compress(module.eval(), recipe, seen, file, settings=settings)
        assert done.compressed is not None
        return Judged(done.compressed.top1, perf_counter() - start, done.file_bytes)


@cache
def _loaded(data: str, root: Path | None, proxy: Proxy) -> Dataset:
    return smaller(load(data, root=root), proxy)
