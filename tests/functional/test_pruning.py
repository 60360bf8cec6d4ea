"""Masks and schedules against closed forms and numpy."""

import numpy as np
import pytest
import torch

from featherweight.functional.pruning import (
    cubic_density,
    iterative_density,
    magnitude_mask,
    threshold_mask,
)


def test_threshold_keeps_what_exceeds_the_quality_times_the_standard_deviation() -> None:
    weight = torch.tensor([[-3.0, 0.5], [1.0, -0.1]])
    deviation = float(np.std(weight.numpy()))
    expected = np.abs(weight.numpy()) > 0.6 * deviation
    assert threshold_mask(weight, 0.6).numpy().tolist() == expected.tolist()


@pytest.mark.parametrize("density", [0.001, 0.1, 0.37, 0.999, 1.0])
def test_magnitude_keeps_exactly_the_largest(density: float) -> None:
    weight = torch.randn(23, 41, generator=torch.Generator().manual_seed(1))
    mask = magnitude_mask(weight, density)
    kept = max(1, round(density * weight.numel()))
    assert mask.shape == weight.shape
    assert int(mask.sum()) == kept
    ranked = np.sort(np.abs(weight.numpy()).ravel())[::-1]
    assert float(weight[mask].abs().min()) == ranked[kept - 1]


def test_magnitude_breaks_ties_by_position() -> None:
    mask = magnitude_mask(torch.ones(2, 5), 0.3)
    assert mask.flatten().tolist() == [True] * 3 + [False] * 7


def test_cubic_schedule_follows_zhu_and_gupta() -> None:
    start, end = 0.8, 0.05
    for progress in (0.0, 0.25, 0.5, 1.0):
        sparsity = (1 - end) + ((1 - start) - (1 - end)) * (1 - progress) ** 3
        assert cubic_density(progress, start, end) == pytest.approx(1 - sparsity)
    assert cubic_density(2.0, start, end) == end


def test_iterative_schedule_removes_the_same_share_each_round() -> None:
    levels = [iterative_density(step / 4, 1.0, 0.0625, rounds=4) for step in range(5)]
    assert levels == pytest.approx([0.5, 0.25, 0.125, 0.0625, 0.0625])
