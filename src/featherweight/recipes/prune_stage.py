"""The stage that prunes: once without data, else while the network is trained."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight.data import Dataset, batches
from featherweight.errors import InvalidArgumentError
from featherweight.functional.pruning import iterative_density
from featherweight.pruning import (
    Calibration,
    MaskedTraining,
    Method,
    Needs,
    PruningConfig,
    Target,
    adjust_dropout,
    check_targets,
    decide,
    find_method,
)
from featherweight.recipes.recipe import Recipe
from featherweight.recipes.stages import Settings, match_rules, stage_checkpoint
from featherweight.training import fit
from featherweight.training.checkpoint import load_weights


def prune_stage(
    network: nn.Module,
    teacher: nn.Module,
    recipe: Recipe,
    data: Dataset | None,
    settings: Settings,
) -> dict[str, Tensor]:
    """Prune `network` in place, retraining where there is data; returns the masks by parameter.

    Raises:
        InvalidArgumentError: a rule asks for what its method or its pattern cannot do.
    """
    targets = pruning_targets(network, recipe)
    if not targets:
        return {}
    calibration = calibration_of(targets, recipe, data, settings.seed)
    if data is None or recipe.pruning.training.epochs == 0:
        is_global = recipe.pruning.masks.scope == "global"
        return prune_now(network, targets, calibration, is_global=is_global, seed=settings.seed)
    if recipe.pruning.adjust_dropout:
        adjust_dropout(network, {name: _density(to) for name, to in targets.items()})
    train = _Training(network, teacher, recipe, data, settings, calibration)
    if recipe.pruning.masks.schedule != "rewinding":
        return train.once(targets, recipe.pruning.masks, "prune and retrain")
    return _rewind(train, targets)


def check_stage(network: nn.Module, recipe: Recipe, *, has_data: bool) -> None:
    """Refuse, before anything is trained, what the stage could not carry out.

    Raises:
        InvalidArgumentError: nothing is to be pruned; or see `pruning.check_targets`.
    """
    targets = pruning_targets(network, recipe)
    if not targets:
        raise InvalidArgumentError(
            f"nothing is to be pruned: recipe {recipe.name!r} needs a `density` below 1, "
            "an N:M pattern, or the method zeros."
        )
    check_targets(targets, has_data=has_data, is_global=recipe.pruning.masks.scope == "global")


def pruning_targets(network: nn.Module, recipe: Recipe) -> dict[str, Target]:
    """What the recipe asks of which parameter."""
    method = recipe.pruning.masks.method
    find_method(method)
    return {
        f"{name}.weight": rule.target(method)
        for name, rule in match_rules(network, recipe).items()
        if rule.prunes
    }


def calibration_of(
    targets: Mapping[str, Target], recipe: Recipe, data: Dataset | None, seed: int
) -> Calibration | None:
    """Training pictures for methods that look at some; None where none does, or without data."""
    used = [find_method(target.method) for target in targets.values()]
    return calibration_pictures(used, data, recipe.pruning.calibration, seed)


def calibration_pictures(
    used: Iterable[Method], data: Dataset | None, count: int, seed: int
) -> Calibration | None:
    """`count` training pictures, if one of the methods looks at some and there is data."""
    if data is None or all(method.needs is Needs.NOTHING for method in used):
        return None
    images, labels = next(batches(data.train, count, seed=seed))
    return Calibration(data.normalize(images), labels)


def prune_now(
    network: nn.Module,
    targets: Mapping[str, Target],
    calibration: Calibration | None = None,
    *,
    is_global: bool = False,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Prune in place as the weights are, without any training; returns the masks."""
    decision = decide(network, targets, calibration=calibration, is_global=is_global, seed=seed)
    with torch.no_grad():
        for name, value in decision.weights.items():
            network.get_parameter(name).copy_(value)
        for name, mask in decision.masks.items():
            network.get_parameter(name).mul_(mask)
    return decision.masks


@dataclass(frozen=True, eq=False)
class _Training:
    """Trains the network under masks: what every round shares."""

    network: nn.Module
    teacher: nn.Module
    recipe: Recipe
    data: Dataset
    settings: Settings
    calibration: Calibration | None

    def once(
        self, targets: Mapping[str, Target], config: PruningConfig, stage: str
    ) -> dict[str, Tensor]:
        """One whole training; returns the masks at its end."""
        settings, training = self.settings, self.recipe.pruning.training
        constraint = MaskedTraining(
            self.network, targets, config, calibration=self.calibration, seed=settings.seed
        )
        file = stage_checkpoint("prune", self.network, self.recipe, self.data, settings)
        fit(
            self.network,
            self.data,
            training,
            seed=settings.seed,
            teacher=self.teacher if training.distillation else None,
            constraint=constraint,
            checkpoint=file,
            report=settings.on_epoch(stage),
        )
        return constraint.masks


def _rewind(train: _Training, targets: Mapping[str, Target]) -> dict[str, Tensor]:
    """Rounds of pruning, each trained with the whole schedule of the learning rate from its start.

    Renda, Frankle & Carbin 2020, arXiv 2003.02389: learning-rate rewinding; with
    `settings.rewind_to`, weight rewinding: what is kept goes back to its early values, too.
    """
    network, config = train.network, train.recipe.pruning.masks
    early = _early_weights(network, train.settings.rewind_to)
    masks: dict[str, Tensor] = {}
    for number in range(config.rounds):
        now = {
            name: replace(target, density=_round_density(target, number, config.rounds, name))
            for name, target in targets.items()
        }
        masks = prune_now(
            network, now, train.calibration,
            is_global=config.scope == "global", seed=train.settings.seed,
        )  # fmt: skip
        with torch.no_grad():
            for name, value in early.items():
                parameter = network.get_parameter(name)
                parameter.copy_(value * masks[name] if name in masks else value)
        held = {name: Target(method="zeros") for name in now}
        train.once(held, replace(config, schedule="one-shot", regrow=False), f"round {number + 1}")
    return masks


def _early_weights(network: nn.Module, file: Path | None) -> dict[str, Tensor]:
    if file is None:
        return {}
    early = copy.deepcopy(network)
    load_weights(file, early)
    return {name: value.detach() for name, value in early.named_parameters()}


def _round_density(target: Target, number: int, rounds: int, name: str) -> float | None:
    if target.quality is not None or target.method == "zeros":
        return target.density
    return iterative_density(number / rounds, 1.0, target.final_density(name), rounds)


def _density(target: Target) -> float:
    """The share that stays, as far as the target says so: what dropout is adjusted to."""
    return target.density or target.pattern.fixed_density or 1.0
