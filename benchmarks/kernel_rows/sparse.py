"""Sparse products with random weights against torch's dense ones in float32, one thread.

A matrix-vector product is the 4096 x 9216 of AlexNet's first linear layer, 9 % kept; a product with
columns the convolution 256 x (256 * 3 * 3) at 14 x 14 pixels. `codebook` weights have 15 different
values. Formats without `exact` quantize x to 8 bits within the operator.

Products with a vector are timed ten in a row on both sides, as in a network that runs again and
again (docs/decisions/0011); one of ours after one of the peer's is a row of its own, without a bar.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

import harness
from featherweight import _native

CODEBOOK_VALUES = 15
LINEAR = (4096, 9216)
CONVOLUTION = (256, 2304)
PIXELS = 196

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    format: str
    density: float
    bar: float | None = None
    codebook: bool = False

    @property
    def two_of_sixteen(self) -> bool:
        return self.format.startswith("two_of_sixteen")

    @property
    def block_rows(self) -> int:
        return {"blocks4x1": 4, "blocks8x1": 8}.get(self.format, 1)


VECTOR_CASES = (
    Case("csr", 0.09, 2.5),
    Case("csr", 0.09, 2.5, codebook=True),
    Case("blocks8x1", 0.09, 10.0),
    Case("blocks8x1", 0.09, 10.0, codebook=True),
    Case("slots", 0.09, 9.0, codebook=True),
    Case("slots_exact", 0.09, codebook=True),
    Case("two_of_sixteen", 0.125, 30.0, codebook=True),
    Case("two_of_sixteen_exact", 0.125, codebook=True),
)
COLUMN_CASES = (
    Case("csr", 0.1, 3.5),
    Case("csr", 0.2),
    Case("csr", 0.3),
    Case("blocks4x1", 0.1, 5.0),
    Case("blocks4x1", 0.2, 3.0),
    Case("blocks4x1", 0.3),
    Case("blocks8x1", 0.1, 5.0),
)


def rows(quick: bool, instruction_set: str) -> list[harness.Row]:
    """All figures, on the instruction set that was chosen."""
    torch.set_num_threads(1)
    rounds = 15 if quick else 40
    vectors = [
        _vector(case, instruction_set, rounds, in_a_row)
        for case in VECTOR_CASES
        for in_a_row in (harness.VECTOR_RUN, 1)
    ]
    return vectors + [_columns(case, instruction_set, rounds) for case in COLUMN_CASES]


def sparse_weights(case: Case, shape: tuple[int, int]) -> Array:
    """Gaussian weights, or ones of a codebook, of which a random mask of the pattern is kept."""
    random = np.random.default_rng(0)
    if case.codebook:
        weights = random.choice(random.normal(size=CODEBOOK_VALUES), size=shape)
    else:
        weights = random.normal(size=shape)
    if case.two_of_sixteen:
        order = random.random((shape[0], shape[1] // 16, 16)).argsort(-1)
        mask = (order < 2).reshape(shape)
    else:
        blocks = random.random((-(-shape[0] // case.block_rows), shape[1])) < case.density
        mask = blocks.repeat(case.block_rows, 0)[: shape[0]]
    return (weights * mask).astype(np.float32)


def _vector(case: Case, instruction_set: str, rounds: int, in_a_row: int) -> harness.Row:
    matrix = _native.Matrix(case.format, sparse_weights(case, LINEAR), vector=True)
    dense, x = torch.randn(LINEAR), torch.randn(LINEAR[1])
    x_array, y, peer_y = x.numpy(), np.empty(LINEAR[0], np.float32), torch.empty(LINEAR[0])

    ours = harness.in_a_row(lambda: matrix.multiply_vector(x_array, y), in_a_row)
    peer = harness.in_a_row(lambda: torch.mv(dense, x, out=peer_y), in_a_row)
    timing = harness.compare(ours, peer, rounds)
    share = "2 of 16" if case.two_of_sixteen else f"{case.density:.0%}"
    stored = f"{'codebook' if case.codebook else 'float32'}, {matrix.bytes / 1e6:.1f} MB"
    name = f"{case.format} vector, {share}, {stored}, {in_a_row} in a row, {instruction_set}"
    return harness.timed(name, timing, "torch.mv", bar=case.bar if in_a_row > 1 else None)


def _columns(case: Case, instruction_set: str, rounds: int) -> harness.Row:
    matrix = _native.Matrix(case.format, sparse_weights(case, CONVOLUTION))
    dense, x = torch.randn(CONVOLUTION), torch.randn(CONVOLUTION[1], PIXELS)
    y, peer_y = np.empty((CONVOLUTION[0], PIXELS), np.float32), torch.empty(CONVOLUTION[0], PIXELS)
    x_array = x.numpy()
    timing = harness.compare(
        lambda: matrix.multiply(x_array, y), lambda: torch.mm(dense, x, out=peer_y), rounds
    )
    name = f"{case.format} 256x{PIXELS}x2304, {case.density:.0%}, {instruction_set}"
    return harness.timed(name, timing, "torch.mm", bar=case.bar)
