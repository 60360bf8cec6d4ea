"""Train a binary network, in one stage or in two, from a teacher where the scheme asks for one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from featherweight.binarization.constraints import BinaryConnect, ClippedWeights
from featherweight.binarization.convert import binarize, with_norms
from featherweight.binarization.schemes import Scheme
from featherweight.data import Dataset
from featherweight.nn import NormedUnit, set_stage
from featherweight.training import Constraint, Distillation, Progress, TrainingConfig, fit

TEACHING = Distillation(weight=0.9, temperature=3.0)
"""How a two-stage scheme learns from its teacher if the training says nothing of it."""


@dataclass(frozen=True)
class Course:
    """What is learnt, for how long, and from whom."""

    data: Dataset
    training: TrainingConfig
    """Its epochs are those of all stages together."""
    teacher: nn.Module | None = None
    seed: int = 0
    checkpoint: Callable[[str, nn.Module], Path | None] = lambda stage, network: None
    """Where a stage keeps its checkpoint, by its name and what it begins with; None: nowhere."""
    report: Callable[[str, Progress], None] | None = None
    """Called with the stage's name after each epoch."""

    def follow(self, network: nn.Module, stage: str, constraint: Constraint) -> None:
        """Train the network in place, as this course says."""
        report = self.report
        fit(
            network, self.data, self.training, seed=self.seed, constraint=constraint,
            teacher=self.teacher if self.training.distillation else None,
            checkpoint=self.checkpoint(stage, network),
            report=None if report is None else lambda progress: report(stage, progress),
        )  # fmt: skip


def train_binary(network: nn.Module, scheme: Scheme, course: Course) -> None:
    """Train a network that `binarize` gave, in place.

    With a two-stage scheme the inputs alone are binary in the first half (rounded down) of the
    epochs; then the weights are too, and weight decay is off (ReActNet, arXiv 2003.03488, section
    5.1). Both halves learn from the course's teacher, if there is one.
    """
    training = course.training
    if scheme.has_two_stages and course.teacher is not None and training.distillation is None:
        training = replace(training, distillation=TEACHING)
    first = training.epochs // 2 if scheme.has_two_stages else 0
    rest = replace(training, epochs=training.epochs - first)
    if first:
        set_stage(network, "binary-input")
        half = replace(course, training=replace(training, epochs=first))
        half.follow(network, "binary inputs", ClippedWeights(network))
        set_stage(network, "binary")
        rest = replace(rest, weight_decay=0.0)
    last = replace(course, training=rest, seed=course.seed + bool(first))
    last.follow(network, "binary weights", ClippedWeights(network))


def train_binary_connect(network: nn.Module, names: Sequence[str], course: Course) -> nn.Module:
    """Train a copy of an ordinary network under BinaryConnect; return it with binary layers.

    A layer that has no batch-norm behind it gets one. What is returned computes what was trained:
    alpha * sign(W) of a weight of -H and +H is that weight.

    Args:
        names: the layers whose weights are binary.
    """
    trained = with_norms(network, names)
    inner = [f"{n}.conv" if isinstance(trained.get_submodule(n), NormedUnit) else n for n in names]
    constraint = BinaryConnect(trained, [f"{name}.weight" for name in inner])
    course.follow(trained, "binary weights", constraint)
    return binarize(trained, "bwn", inner)
