"""One table of tolerances: execution format -> metric, limit, reason.

The metric is that of `relative_error`; a network may differ by the largest limit of the formats
that its layers run in. "" is a network without weights.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """The most that the outputs of a network in this format may differ from torch's."""

    format: str
    limit: float
    reason: str


_FLOAT = "float32 throughout: sums in another order than torch's, through up to 300 layers"
_INT8 = "linear layers round what they multiply to 1/255 of its range: sums that cancel show it"
_SIGN = "counts are exact, but an input within rounding of zero may have the other sign"

TOLERANCES = {
    row.format: row
    for row in (
        Tolerance("", 1e-6, "no weights: functions of single numbers"),
        Tolerance("dense", 1e-4, _FLOAT),
        Tolerance("csr", 1e-4, _FLOAT),
        Tolerance("blocks4", 1e-4, _FLOAT),
        Tolerance("blocks8", 1e-4, _FLOAT),
        Tolerance("binary", 1e-2, _SIGN),
        Tolerance("binary_weight", 1e-4, _FLOAT),
        Tolerance("slots", 1e-1, _INT8),
        Tolerance("two_of_sixteen", 1e-1, _INT8),
    )
}


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """max |found - expected| / max |expected|; infinite if not finite, or of another shape."""
    if found.shape != expected.shape:
        return float("inf")
    difference = np.abs(found.astype(np.float64) - expected)
    scale = float(np.abs(expected).max()) if expected.size else 1.0
    error = float(difference.max()) / scale if scale and expected.size else float(difference.sum())
    return error if np.isfinite(error) else float("inf")


def tolerance_of(formats: Iterable[str]) -> Tolerance:
    """The largest tolerance of the formats that a network's layers run in."""
    return max((TOLERANCES[name] for name in {"", *formats}), key=lambda row: row.limit)
