"""The first stage of a recipe that has one: channels or neurons go, and the rest is trained.

What comes after it (binary layers, weight pruning, sharing) works on the smaller network.
"""

import torch
from torch import nn

from featherweight.data import Dataset, batches
from featherweight.errors import InvalidArgumentError
from featherweight.pruning.channel_importance import NEEDS_DATA, Batches
from featherweight.pruning.dead_channels import remove_dead_channels
from featherweight.pruning.group_training import GroupConfig, GroupTraining
from featherweight.pruning.removal import RemovedFrom, remove_channels
from featherweight.recipes.pack import example_input
from featherweight.recipes.recipe import ChannelStage, Recipe
from featherweight.recipes.stages import Settings, stage_checkpoint
from featherweight.training import fit

_BATCH = 128
_TITLES = {"penalties": "train under penalties", "channels": "retrain what is left"}


def channel_stage(
    network: nn.Module,
    teacher: nn.Module,
    recipe: Recipe,
    data: Dataset | None,
    settings: Settings,
    *,
    input_shape: tuple[int, ...],
) -> tuple[nn.Module, tuple[RemovedFrom, ...]]:
    """The network without the channels that the recipe takes away, and what each layer lost.

    Penalties, if there are any, act in a training of their own; then channels are removed by
    importance, and the rest is trained; then what is dead goes, too.

    Raises:
        InvalidArgumentError: see `check_channels`; no channel of the network can go.
        UnsupportedOperatorError: the network uses an operator outside the subset.
    """
    stage = recipe.channels
    if stage is None:
        return network, ()
    check_channels(stage, has_data=data is not None)
    example = example_input(input_shape)
    removed: tuple[RemovedFrom, ...] = ()
    if stage.penalties is not None and data is not None:
        _train(network, teacher, recipe, data, settings, penalties=stage.penalties)
    if stage.removal.pruning_ratio > 0 or stage.removal.layers:
        removal = remove_channels(
            network, example, stage.removal, _calibration(stage, data, settings.seed)
        )
        network, removed = removal.module, removal.groups
        if data is not None and stage.training.epochs > 0:
            _train(network, teacher, recipe, data, settings)
    if stage.penalties is not None:
        dead = remove_dead_channels(network.eval(), example)
        network, removed = dead.module, _both(removed, dead.removal.groups)
    return network, removed


def check_channels(stage: ChannelStage, *, has_data: bool) -> None:
    """Refuse, before anything is trained, what the stage could not carry out.

    Raises:
        InvalidArgumentError: nothing is to be removed, or data are needed and there are none.
    """
    removal, penalties = stage.removal, stage.penalties
    if penalties is None and removal.pruning_ratio == 0 and not removal.layers:
        raise InvalidArgumentError(
            "nothing is to be removed: `channels` needs a `pruning_ratio` above 0, `layers`, or "
            "`penalties`."
        )
    needs = "penalties" if penalties else f"importance {removal.importance!r}"
    if not has_data and (penalties is not None or removal.importance in NEEDS_DATA):
        raise InvalidArgumentError(f"the {needs} of `channels` needs `--data`, but there is none.")


def _train(
    network: nn.Module,
    teacher: nn.Module,
    recipe: Recipe,
    data: Dataset,
    settings: Settings,
    *,
    penalties: GroupConfig | None = None,
) -> None:
    """Train the network in place, under penalties or without."""
    assert recipe.channels is not None
    training = recipe.channels.training
    name, constraint = "channels", None
    if penalties is not None:
        name, constraint = "penalties", GroupTraining(network, training, penalties)
        for layer in network.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0  # the penalties take its place, and the smaller network has none
    fit(
        network,
        data,
        training,
        seed=settings.seed,
        teacher=teacher if training.distillation else None,
        constraint=constraint,
        checkpoint=stage_checkpoint(name, network, recipe, data, settings),
        report=settings.on_epoch(_TITLES[name]),
    )


def _calibration(stage: ChannelStage, data: Dataset | None, seed: int) -> Batches:
    """Training pictures in batches, if the importance looks at any."""
    if data is None or stage.removal.importance not in NEEDS_DATA:
        return ()
    images, labels = next(batches(data.train, stage.calibration, seed=seed))
    pictures = data.normalize(images)
    return list(zip(torch.split(pictures, _BATCH), torch.split(labels, _BATCH), strict=True))


def _both(
    first: tuple[RemovedFrom, ...], second: tuple[RemovedFrom, ...]
) -> tuple[RemovedFrom, ...]:
    """What two removals, one after the other, took away."""
    before = {group.layer: group.before for group in first}
    later = {group.layer for group in second}
    joined = tuple(
        RemovedFrom(g.layer, g.coupled, before.get(g.layer, g.before), g.after) for g in second
    )
    return (*(group for group in first if group.layer not in later), *joined)


def smaller_weights(before: nn.Module, after: nn.Module) -> set[str]:
    """The names of the matrices and filter banks that have fewer elements than they had."""
    sizes = {name: weight.numel() for name, weight in before.named_parameters()}
    return {
        name
        for name, weight in after.named_parameters()
        if weight.ndim > 1 and weight.numel() < sizes.get(name, 0)
    }
