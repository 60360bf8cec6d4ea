"""What the stages of a recipe share, and the stage that shares weights and trains centroids."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.nn import BinaryLayer
from featherweight.recipes.recipe import LayerRule, Recipe, to_data
from featherweight.training import Progress, TrainingConfig, fit
from featherweight.training.checkpoint import fingerprint
from featherweight.weight_sharing import SharedWeight, TrainedCentroids, share

_PRUNED = 0.9
"""A weight with fewer of its elements left was pruned before it came here."""

StageReport = Callable[[str, Progress], None]


@dataclass(frozen=True)
class Settings:
    """How a compression is carried out, beside what the recipe says."""

    seed: int = 0
    work: Path | None = None
    """Folder of the checkpoints from which a killed run goes on; none: no checkpoints."""
    report: StageReport | None = None
    """Called with the stage's name at the end of each epoch."""
    rewind_to: Path | None = None
    """A checkpoint of early training to which the schedule `rewinding` takes kept weights back;
    none: only the learning rate starts anew.
    """

    def on_epoch(self, stage: str) -> Callable[[Progress], None] | None:
        """The report of one stage, in the form that the training loop calls."""
        report = self.report
        return None if report is None else lambda progress: report(stage, progress)


def layers_with_weights(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers that can be pruned and shared, by name: every real Linear and convolution."""
    for name, layer in module.named_modules():
        is_layer = isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
        if is_layer and not isinstance(layer, BinaryLayer):
            yield name, layer


def match_rules(module: nn.Module, recipe: Recipe) -> dict[str, LayerRule]:
    """The recipe's rule for each real layer that has one.

    Raises:
        InvalidArgumentError: no layer matches any pattern, and the recipe does nothing else.
    """
    names = [name for name, _ in layers_with_weights(module)]
    rules = {name: rule for name in names if (rule := recipe.rule(name)) is not None}
    is_whole = recipe.binarization is None and recipe.channels is None
    if not rules and (recipe.layers or is_whole):
        patterns = ", ".join(rule.pattern for rule in recipe.layers) or "none"
        raise InvalidArgumentError(
            f"recipe {recipe.name!r} (patterns: {patterns}) matches no layer of this network "
            f"({', '.join(names) or 'it has no Linear or convolution layer'})."
        )
    return rules


def share_stage(
    network: nn.Module,
    teacher: nn.Module,
    recipe: Recipe,
    data: Dataset | None,
    settings: Settings,
    *,
    masks: Mapping[str, Tensor] | None = None,
) -> dict[str, SharedWeight]:
    """Share the weights of `network` in place, training centroids where there is data.

    `masks` of what was pruned are held on the weights that are not shared.
    """
    parameters = dict(network.named_parameters())
    rules = match_rules(network, recipe)
    pruned = {f"{name}.weight" for name, rule in rules.items() if rule.prunes}
    bits: dict[str, int] = {}
    for name, rule in rules.items():
        if rule.num_bits is not None and rule.scheme == "kmeans":
            bits[f"{name}.weight"] = rule.num_bits
        if rule.bias_bits is not None and f"{name}.bias" in parameters:
            bits[f"{name}.bias"] = rule.bias_bits
    shared = {
        name: share(
            parameters[name],
            _kept(parameters[name].detach(), name in pruned),
            num_bits,
            recipe.sharing.clusters,
            settings.seed,
        )
        for name, num_bits in bits.items()
    }
    constraint = TrainedCentroids(network, shared, masks)
    training = recipe.sharing.training
    if data is None or training.epochs == 0 or not shared:
        return shared
    checkpoint = stage_checkpoint("share", network, recipe, data, settings)
    fit(
        network,
        data,
        training,
        seed=settings.seed + 1,
        teacher=teacher if training.distillation else None,
        constraint=constraint,
        checkpoint=checkpoint,
        report=settings.on_epoch("train shared weights"),
    )
    return constraint.result()


def train_reference(
    network: nn.Module, config: TrainingConfig, data: Dataset, settings: Settings
) -> None:
    """Train the uncompressed network in place; resumes from a checkpoint in `settings.work`."""
    identity = fingerprint(repr(config), settings.seed, data.name, tensors=network.state_dict())
    fit(
        network,
        data,
        config,
        seed=settings.seed,
        checkpoint=settings.work / f"reference-{identity}.safetensors" if settings.work else None,
        report=settings.on_epoch("train reference"),
    )


def _kept(weight: Tensor, is_pruned: bool) -> Tensor:
    """What sharing covers: all, but the zeros of a weight that was pruned, now or before.

    A few zeros among weights that were not pruned are weights like others.
    """
    kept = weight != 0
    was_pruned = weight.dim() > 1 and float(kept.sum()) < _PRUNED * weight.numel()
    return kept if is_pruned or was_pruned else torch.ones_like(kept)


def stage_checkpoint(
    stage: str, network: nn.Module, recipe: Recipe, data: Dataset, settings: Settings
) -> Path | None:
    """Where this stage of this very run keeps its checkpoint; another run has another name."""
    if settings.work is None:
        return None
    identity = fingerprint(to_data(recipe), settings.seed, data.name, tensors=network.state_dict())
    return settings.work / f"{stage}-{identity}.safetensors"


def snapshot(network: nn.Module, layers: Mapping[str, LayerRule]) -> dict[str, Tensor]:
    """Copies of the layers' weights, flat: what a histogram is drawn from."""
    parameters = dict(network.named_parameters())
    return {name: parameters[f"{name}.weight"].detach().flatten().clone() for name in layers}
