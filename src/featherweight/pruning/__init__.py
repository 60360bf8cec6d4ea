"""Pruning while training: which weights are held at zero, and when."""

from featherweight.pruning.masked_training import MaskedTraining, PruningConfig, Target, prune
from featherweight.pruning.retraining_dropout import adjust_dropout

__all__ = ["MaskedTraining", "PruningConfig", "Target", "adjust_dropout", "prune"]
