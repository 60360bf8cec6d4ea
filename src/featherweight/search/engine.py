"""The search itself: the driver asks the strategy, workers train, the driver tells.

The driver alone asks and tells, so a strategy sees all results whoever made them. A trial counts
when its architecture was trained; one that was asked for before is answered from the study, and one
that breaks a limit by prediction: both cost nothing and are not counted.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from featherweight.search.evaluation.evaluator import Evaluator, Judged
from featherweight.search.evaluation.latency import LatencyTable
from featherweight.search.evaluation.rewards import Reward
from featherweight.search.executors import Executor, WorkerLostError
from featherweight.search.plan import Shape
from featherweight.search.spaces.space import Architecture, Space
from featherweight.search.strategies.suggest import suggest
from featherweight.search.study import Where, reopen

_MOST_REPEATS = 200
_ATTEMPTS = 5


@dataclass(frozen=True)
class Task:
    """What is searched, and how an architecture is judged."""

    space: Space
    evaluator: Evaluator
    shape: Shape
    num_classes: int
    reward: Reward = field(default_factory=Reward)
    latency: LatencyTable | None = None


@dataclass(frozen=True)
class Job:
    """One training, as it is sent to a worker."""

    evaluator: Evaluator
    architecture: Architecture
    where: Where
    trial_id: int

    def __call__(self) -> Judged | None:
        """What came out; None if the pruner gave the training up."""
        if self.where.pruner == "none" or self.where.storage is None:
            return self.evaluator(self.architecture, lambda epoch, top1: None)
        trial = Trial(reopen(self.where), self.trial_id)

        def report(epoch: int, top1: float) -> None:
            trial.report(top1, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        try:
            return self.evaluator(self.architecture, report)
        except optuna.TrialPruned:
            return None


def trained(study: Study) -> list[FrozenTrial]:
    """The trials that count, in the order of their numbers."""
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return [t for t in study.get_trials(deepcopy=False, states=states) if "top1" in t.user_attrs]


class Driver:
    """Brings a study to a number of trained trials.

    `trained` holds them in the order in which they came back: hundreds of running trials make it
    slow to ask the storage.
    """

    def __init__(
        self, study: Study, where: Where, task: Task, executor: Executor, *, seed: int = 0
    ) -> None:
        self.study, self.where, self.task, self.executor = study, where, task, executor
        self._generator = random.Random(seed + len(study.get_trials(deepcopy=False)))
        self._known = {
            str(t.user_attrs["architecture"]): float(t.value)
            for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if t.value is not None and "architecture" in t.user_attrs
        }
        self.trained = trained(study)
        self._running: dict[Any, tuple[Trial, Job, int]] = {}

    def run(self, trials: int, told: Callable[[FrozenTrial], None] = lambda trial: None) -> None:
        """Go on until `trials` are trained, or the space has no more architectures.

        Args:
            told: called with each trial that was trained.
        """
        try:
            while True:
                missing = trials - len(self.trained) - len(self._running)
                while missing > 0 and len(self._running) < self.executor.slots and self._give():
                    missing -= 1
                if not self._running:
                    return
                self._take(told)
        finally:
            for trial, _, _ in self._running.values():
                self.study.enqueue_trial(trial.params)
                self.study.tell(trial, state=TrialState.FAIL)

    def _give(self) -> bool:
        """Start one training; False if every architecture is known or running."""
        for repeats in range(100 * _MOST_REPEATS):
            busy = {job.architecture.text for _, job, _ in self._running.values()}
            if len(self._known) + len(busy) >= self.task.space.count:
                return False
            if repeats and repeats % _MOST_REPEATS == 0:
                self.study.enqueue_trial(self.task.space.sample(self._generator).values)
            trial = self.study.ask()
            architecture = suggest(self.task.space, trial)
            if self._is_free(trial, architecture, busy):
                continue
            job = Job(self.task.evaluator, architecture, self.where, trial._trial_id)
            self._running[self.executor.submit(job)] = (trial, job, 1)
            return True
        return False

    def _is_free(self, trial: Trial, architecture: Architecture, busy: set[str]) -> bool:
        """Whether the trial could be answered without a training, and was."""
        text = architecture.text
        if text in busy:
            self.study.tell(trial, state=TrialState.FAIL)
            return True
        if text in self._known:
            trial.set_user_attr("repeated", True)
            self.study.tell(trial, self._known[text])
            return True
        plan = architecture.plan(self.task.shape, self.task.num_classes)
        cost = self.task.space.cost(architecture, plan)
        latency = self.task.latency.predict(plan) if self.task.latency else None
        facts = {
            "architecture": text, "params": cost.params, "macs": cost.macs,
            "latency_ms": latency, "file_bytes": cost.file_bytes,
        }  # fmt: skip
        for key, value in facts.items():
            trial.set_user_attr(key, value)
        refused = self.task.reward.refused(latency, cost.file_bytes)
        if refused is None:
            return False
        self._known[text] = refused
        self.study.tell(trial, refused)
        return True

    def _take(self, told: Callable[[FrozenTrial], None]) -> None:
        """Wait for one training and tell the study."""
        handle = self.executor.wait(self._running)
        trial, job, attempt = self._running[handle]
        try:
            result = self.executor.result(handle)
        except WorkerLostError:
            if attempt >= _ATTEMPTS:
                raise
            del self._running[handle]
            self._running[self.executor.submit(job)] = (trial, job, attempt + 1)
            return
        del self._running[handle]
        if result is None:
            last = trial.storage.get_trial(trial._trial_id).intermediate_values
            trial.set_user_attr("top1", last[max(last)])
            frozen = self.study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr("top1", result.top1)
            trial.set_user_attr("seconds", result.seconds)
            if result.file_bytes is not None:
                trial.set_user_attr("file_bytes", result.file_bytes)
            facts = trial.user_attrs
            reward = self.task.reward(result.top1, facts["latency_ms"], facts["file_bytes"])
            self._known[job.architecture.text] = reward
            frozen = self.study.tell(trial, reward)
        self.trained.append(frozen)
        told(frozen)
