"""Pruning weights: how to decide which stay, and when; masks are held while training."""

from featherweight.pruning import methods as _methods  # registers those that ship
from featherweight.pruning.masked_training import MaskedTraining, PruningConfig, Schedule
from featherweight.pruning.registry import (
    Amount,
    Method,
    Needs,
    check_targets,
    decide,
    find_method,
    methods,
)
from featherweight.pruning.retraining_dropout import adjust_dropout
from featherweight.pruning.target import Calibration, Decision, Target

__all__ = [
    "Amount",
    "Calibration",
    "Decision",
    "MaskedTraining",
    "Method",
    "Needs",
    "PruningConfig",
    "Schedule",
    "Target",
    "adjust_dropout",
    "check_targets",
    "decide",
    "find_method",
    "methods",
]

del _methods
