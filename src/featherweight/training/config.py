"""What a training run is asked to do: one frozen value, readable from YAML."""

import math
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True, config=_STRICT)
class Distillation:
    """Learn from a teacher's softened logits as well as from the labels (arXiv 1503.02531)."""

    weight: Fraction = 0.9
    """Share of the soft loss; the labels have the rest."""
    temperature: Annotated[float, Field(gt=0.0)] = 3.0


@dataclass(frozen=True, config=_STRICT)
class TrainingConfig:
    """Epochs, optimizer, schedule and regularisation of one training run."""

    epochs: Annotated[int, Field(ge=0)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 128
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0.0)] = 2e-3
    warmup: Fraction = 0.1
    """Share of all steps in which the learning rate rises; then it falls as a cosine to zero."""
    momentum: Fraction = 0.9
    """Of SGD."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.02
    """L2: decoupled in AdamW, coupled in SGD."""
    l1: Annotated[float, Field(ge=0.0)] = 0.0
    """Factor of the sum of absolute weights (of the tensors with two dimensions or more)."""
    label_smoothing: Fraction = 0.0
    max_shift: Annotated[int, Field(ge=0)] = 0
    """Pictures are moved by up to so many pixels, at random."""
    horizontal_flip: bool = False
    distillation: Distillation | None = None
    mixed_precision: bool = True
    """Automatic mixed precision where the device has it (CUDA); full precision elsewhere."""


def learning_rate(config: TrainingConfig, step: int, total_steps: int) -> float:
    """The rate at `step` of `total_steps`: linear warm-up, then a cosine to zero."""
    warmup_steps = config.warmup * total_steps
    if step < warmup_steps:
        return config.learning_rate * (step + 1) / (warmup_steps + 1)
    progress = (step - warmup_steps) / max(1.0, total_steps - warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
