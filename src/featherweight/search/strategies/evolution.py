"""Regularised evolution: the best of a few is mutated, the oldest dies.

Real, Aggarwal, Huang & Le 2018, "Regularized Evolution for Image Classifier Architecture Search",
arXiv 1802.01548, algorithm 1. The population is the study's last `population` finished trials, so
that nothing but the study need be stored; until there are so many, architectures are random.

What we changed: a child that was trained before, or is being trained, is mutated again, up to
`retries` times.
"""

import random
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from featherweight.search.spaces.space import Architecture, Space
from featherweight.search.strategies.suggest import architecture_of, distributions, finished
from featherweight.validation import check_range


@dataclass(frozen=True)
class EvolutionSettings:
    """P and S of the paper's algorithm 1, and how often a known child is mutated again."""

    population: int = 50
    tournament: int = 10
    retries: int = 10


class EvolutionSampler(BaseSampler):
    """Aging evolution over a space, for a study of one objective.

    Raises:
        InvalidArgumentError: the population or the tournament is smaller than 1.
    """

    def __init__(
        self, space: Space, settings: EvolutionSettings | None = None, *, seed: int = 0
    ) -> None:
        self.settings = settings or EvolutionSettings()
        check_range("population", self.settings.population, 1, 1_000_000)
        check_range("tournament", self.settings.tournament, 1, self.settings.population)
        self.space = space
        self._generator = random.Random(seed)
        self._independent = RandomSampler(seed)
        self._noted: set[int] = set()  # numbers of trials
        self._known: set[str] = set()  # their architectures

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return distributions(self.space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        done = finished(study)
        if len(done) < self.settings.population:
            return self.space.sample(self._generator).values
        self._note_asked(study, trial)
        return self._child(architecture_of(self.space, self._best(study, done))).values

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _best(self, study: Study, done: list[FrozenTrial]) -> FrozenTrial:
        alive = sorted(done, key=lambda each: each.number)[-self.settings.population :]
        rivals = self._generator.sample(alive, self.settings.tournament)
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        return max(rivals, key=lambda each: sign * float(each.value or 0.0))

    def _note_asked(self, study: Study, now: FrozenTrial) -> None:
        """What trains now is known too: hundreds of workers would ask for the same child."""
        states = (TrialState.COMPLETE, TrialState.RUNNING)
        for each in study.get_trials(deepcopy=False, states=states):
            if each.number != now.number and each.number not in self._noted:
                self._noted.add(each.number)
                self._known.add(architecture_of(self.space, each).text)

    def _child(self, parent: Architecture) -> Architecture:
        child = self.space.mutate(parent, self._generator)
        for _ in range(self.settings.retries):
            if child.text not in self._known:
                break
            child = self.space.mutate(child, self._generator)
        return child
