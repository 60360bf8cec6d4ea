"""What a search asks of whoever judges its architectures."""

from collections.abc import Callable
from typing import NamedTuple

from featherweight.search.spaces.space import Architecture

Report = Callable[[int, float], None]
"""Told the epoch and top-1 on validation; may raise to stop the training."""


class Judged(NamedTuple):
    """What came out of one training."""

    top1: float
    """On the validation split, in percent."""
    seconds: float
    """That it took."""
    file_bytes: int | None = None
    """Of its `.fwt` file, where one was written."""


Evaluator = Callable[[Architecture, Report], Judged]
