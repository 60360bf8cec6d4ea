"""Train a binary network, in one stage or in two, from a teacher where the scheme asks for one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from featherweight.binarization.constraints import BinaryConnect, ClippedWeights
from featherweight.binarization.convert import binarize, binary_candidates
from featherweight.binarization.schemes import Scheme
from featherweight.data import Dataset
from featherweight.nn import set_stage
from featherweight.training import Distillation, Progress, TrainingConfig, fit

TEACHING = Distillation(weight=0.9, temperature=3.0)
"""How a two-stage scheme learns from its teacher if the training says nothing of it."""

Report = Callable[[str, Progress], None]


def train_binary(
    network: nn.Module,
    scheme: Scheme,
    data: Dataset,
    training: TrainingConfig,
    *,
    teacher: nn.Module | None = None,
    seed: int = 0,
    work: Callable[[str], Path | None] = lambda stage: None,
    report: Report | None = None,
) -> None:
    """Train a network that `binarize` gave, in place, for `training.epochs` in all.

    With a two-stage scheme the inputs alone are binary in the first half (rounded down) of the
    epochs; then the weights are too, and weight decay is off (ReActNet, arXiv 2003.03488, section
    5.1). Both halves learn from `teacher`, if there is one.

    Args:
        work: the checkpoint of a stage, by its name; None keeps none.
        report: called with the stage's name after each epoch.
    """
    if scheme.has_two_stages and teacher is not None and training.distillation is None:
        training = replace(training, distillation=TEACHING)
    first = training.epochs // 2 if scheme.has_two_stages else 0
    second = replace(training, epochs=training.epochs - first)
    if first:
        set_stage(network, "binary-input")
        _fit(network, data, replace(training, epochs=first), "binary inputs", teacher, seed, work,
             report)  # fmt: skip
        set_stage(network, "binary")
        second = replace(second, weight_decay=0.0)
    _fit(network, data, second, "binary weights", teacher, seed + bool(first), work, report)


def train_binary_connect(
    network: nn.Module,
    data: Dataset,
    training: TrainingConfig,
    *,
    keep_first_last: bool = True,
    teacher: nn.Module | None = None,
    seed: int = 0,
    work: Callable[[str], Path | None] = lambda stage: None,
    report: Report | None = None,
) -> nn.Module:
    """Train an ordinary network under BinaryConnect, in place, and give it binary layers.

    What is returned computes the same: alpha * sign(W) of a weight of -H and +H is that weight.
    """
    names = binary_candidates(network, "bwn", keep_first_last=keep_first_last)
    constraint = BinaryConnect(network, [f"{name}.weight" for name in names])
    stage = "binary weights"
    fit(
        network, data, training, seed=seed, constraint=constraint, checkpoint=work(stage),
        teacher=teacher if training.distillation else None,
        report=None if report is None else lambda progress: report(stage, progress),
    )  # fmt: skip
    return binarize(network, "bwn", keep_first_last=keep_first_last)


def _fit(
    network: nn.Module,
    data: Dataset,
    training: TrainingConfig,
    stage: str,
    teacher: nn.Module | None,
    seed: int,
    work: Callable[[str], Path | None],
    report: Report | None,
) -> None:
    fit(
        network, data, training, seed=seed, constraint=ClippedWeights(network),
        teacher=teacher if training.distillation else None, checkpoint=work(stage),
        report=None if report is None else lambda progress: report(stage, progress),
    )  # fmt: skip
