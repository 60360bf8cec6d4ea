"""One training loop for every stage: reference, retraining of pruned and of shared weights."""

from featherweight.training.config import Distillation, TrainingConfig
from featherweight.training.evaluate import Accuracy, evaluate, logits
from featherweight.training.loop import Constraint, Progress, fit

__all__ = [
    "Accuracy",
    "Constraint",
    "Distillation",
    "Progress",
    "TrainingConfig",
    "evaluate",
    "fit",
    "logits",
]
