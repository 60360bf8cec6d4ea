"""Strategies by name: each makes a sampler of Optuna for a space."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from featherweight.search.spaces.space import Space
from featherweight.search.strategies.controller import ControllerSampler
from featherweight.search.strategies.evolution import EvolutionSampler, EvolutionSettings
from featherweight.search.strategies.learner import ControllerSettings
from featherweight.search.strategies.predictor import PredictorSampler, PredictorSettings
from featherweight.validation import check_choice

Settings = Mapping[str, Any]


def _controller(space: Space, settings: Settings, seed: int) -> BaseSampler:
    return ControllerSampler(space, ControllerSettings(**settings), seed=seed)


def _evolution(space: Space, settings: Settings, seed: int) -> BaseSampler:
    return EvolutionSampler(space, EvolutionSettings(**settings), seed=seed)


def _predictor(space: Space, settings: Settings, seed: int) -> BaseSampler:
    return PredictorSampler(space, PredictorSettings(**settings), seed=seed)


def _nsga2(space: Space, settings: Settings, seed: int) -> BaseSampler:
    return NSGAIISampler(seed=seed, **settings)


def _tpe(space: Space, settings: Settings, seed: int) -> BaseSampler:
    return TPESampler(seed=seed, **settings)


def _random(space: Space, settings: Settings, seed: int) -> BaseSampler:
    return RandomSampler(seed, **settings)


_STRATEGIES: Mapping[str, Callable[[Space, Settings, int], BaseSampler]] = {
    "controller": _controller,
    "evolution": _evolution,
    "nsga2": _nsga2,
    "predictor": _predictor,
    "random": _random,
    "tpe": _tpe,
}
STRATEGIES = tuple(_STRATEGIES)


def make_sampler(
    strategy: str, space: Space, *, seed: int = 0, settings: Settings | None = None
) -> BaseSampler:
    """The sampler of a strategy.

    Args:
        strategy: one of `STRATEGIES`.
        settings: by default those of `settings.yaml`.

    Raises:
        InvalidArgumentError: there is no such strategy.
    """
    check_choice("strategy", strategy, STRATEGIES)
    chosen = fixed_settings().get(strategy, {}) if settings is None else settings
    return _STRATEGIES[strategy](space, chosen, seed)


@cache
def fixed_settings() -> dict[str, dict[str, Any]]:
    """What was fixed once for all, by strategy."""
    file = resources.files("featherweight.search.strategies") / "settings.yaml"
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found
