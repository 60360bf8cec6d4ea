"""The controller as a sampler of Optuna: it proposes, and learns from what trials reached.

Trials that the sampler has not seen (of a study that goes on, or that other processes fill) are
learned from before the next proposal, in the order of their numbers.
"""

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from featherweight.search.spaces.space import Choices, Space
from featherweight.search.strategies.learner import ControllerSettings, Learner
from featherweight.search.strategies.suggest import architecture_of, distributions, finished

_DRAWS, _ROUNDS = 32, 8
"""Architectures drawn at once, and how often."""


class ControllerSampler(BaseSampler):
    """Zoph & Le's controller over a space, for a study of one objective.

    What the controller draws again is rewarded again from memory: it costs nothing. The first
    draw that is new is proposed; after 256 draws without one, an even draw of the space is.
    """

    def __init__(
        self, space: Space, settings: ControllerSettings | None = None, *, seed: int = 0
    ) -> None:
        self.space = space
        self.learner = Learner(space, settings or ControllerSettings(), seed=seed)
        self._independent = RandomSampler(seed)
        self._seen: set[int] = set()
        self._rewards: dict[Choices, float] = {}
        self._proposed: set[Choices] = set()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return distributions(self.space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._catch_up(study)
        for _ in range(_ROUNDS):
            known = []
            for choices in self.learner.write(_DRAWS):
                if choices in self._rewards:
                    known.append((choices, self._rewards[choices]))
                elif choices not in self._proposed:  # else it is running: its reward is to come
                    self._proposed.add(choices)
                    return self.space.architecture(choices).values
            if known:
                self.learner.learn(known)
        return {}  # sample_independent draws evenly

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _catch_up(self, study: Study) -> None:
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        for done in finished(study):
            if done.number not in self._seen:
                self._seen.add(done.number)
                choices = architecture_of(self.space, done).choices
                self._rewards[choices] = sign * float(done.value or 0.0)
                self.learner.reward(choices, self._rewards[choices])
