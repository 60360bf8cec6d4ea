"""Proximal steps against the minimisation that they solve, in float64."""

import pytest
import torch

from featherweight.functional.group_lasso import (
    group_norms,
    group_penalty,
    group_subgradient,
    shrink_groups,
    soft_threshold,
    sparse_group_step,
)

WEIGHT = torch.randn(5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def objective(v: torch.Tensor, direction: str, group: float, l1: float) -> torch.Tensor:
    distance = (v - WEIGHT).square().sum() / 2
    return distance + group * group_penalty(v, direction) + l1 * v.abs().sum()


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
@pytest.mark.parametrize(("group", "l1"), [(0.8, 0.0), (0.8, 0.3), (3.0, 0.2)])
def test_no_point_nearby_is_better(direction: str, group: float, l1: float) -> None:
    """The objective is convex: a point that no small step improves is its minimum."""
    best = sparse_group_step(WEIGHT, direction, group, l1)
    least = objective(best, direction, group, l1)
    generator = torch.Generator().manual_seed(1)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(100):
            step = size * torch.randn(5, 7, generator=generator, dtype=torch.float64)
            assert objective(best + step, direction, group, l1) >= least


def test_short_groups_are_exactly_zero_and_others_shorter_by_the_amount() -> None:
    norms = group_norms(WEIGHT, "incoming")
    amount = float(norms.median())
    found = group_norms(shrink_groups(WEIGHT, "incoming", amount), "incoming")
    torch.testing.assert_close(found, (norms - amount).clamp(min=0))
    assert int((found == 0).sum()) == 3


def test_soft_threshold_is_torchs() -> None:
    expected = torch.nn.functional.softshrink(WEIGHT, 0.4)
    torch.testing.assert_close(soft_threshold(WEIGHT, 0.4), expected)


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_subgradient_is_the_gradient_where_there_is_one(direction: str) -> None:
    weight = WEIGHT.clone().requires_grad_()
    (expected,) = torch.autograd.grad(group_penalty(weight, direction), [weight])
    torch.testing.assert_close(group_subgradient(WEIGHT, direction), expected)
    assert not group_subgradient(torch.zeros(3, 2), direction).any()
