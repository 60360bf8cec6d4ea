"""Uniform grids against closed forms; the straight-through estimator; learned steps; AdaRound."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.functional import adaround, uniform
from featherweight.functional.learned_step import initial_step, step_gradients, step_quantize


def weights(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_lectures_grid_on_paper() -> None:
    w = torch.tensor([-1.0, -0.4, 0.0, 0.26, 2.0])
    levels, codes = uniform.minmax_levels(w, 2)
    assert levels.tolist() == [-1.0, 0.0, 1.0, 2.0]
    assert codes.tolist() == [0, 1, 1, 1, 3]
    levels, codes = uniform.minmax_levels(w)
    assert len(levels) == 256 and float(levels[0]) == -1.0 and float(levels[-1]) == 2.0
    step = 3.0 / 255
    assert codes.tolist() == [round((float(x) + 1.0) / step) for x in w]
    assert float((levels[codes.long()] - w).abs().max()) <= step / 2 * (1 + 1e-6)
    constant, codes = uniform.minmax_levels(torch.full((3,), 0.7))
    assert constant[codes.long()].tolist() == pytest.approx([0.7] * 3)


def test_one_bit_is_the_two_ends() -> None:
    levels, codes = uniform.minmax_levels(torch.tensor([-1.0, 0.0, 0.4, 2.0]), 1)
    assert levels.tolist() == [-1.0, 2.0] and codes.tolist() == [0, 0, 0, 1]


@given(st.integers(2, 8), st.integers(0, 1000))
def test_rounding_errs_by_half_a_step_and_zero_is_exact(num_bits: int, seed: int) -> None:
    rows = weights(3, 40, seed=seed)
    rows[:, 0] = 0.0
    for kind in ("symmetric", "affine"):
        grid = uniform.grid_of(rows, num_bits, kind)
        found = uniform.dequantize(uniform.quantize(rows, grid), grid)
        # An affine grid moves by up to half a step so that 0 is a point: its ends may be cut.
        limit = (0.5 if kind == "symmetric" else 1.0) * grid.scale[:, None] * (1 + 1e-5)
        assert bool(((found - rows).abs() <= limit).all())
        assert bool((found[:, 0] == 0.0).all())
        assert len(found[0].unique()) <= 2**num_bits


def test_granularities_are_rows() -> None:
    w = weights(4, 6, 2, 2)
    assert uniform.as_rows(w, "tensor").shape == (1, 96)
    assert torch.equal(uniform.as_rows(w, "channel"), w.flatten(1))
    assert torch.equal(uniform.as_rows(w, "group", 8), w.reshape(12, 8))
    assert uniform.as_rows(w, "group", 5).shape == (4, 24)  # 24 is no multiple of 5


def test_finer_rows_and_a_better_cut_err_less() -> None:
    w = weights(16, 256) * torch.logspace(-2, 0, 16)[:, None]

    def error(rows: Tensor, grid: uniform.Grid) -> float:
        return float((uniform.dequantize(uniform.quantize(rows, grid), grid) - rows).square().sum())

    errors = [
        error(rows, uniform.grid_of(rows, 4))
        for rows in (uniform.as_rows(w, g, 32) for g in uniform.GRANULARITIES)
    ]
    assert errors[0] > errors[1] > errors[2]
    best = uniform.least_squares_grid(w, 4)
    assert error(w, best) < errors[1]
    for share in (0.5, 0.75, 0.9, 1.0):
        one = uniform.grid_of(w, 4, share=share)
        rounded = uniform.dequantize(uniform.quantize(w, one), one)
        found = uniform.dequantize(uniform.quantize(w, best), best)
        lost, least = ((x - w).square().sum(1) for x in (rounded, found))
        assert bool((least <= lost * 1.02).all())


def test_the_gradient_goes_straight_through_inside_the_ends() -> None:
    rows = torch.tensor([[-3.0, -0.9, 0.1, 0.5, 4.0]], requires_grad=True)
    grid = uniform.Grid(torch.tensor([0.5]), torch.zeros(1, dtype=torch.int32), -3, 3)
    outside = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    y = uniform.fake_quantize(rows, grid)
    assert y.tolist() == [[-1.5, -1.0, 0.0, 0.5, 1.5]]
    (y * outside).sum().backward()
    assert rows.grad is not None and rows.grad.tolist() == [[0.0, 2.0, 3.0, 4.0, 0.0]]


@pytest.mark.parametrize("bad", [{"num_bits": 1}, {"num_bits": 9}, {"kind": "minmax"}])
def test_bad_grids_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError, match="but got"):
        uniform.grid_of(weights(1, 4), **({"num_bits": 4} | bad))  # type: ignore[arg-type]


def test_learned_steps_have_the_papers_gradients() -> None:
    """Equation 3 written with autograd: rounding is a constant beside what is rounded."""
    rows = weights(3, 20).double().requires_grad_()
    step = torch.tensor([0.3, 0.5, 0.9], dtype=torch.float64, requires_grad=True)
    low, high = -3, 3
    outside = weights(3, 20, seed=1).double()
    scaled = rows / step[:, None]
    clipped = scaled.clamp(low, high)
    through = clipped + (torch.round(clipped) - clipped).detach()
    loss = ((through * step[:, None]) * outside).sum()
    loss.backward()
    found = step_quantize(rows.detach(), step.detach(), low, high)
    assert torch.allclose(found, (through * step[:, None]).detach())
    of_rows, of_step = step_gradients(rows.detach(), step.detach(), low, high, outside)
    assert torch.allclose(of_rows, rows.grad)
    assert torch.allclose(of_step * math.sqrt(20 * high), step.grad)
    assert torch.allclose(
        initial_step(rows.detach(), high), 2 * rows.detach().abs().mean(1) / math.sqrt(high)
    )


def test_adaptive_rounding_begins_exact_and_ends_whole() -> None:
    rows = weights(4, 30)
    grid = uniform.symmetric_grid(rows, 4)
    v = adaround.initial_rounding(rows, grid)
    soft = uniform.dequantize(adaround.soft_steps(rows, grid, v), grid)
    torch.testing.assert_close(soft, rows, rtol=1e-4, atol=1e-5)
    assert torch.equal(
        adaround.hard_steps(rows, grid, v).float(),
        torch.floor(rows / grid.scale[:, None] + 0.5).clamp(grid.low, grid.high),
    )
    decided = torch.tensor([-9.0, 9.0])
    assert float(adaround.regularizer(decided, 2.0)) == 0.0
    assert float(adaround.regularizer(torch.zeros(3), 2.0)) == 3.0
    assert adaround.beta_at(0.1) is None
    assert adaround.beta_at(0.2) == pytest.approx(20.0)
    assert adaround.beta_at(1.0) == pytest.approx(2.0)
