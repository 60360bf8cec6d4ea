"""Architectures as parameters of an Optuna trial, one a decision that has a say."""

from collections.abc import Callable

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import Study
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from featherweight.search.spaces.space import Architecture, Decision, Option, Space


def suggest(space: Space, trial: BaseTrial) -> Architecture:
    """Let the study's sampler decide, decision by decision."""
    return _decide(space, lambda decision: _suggested(trial, decision))


def architecture_of(space: Space, trial: FrozenTrial) -> Architecture:
    """What `suggest` gave for a trial that is stored."""
    return _decide(space, lambda decision: trial.params.get(decision.name, decision.options[0]))


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """What a sampler that decides all at once may be asked for."""
    return {
        decision.name: CategoricalDistribution(decision.options) for decision in space.decisions
    }


def finished(study: Study) -> list[FrozenTrial]:
    """The trials that have a value, in the order in which they were begun."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _suggested(trial: BaseTrial, decision: Decision) -> Option:
    option = trial.suggest_categorical(decision.name, decision.options)
    assert option is not None  # no option is None
    return option


def _decide(space: Space, choose: Callable[[Decision], Option]) -> Architecture:
    values: dict[str, Option] = {}
    choices = []
    for index, decision in enumerate(space.decisions):
        is_active = space.is_active(index, values)
        option = choose(decision) if is_active else decision.options[0]
        values[decision.name] = option
        choices.append(decision.options.index(option))
    return space.architecture(choices)
