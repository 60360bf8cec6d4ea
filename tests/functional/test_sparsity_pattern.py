"""Patterns by name: what they keep, and which names are refused."""

import pytest
import torch

from featherweight.errors import InvalidArgumentError
from featherweight.functional.sparsity_pattern import UNSTRUCTURED, parse_pattern

SCORES = torch.rand(16, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "density"), [("2:4", 0.5), ("4:8", 0.5), ("2:16", 0.125)])
def test_n_of_m_decides_its_density(name: str, density: float) -> None:
    pattern = parse_pattern(name)
    assert pattern.fixed_density == density
    n, m = pattern.of_each or (0, 0)
    counts = pattern.mask(SCORES, density).view(16, -1, m).sum(2)
    assert bool((counts == n).all())


@pytest.mark.parametrize("density", [1.0, 0.6, 0.3, 0.125, 0.01])
def test_n_of_m_is_trained_towards_from_above(density: float) -> None:
    """On its way down, 2:16 keeps k of 16: the least k that gives the density, never below 2."""
    counts = parse_pattern("2:16").mask(SCORES, density).view(16, -1, 16).sum(2)
    wanted = max(2, next(k for k in range(17) if k / 16 >= density))
    assert bool((counts == wanted).all())


@pytest.mark.parametrize(("name", "rows", "columns"), [("1x4", 1, 4), ("4x1", 4, 1), ("8x1", 8, 1)])
def test_blocks_live_or_die_together(name: str, rows: int, columns: int) -> None:
    pattern = parse_pattern(name)
    assert pattern.fixed_density is None
    mask = pattern.mask(SCORES, 0.25)
    assert float(mask.float().mean()) == 0.25
    inside = mask.view(16 // rows, rows, 48 // columns, columns).sum((1, 3))
    assert set(inside.unique().tolist()) == {0, rows * columns}


def test_unstructured_keeps_the_highest() -> None:
    mask = parse_pattern("unstructured").mask(SCORES, 0.1)
    assert int(mask.sum()) == round(0.1 * SCORES.numel())
    assert float(SCORES[mask].min()) >= float(SCORES[~mask].max())
    assert parse_pattern("unstructured") is UNSTRUCTURED


@pytest.mark.parametrize("name", ["", "2:", "0:4", "2/4", "4x", "block", "2:4:8", "-1x4"])
def test_other_names_are_refused_with_examples(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"2:16.*but got pattern={name!r}"):
        parse_pattern(name)


def test_more_than_all_of_a_group_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"N must be at most M.*5:4"):
        parse_pattern("5:4")
