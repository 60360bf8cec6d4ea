"""Whether the exported network gives the answers of the original, and how far it is off.

relative difference   max |found - expected| / max |expected|
signal to noise       10 log10(sum expected^2 / sum (found - expected)^2), in dB
top-1 agreement       share of pictures for which both name the same class, in percent
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featherweight.errors import ParityError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """How the exported network's outputs differ from the reference's."""

    samples: int
    max_abs_diff: float
    max_rel_diff: float
    snr_db: float
    """Infinite if nothing differs."""
    top1_agreement: float | None
    """None where an output is not [n, classes]."""


@dataclass(frozen=True)
class Limits:
    """What an export has to keep to; None: not asked."""

    max_rel_diff: float | None = None
    snr_db: float | None = None
    top1_agreement: float | None = None


def limits_for(precision: str, scales: str, is_trained: bool) -> Limits:
    """Return the limits of an export.

    Floats must agree number for number. Integers round, and a toolchain with scales of its own
    rounds to other ones: a trained network must name the same class, and random weights, whose
    classes are near ties, must give mostly signal.
    """
    if precision == "float32":
        return Limits(max_rel_diff=1e-3)
    if precision == "float16":
        return Limits(max_rel_diff=2e-2)
    if is_trained:
        return Limits(top1_agreement=97.0)
    return Limits(snr_db=15.0 if scales == "ours" else 10.0)


def compare(found: Array, expected: Array) -> Parity:
    """Compare two outputs [n, ...] in float64.

    Raises:
        ParityError: their shapes differ, or what was found is not finite.
    """
    if found.shape != expected.shape:
        raise ParityError(
            f"the exported network's output is {list(found.shape)}, but the network's own is "
            f"{list(expected.shape)}."
        )
    if not np.isfinite(found).all():
        raise ParityError("the exported network's output is not finite.")
    exact = expected.astype(np.float64)
    difference = found.astype(np.float64) - exact
    noise, signal = float((difference**2).sum()), float((exact**2).sum())
    largest, scale = float(np.abs(difference).max()), float(np.abs(exact).max())
    agreement = None
    if exact.ndim == 2 and exact.shape[1] > 1:
        agreement = 100.0 * float((found.argmax(1) == expected.argmax(1)).mean())
    return Parity(
        samples=len(expected),
        max_abs_diff=largest,
        max_rel_diff=largest / scale if scale else largest,
        snr_db=10 * math.log10(signal / noise) if noise and signal else math.inf,
        top1_agreement=agreement,
    )


def check(parity: Parity, limits: Limits, what: str) -> None:
    """Raise unless `parity` keeps to `limits`.

    Raises:
        ParityError: the first rule that is broken, with the figure.
    """
    if limits.max_rel_diff is not None and not parity.max_rel_diff <= limits.max_rel_diff:
        raise ParityError(
            f"{what} must differ by at most {limits.max_rel_diff:g} of the largest output, but "
            f"differs by {parity.max_rel_diff:.3g} ({parity.samples} pictures)."
        )
    if limits.snr_db is not None and not parity.snr_db >= limits.snr_db:
        raise ParityError(
            f"{what} must have a signal-to-noise ratio of at least {limits.snr_db:g} dB, but has "
            f"{parity.snr_db:.1f} dB ({parity.samples} pictures)."
        )
    agreement = parity.top1_agreement
    if limits.top1_agreement is not None and not (agreement or 0) >= limits.top1_agreement:
        raise ParityError(
            f"{what} must name the same class for at least {limits.top1_agreement:g} % of the "
            f"pictures, but does for {agreement or 0:.1f} % of {parity.samples}."
        )
