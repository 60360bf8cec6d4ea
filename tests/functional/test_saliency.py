"""Scores of single weights: closed forms, and what a baseline must keep to."""

import pytest
import torch

from featherweight.functional.saliency import (
    brain_damage_saliency,
    magnitude_score,
    movement_score,
    random_score,
    standardised_score,
)

WEIGHT = torch.tensor([[3.0, -4.0], [0.0, 1.0]])


def test_magnitude_is_the_absolute_value() -> None:
    assert magnitude_score(WEIGHT).tolist() == [[3.0, 4.0], [0.0, 1.0]]


def test_standardised_scores_do_not_know_the_scale_of_a_tensor() -> None:
    expected = WEIGHT.abs() / WEIGHT.std(correction=0)
    assert torch.allclose(standardised_score(WEIGHT), expected)
    assert torch.allclose(standardised_score(100 * WEIGHT), standardised_score(WEIGHT))


def test_a_tensor_that_never_changes_is_scored_by_magnitude() -> None:
    assert standardised_score(torch.full((3,), -2.0)).tolist() == [2.0, 2.0, 2.0]


def test_saliency_is_the_growth_of_a_parabola() -> None:
    """E(w) = h (w - w0)^2 / 2 at its minimum w0: removal costs E(0) - E(w0)."""
    curvature = torch.tensor([[2.0, 0.5], [7.0, 3.0]])
    growth = curvature * (0 - WEIGHT) ** 2 / 2
    assert torch.equal(brain_damage_saliency(WEIGHT, curvature), growth)


def test_movement_is_positive_where_descent_leaves_zero() -> None:
    weight = torch.tensor([1.0, 1.0, -1.0, -1.0])
    gradient = torch.tensor([-0.5, 0.5, -0.5, 0.5])
    moved = weight - 0.1 * gradient
    leaves_zero = moved.abs() > weight.abs()
    assert torch.equal(movement_score(weight, gradient) > 0, leaves_zero)


def test_movement_is_the_first_order_change_of_the_loss() -> None:
    weight = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    slope = torch.tensor([2.0, -1.5], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(weight @ slope, weight)
    removed = torch.zeros_like(weight) * slope - weight.detach() * slope
    assert torch.allclose(movement_score(weight.detach(), gradient), removed)


@pytest.mark.parametrize(("name", "seed"), [("ip1.weight", 1), ("ip2.weight", 0)])
def test_random_scores_depend_on_name_and_seed_alone(name: str, seed: int) -> None:
    weight = torch.zeros(50, 40)
    first = random_score(weight, "ip1.weight", 0)
    assert torch.equal(first, random_score(weight + 1, "ip1.weight", 0))
    other = random_score(weight, name, seed)
    assert abs(float(torch.corrcoef(torch.stack([first, other]).flatten(1))[0, 1])) < 0.1
    assert float(first.mean()) == pytest.approx(0.5, abs=0.03)
