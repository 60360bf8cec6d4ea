"""Pattern masks against a brute-force oracle in plain Python."""

import pytest
import torch
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.functional.patterns import (
    block_mask,
    n_of_m_mask,
    two_of_sixteen_mask,
    unstructured_mask,
)
from featherweight.functional.pruning import magnitude_mask

SHAPES = [(1, 1), (5, 16), (8, 33), (9, 3, 3, 3), (13, 7)]


def scores_of(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """Few different scores, some negative, so that there are many ties."""
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).float()


def best(scores: list[float], count: int) -> set[int]:
    """Indices of the `count` highest; of equals the first."""
    return set(sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:count])


def n_of_m_oracle(scores: Tensor, n: int, m: int) -> list[list[bool]]:
    mask = []
    for row in scores.flatten(1).tolist():
        kept = []
        for first in range(0, len(row), m):
            group = row[first : first + m]
            chosen = best(group, n)
            kept += [i in chosen for i in range(len(group))]
        mask.append(kept)
    return mask


def block_oracle(scores: Tensor, density: float, block_rows: int) -> list[list[bool]]:
    matrix = scores.flatten(1).double().tolist()
    rows, columns = len(matrix), len(matrix[0])
    blocks = []
    for first in range(0, rows, block_rows):
        of_block = matrix[first : first + block_rows]
        blocks += [sum(row[c] for row in of_block) / len(of_block) for c in range(columns)]
    chosen = best(blocks, max(1, round(density * len(blocks))))
    return [[r // block_rows * columns + c in chosen for c in range(columns)] for r in range(rows)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
def test_unstructured_keeps_the_best(shape: tuple[int, ...], density: float) -> None:
    scores = scores_of(shape)
    flat = scores.flatten().tolist()
    chosen = best(flat, max(1, round(density * len(flat))))
    mask = unstructured_mask(scores, density)
    assert mask.shape == scores.shape
    assert mask.dtype == torch.bool
    assert mask.flatten().tolist() == [i in chosen for i in range(len(flat))]


def test_unstructured_on_magnitudes_is_magnitude_pruning() -> None:
    weight = torch.randn(17, 23, generator=torch.Generator().manual_seed(3))
    assert torch.equal(unstructured_mask(weight.abs(), 0.13), magnitude_mask(weight, 0.13))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (2, 4), (4, 4), (2, 16), (3, 5)])
def test_n_of_m_keeps_the_best_of_each_group(shape: tuple[int, ...], n: int, m: int) -> None:
    scores = scores_of(shape, seed=n * 100 + m)
    mask = n_of_m_mask(scores, n, m)
    assert mask.shape == scores.shape
    assert mask.flatten(1).tolist() == n_of_m_oracle(scores, n, m)


def test_a_last_group_keeps_its_own_columns_though_all_its_scores_are_low() -> None:
    scores = torch.tensor([[9.0, 9.0, 9.0, 9.0, -5.0, -float("inf")]])
    assert n_of_m_mask(scores, 2, 4).tolist() == [[True, True, False, False, True, True]]


def test_two_of_sixteen_keeps_an_eighth() -> None:
    scores = torch.rand(24, 64, generator=torch.Generator().manual_seed(5))
    mask = two_of_sixteen_mask(scores)
    assert mask.view(24, 4, 16).sum(-1).eq(2).all()
    assert torch.equal(mask, n_of_m_mask(scores, 2, 16))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("block_rows", [1, 4, 8])
def test_blocks_keep_the_best(shape: tuple[int, ...], density: float, block_rows: int) -> None:
    scores = scores_of(shape, seed=block_rows)
    mask = block_mask(scores, density, block_rows)
    assert mask.shape == scores.shape
    assert mask.flatten(1).tolist() == block_oracle(scores, density, block_rows)


def test_what_is_not_a_pattern_is_refused() -> None:
    scores = torch.ones(4, 4)
    with pytest.raises(InvalidArgumentError, match="`n` must be between 1 and m=4 inclusive"):
        n_of_m_mask(scores, 5, 4)
    with pytest.raises(InvalidArgumentError, match="`n` must be between 1 and m=4 inclusive"):
        n_of_m_mask(scores, 0, 4)
    with pytest.raises(InvalidArgumentError, match="`block_rows` must be at least 1"):
        block_mask(scores, 0.5, 0)
    with pytest.raises(InvalidArgumentError, match="`density` must be between"):
        block_mask(scores, 1.5, 4)
    with pytest.raises(InvalidArgumentError, match="`density` must be between"):
        unstructured_mask(scores, -0.1)
