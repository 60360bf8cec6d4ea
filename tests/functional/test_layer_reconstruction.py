"""Second-order pruning of one layer against least squares in float64."""

import pytest
import torch
from torch import Tensor

from featherweight.functional.layer_reconstruction import (
    block_removal_cost,
    damped,
    prune_rows,
    reconstruct,
    removal_cost,
    sweep,
)
from featherweight.functional.sparsity_pattern import UNSTRUCTURED, parse_pattern

ROWS, COLUMNS, SAMPLES = 6, 32, 400


def problem(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Weight [rows, columns], inputs [columns, samples], and H = X X^T.

    Neighbouring inputs are alike, as pixels are: their correlation is 0.9.
    """
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(ROWS, COLUMNS, generator=generator, dtype=torch.float64)
    x = torch.randn(COLUMNS, SAMPLES, generator=generator, dtype=torch.float64)
    for column in range(1, COLUMNS):
        x[column] = 0.9 * x[column - 1] + (1 - 0.9**2) ** 0.5 * x[column]
    return weight, x, x @ x.T


def error(weight: Tensor, changed: Tensor, x: Tensor) -> float:
    return float(((weight - changed) @ x).square().sum())


def least_squares(row: Tensor, x: Tensor, kept: Tensor) -> Tensor:
    """The best row with zeros outside of `kept`, by torch's own solver."""
    found = torch.zeros_like(row)
    target = (row @ x)[:, None]
    found[kept] = torch.linalg.lstsq(x[kept].T, target).solution.flatten()
    return found


def test_damping_adds_a_share_of_the_mean_to_the_diagonal() -> None:
    hessian = torch.diag(torch.tensor([1.0, 3.0]))
    assert torch.allclose(
        damped(hessian, 0.5), torch.diag(torch.tensor([2.0, 4.0], dtype=torch.float64))
    )
    nothing = damped(torch.zeros(3, 3))
    assert bool((nothing.diagonal() > 0).all())


def test_cost_of_a_removal_is_what_the_error_grows_by() -> None:
    weight, x, hessian = problem()
    costs = removal_cost(weight, torch.linalg.inv(hessian).diagonal())
    for column in (0, 7, 31):
        kept = torch.arange(COLUMNS) != column
        best = least_squares(weight[2], x, kept)
        grown = error(weight[2:3], best[None], x)
        assert float(costs[2, column]) == pytest.approx(grown, rel=1e-8)


@pytest.mark.parametrize("size", [4, 5])
def test_cost_of_a_block_is_what_the_error_grows_by(size: int) -> None:
    weight, x, hessian = problem()
    costs = block_removal_cost(weight[3], torch.linalg.inv(hessian), size)
    for start in range(0, COLUMNS, size):
        kept = torch.ones(COLUMNS, dtype=torch.bool)
        kept[start : start + size] = False
        grown = error(weight[3:4], least_squares(weight[3], x, kept)[None], x)
        assert float(costs[start : start + size].sum()) == pytest.approx(grown, rel=1e-7)


def test_reconstruction_is_the_least_squares_solution() -> None:
    weight, x, hessian = problem()
    mask = torch.rand(weight.shape, generator=torch.Generator().manual_seed(3)) < 0.4
    mask[4] = False
    found = reconstruct(weight, hessian, mask)
    for row in range(ROWS):
        expected = least_squares(weight[row], x, mask[row])
        assert torch.allclose(found[row], expected, atol=1e-8)
    assert torch.equal(reconstruct(weight, hessian, torch.ones_like(mask)), weight)


def test_sweep_of_one_column_a_time_is_optimal_brain_surgeon() -> None:
    """With the mask given, going through the columns gives each row's update in closed form.

    A column that is removed is made up for by those to its right alone: with the first columns
    removed and all others kept, that is the least-squares solution.
    """
    weight, x, hessian = problem()
    alive = torch.ones_like(weight, dtype=torch.bool)
    alive[:, :5] = False
    swept, mask = sweep(weight, hessian, UNSTRUCTURED, 1.0, alive=alive)
    assert torch.equal(mask, alive)
    for row in range(ROWS):
        assert torch.allclose(swept[row], least_squares(weight[row], x, alive[row]), atol=1e-8)


PATTERNS = ["unstructured", "2:4", "2:16", "1x4", "4x1"]


@pytest.mark.parametrize("name", PATTERNS)
def test_exact_costs_more_than_halve_the_error_of_magnitude(name: str) -> None:
    weight, x, hessian = problem()
    pattern = parse_pattern(name)
    density = pattern.fixed_density or 0.25
    found, mask = prune_rows(weight, damped(hessian, 1e-6), pattern, density)
    assert torch.equal(found != 0, mask)
    assert torch.equal(pattern.mask(mask.double(), density), mask)
    by_magnitude = weight * pattern.mask(weight.abs(), density)
    assert error(weight, found, x) < 0.5 * error(weight, by_magnitude, x)
    # ... and no other values under the same mask do better.
    best = torch.stack([least_squares(w, x, kept) for w, kept in zip(weight, mask, strict=True)])
    assert error(weight, found, x) <= error(weight, best, x) * (1 + 1e-4)


@pytest.mark.parametrize("name", PATTERNS)
def test_the_sweep_of_wide_layers_beats_magnitude_too(name: str) -> None:
    weight, x, hessian = problem()
    pattern = parse_pattern(name)
    density = pattern.fixed_density or 0.25
    found, mask = prune_rows(weight, damped(hessian, 1e-6), pattern, density, exact_below=8)
    assert torch.equal(found != 0, mask)
    assert torch.equal(pattern.mask(mask.double(), density), mask)
    by_magnitude = weight * pattern.mask(weight.abs(), density)
    assert error(weight, found, x) < error(weight, by_magnitude, x)


def test_what_is_dead_stays_dead() -> None:
    weight, _, hessian = problem()
    alive = torch.rand(weight.shape, generator=torch.Generator().manual_seed(5)) < 0.6
    for exact_below in (1024, 4):
        _, mask = prune_rows(
            weight, damped(hessian), UNSTRUCTURED, 0.3, alive=alive, exact_below=exact_below
        )
        assert not bool((mask & ~alive).any())
        assert int(mask.sum()) == round(0.3 * weight.numel())


def test_a_choice_of_one_weight_is_the_best_of_all() -> None:
    """Removing one weight of a row: brute force over all columns agrees."""
    weight, x, hessian = problem(4)
    row = weight[:1]
    _, mask = prune_rows(row, hessian, UNSTRUCTURED, (COLUMNS - 1) / COLUMNS)
    grown = []
    for column in range(COLUMNS):
        kept = torch.arange(COLUMNS) != column
        grown.append(error(row, least_squares(row[0], x, kept)[None], x))
    assert int((~mask[0]).nonzero()) == min(range(COLUMNS), key=grown.__getitem__)
