"""Figures of parity against closed forms, and the limits that an export must keep to."""

import math

import numpy as np
import pytest

from featherweight.errors import ParityError
from featherweight.export.parity import Limits, check, compare, limits_for


def test_figures_against_closed_forms() -> None:
    expected = np.array([[3.0, -4.0], [0.0, 1.0]], np.float32)
    found = expected + np.array([[0.0, 0.02], [0.0, 0.0]], np.float32)
    parity = compare(found, expected)
    assert parity.samples == 2
    assert parity.max_abs_diff == pytest.approx(0.02, rel=1e-5)
    assert parity.max_rel_diff == pytest.approx(0.005, rel=1e-5)
    assert parity.snr_db == pytest.approx(10 * math.log10(26 / 0.02**2), rel=1e-5)
    assert parity.top1_agreement == 100.0


def test_nothing_differs() -> None:
    expected = np.eye(3, dtype=np.float32)
    parity = compare(expected.copy(), expected)
    assert (parity.max_abs_diff, parity.snr_db, parity.top1_agreement) == (0.0, math.inf, 100.0)
    check(parity, Limits(0.0, 100.0, 100.0), "a copy")


def test_an_output_without_classes_has_no_agreement() -> None:
    pictures = np.ones((2, 3, 4, 4), np.float32)
    assert compare(pictures, pictures).top1_agreement is None


def test_another_class_is_another_answer() -> None:
    expected = np.eye(4, dtype=np.float32)
    found = expected[[0, 1, 2, 2]]
    assert compare(found, expected).top1_agreement == 75.0


@pytest.mark.parametrize(
    ("found", "what"),
    [(np.ones((1, 3), np.float32), "output is"), (np.full((1, 2), np.nan, np.float32), "finite")],
)
def test_what_cannot_be_compared_is_no_parity(found: np.ndarray, what: str) -> None:
    with pytest.raises(ParityError, match=what):
        compare(found, np.ones((1, 2), np.float32))


@pytest.mark.parametrize(
    ("limits", "figure"),
    [
        (Limits(max_rel_diff=1e-3), "0.01"),
        (Limits(snr_db=45), "40.0 dB"),
        (Limits(top1_agreement=97), "50.0 %"),
    ],
)
def test_a_broken_limit_is_named_with_its_figure(limits: Limits, figure: str) -> None:
    expected = np.array([[1.0, -1.0], [1.0, 1.0]], np.float32)
    found = np.array([[1.01, -1.01], [0.99, 1.01]], np.float32)
    with pytest.raises(ParityError, match=figure):
        check(compare(found, expected), limits, "the file")


def test_limits_by_precision() -> None:
    assert limits_for("float32", "none", True) == Limits(max_rel_diff=1e-3)
    assert limits_for("int8", "ours", True) == Limits(top1_agreement=97.0)
    ours, own = (
        limits_for("int8", "ours", False).snr_db,
        limits_for("int8", "its own", False).snr_db,
    )
    assert ours is not None and own is not None and ours > own > 0
