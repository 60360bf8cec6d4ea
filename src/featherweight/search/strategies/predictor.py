"""Propose many, train what is predicted to be best.

Neural predictor (Wen et al. 2019, arXiv 1912.00848) with candidates around the best as in BANANAS
(White, Neiswanger & Savani 2019, arXiv 1910.11858): half of the candidates are drawn evenly, half
are mutations of the best that were trained. The model is `evaluation/predictor.py`; one draw of its
weights judges all candidates, which tries what is not yet known (Thompson sampling).
"""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from featherweight.search.evaluation.predictor import fit
from featherweight.search.spaces.space import Architecture, Space
from featherweight.search.strategies.suggest import architecture_of, distributions, finished
from featherweight.validation import check_range


@dataclass(frozen=True)
class PredictorSettings:
    """How many are trained before the model is asked, and what it chooses from."""

    start: int = 10
    candidates: int = 200
    parents: int = 5
    ridge: float = 1.0


def rewards_to_fit(study: Study, space: Space, start: int) -> dict[Architecture, float]:
    """What is known of each architecture, more is better; empty until `start` were trained.

    An architecture that misses a limit (its reward is below 0) or was given up counts as the worst
    that was trained to its end: its own value is of another scale, and would bend a linear model
    more than all others together.
    """
    sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
    told = {architecture_of(space, each): float(each.value or 0.0) for each in finished(study)}
    trained = {each: sign * reward for each, reward in told.items() if reward >= 0.0}
    if len(trained) < start:
        return {}
    given_up = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    others = [*told, *(architecture_of(space, each) for each in given_up)]
    return dict.fromkeys(others, min(trained.values())) | trained


class PredictorSampler(BaseSampler):
    """Trains what a model of the trained architectures thinks best; for one objective.

    Raises:
        InvalidArgumentError: a setting is smaller than 1, or `ridge` is not above 0.
    """

    def __init__(
        self, space: Space, settings: PredictorSettings | None = None, *, seed: int = 0
    ) -> None:
        self.settings = settings or PredictorSettings()
        for name in ("start", "candidates", "parents"):
            check_range(name, getattr(self.settings, name), 1, 1_000_000)
        check_range("ridge", self.settings.ridge, 1e-9, 1e9)
        self.space = space
        self._generator = random.Random(seed)
        self._draws = np.random.default_rng(seed)
        self._independent = RandomSampler(seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return distributions(self.space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        values = rewards_to_fit(study, self.space, self.settings.start)
        if not values:
            return self.space.sample(self._generator).values
        candidates = self._candidates(values)
        if not candidates:
            return self.space.sample(self._generator).values
        model = fit(list(values), list(values.values()), self.settings.ridge)
        return candidates[int(model.draw(candidates, self._draws).argmax())].values

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _candidates(self, known: dict[Architecture, float]) -> list[Architecture]:
        """Architectures that were not asked for before."""
        best = sorted(known, key=lambda each: -known[each])[: self.settings.parents]
        half = self.settings.candidates // 2
        found = [self.space.sample(self._generator) for _ in range(self.settings.candidates - half)]
        found += [
            self.space.mutate(self._generator.choice(best), self._generator) for _ in range(half)
        ]
        return [each for each in dict.fromkeys(found) if each not in known]
