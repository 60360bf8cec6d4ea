"""One search from its request to its best: what the command line and Python call."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import optuna
from optuna.trial import FrozenTrial

from featherweight.errors import InvalidArgumentError
from featherweight.recipes import Recipe
from featherweight.search.engine import Driver, Task, trained
from featherweight.search.evaluation.latency import (
    LatencyTable,
    calibrate_latency,
    latency_path,
    load_latency,
)
from featherweight.search.evaluation.proxy import Proxy
from featherweight.search.evaluation.rewards import Reward
from featherweight.search.evaluation.training import TrainingEvaluator
from featherweight.search.executors import Executor, Here, Processes, RayCluster
from featherweight.search.plan import Plan, Shape
from featherweight.search.spaces.compressed import CompressedSpace
from featherweight.search.spaces.registry import find_space
from featherweight.search.spaces.space import Space
from featherweight.search.strategies.registry import STRATEGIES
from featherweight.search.study import PRUNERS, Where, begin
from featherweight.training import TrainingConfig
from featherweight.validation import check_choice

_BATCH, _RATE = 128, 0.01
_KEPT = 10


@dataclass(frozen=True)
class Request:
    """What is asked of a search; the fields are the command's options."""

    space: str
    data: str
    trials: int
    strategy: str = "evolution"
    max_latency_ms: float | None = None
    max_file_bytes: int | None = None
    reward: str | None = None
    epochs: int = 2
    train_pictures: int | None = None
    shrink: int = 1
    pruner: str = "none"
    storage: str | None = None
    study: str | None = None
    ray: str | None = None
    workers: int = 1
    gpus: float = 0.0
    out: Path = Path("search")
    root: Path | None = None
    seed: int = 0

    @property
    def where(self) -> Where:
        """The study that it makes, or goes on with.

        A journal serves a cluster better than SQLite: its writers may be on other machines, and it
        reads only what is new.
        """
        name = self.study or f"{self.space}-{self.data}-{self.strategy}"
        journal, sqlite = f"journal:{self.out / 'study.log'}", f"sqlite:///{self.out / 'study.db'}"
        storage = self.storage or (sqlite if self.ray is None else journal)
        return Where(storage, name, self.pruner)

    @property
    def wanted_reward(self) -> Reward:
        """A latency limit is a constraint, if nothing else is said."""
        kind = self.reward or ("constraint" if self.max_latency_ms else "accuracy")
        check_choice("reward", kind, ("accuracy", "constraint", "mnasnet"))
        return Reward(kind, self.max_latency_ms, max_file_bytes=self.max_file_bytes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class One:
    """One trained architecture; latency is predicted, None where it was not asked for."""

    architecture: str
    top1: float
    latency_ms: float | None
    params: int
    macs: int
    file_bytes: int
    """As written where the space compresses, else about what a float32 file takes."""


@dataclass(frozen=True)
class Found:
    """What a search has to show."""

    best: tuple[One, ...]
    best_plan: Plan
    best_recipe: Recipe | None
    """Where the space decides about compression: how the best is compressed."""
    trials: tuple[FrozenTrial, ...]
    study: str
    storage: str


def run(request: Request, told: Callable[[list[One]], None] = lambda best: None) -> Found:
    """Search until `request.trials` architectures are trained; goes on with a study that is there.

    Args:
        told: after each training, with the best so far.

    Raises:
        InvalidArgumentError: an option that there is not, or that does not fit the others.
    """
    check_choice("strategy", request.strategy, STRATEGIES)
    check_choice("pruner", request.pruner, PRUNERS)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space, where = find_space(request.space), request.where
    task = _task(request, space)
    request.out.mkdir(parents=True, exist_ok=True)
    study = begin(where, space, request.strategy, seed=request.seed)
    executor = _executor(request)
    try:
        driver = Driver(study, where, task, executor, seed=request.seed)
        driver.run(request.trials, lambda trial: told(_best(driver.trained)))
    finally:
        executor.close()
    trials = trained(study)
    best = _best(trials)
    found = space.parse(best[0].architecture)
    return Found(
        best=tuple(best[:_KEPT]),
        best_plan=found.plan(task.shape, task.num_classes),
        best_recipe=space.recipe(found, _training(request))
        if isinstance(space, CompressedSpace)
        else None,
        trials=tuple(trials),
        study=where.name,
        storage=cast(str, where.storage),
    )


def _task(request: Request, space: Space) -> Task:
    reward = request.wanted_reward
    evaluator = TrainingEvaluator(
        request.data,
        _training(request),
        Proxy(request.shrink, request.train_pictures),
        request.root,
        request.seed,
    )
    dataset = evaluator.dataset
    shape, classes = dataset.shape, len(dataset.class_names)
    # Latency is that of the network on whole pictures, whatever the trainings see.
    whole: Shape = (shape[0], shape[1] * request.shrink, shape[2] * request.shrink)
    return Task(space, evaluator, whole, classes, reward, _latency(space, whole, classes))


def _training(request: Request) -> TrainingConfig:
    return TrainingConfig(epochs=request.epochs, batch_size=_BATCH, learning_rate=_RATE)


def _latency(space: Space, shape: Shape, num_classes: int) -> LatencyTable:
    """This user's table of the space; timed now where there is none yet."""
    path = latency_path(space, shape)
    if not path.exists():
        calibrate_latency(space, shape, num_classes).save(path)
    return load_latency(path)


def _executor(request: Request) -> Executor:
    if request.ray is not None:
        return RayCluster(request.ray, gpus=request.gpus)
    if request.gpus:
        raise InvalidArgumentError(
            f"`gpus` is for trainings on a Ray cluster, but got gpus={request.gpus} without `ray`."
        )
    return Processes(request.workers) if request.workers > 1 else Here()


def _best(trials: list[FrozenTrial]) -> list[One]:
    """By reward, the best first; trainings that were given up come last."""
    ordered = sorted(trials, key=lambda t: -(t.value if t.value is not None else float("-inf")))
    keys = ("architecture", "top1", "latency_ms", "params", "macs", "file_bytes")
    return [One(**{key: trial.user_attrs[key] for key in keys}) for trial in ordered]
