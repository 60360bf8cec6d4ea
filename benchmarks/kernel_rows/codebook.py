"""Dense weights of a codebook against torch: a matrix-vector product whose weights come from memory
(4096 x 9216), and products with the columns of convolutions.

`codebook` computes in float32; `int16` rounds x and the codebook to 13 bits, `int8` x to 7 and the
codebook to 8; the error of each is printed.
"""

import numpy as np
import torch

import harness
from featherweight import _native

VECTOR_SHAPE = (4096, 9216)
PRODUCT_SHAPES = ((256, 196, 2304), (512, 49, 4608), (64, 3136, 576))
VECTOR_BARS = {"codebook": None, "codebook, int16": 3.5, "codebook, int8": 5.0}


def rows(quick: bool, instruction_set: str) -> list[harness.Row]:
    """On the instruction set that was chosen."""
    torch.set_num_threads(1)
    rounds = 9 if quick else 25
    result = _vector_rows(instruction_set, 16, rounds)
    if not quick:
        result += _vector_rows(instruction_set, 256, rounds)
        result += [_product_row(instruction_set, shape, rounds) for shape in PRODUCT_SHAPES]
    return result


def _shared(shape: tuple[int, int], entries: int) -> np.ndarray:
    random = np.random.default_rng(0)
    codebook = np.sort(random.normal(0, 0.05, entries)).astype(np.float32)
    return codebook[random.integers(0, entries, shape)]


def _vector_rows(instruction_set: str, entries: int, rounds: int) -> list[harness.Row]:
    weights = _shared(VECTOR_SHAPE, entries)
    x = np.random.default_rng(1).normal(0, 1, VECTOR_SHAPE[1]).astype(np.float32)
    y = np.empty(VECTOR_SHAPE[0], np.float32)
    dense, wide, out = torch.from_numpy(weights), torch.from_numpy(x), torch.empty(len(y))
    exact = weights.astype(np.float64) @ x
    result = []
    for format_name in VECTOR_BARS if entries == 16 else ["codebook"]:
        matrix = _native.Matrix(format_name, weights)
        matrix.multiply_vector(x, y)
        error = np.linalg.norm(y - exact) / np.linalg.norm(exact)
        timing = harness.compare(
            lambda m=matrix: m.multiply_vector(x, y), lambda: torch.mv(dense, wide, out=out), rounds
        )
        bar = VECTOR_BARS[format_name] if entries == 16 else None
        name = f"{format_name}, {entries} values, vector, error {error:.0e}, {instruction_set}"
        result.append(harness.timed(name, timing, "torch.mv", bar=bar))
    return result


def _product_row(instruction_set: str, shape: tuple[int, int, int], rounds: int) -> harness.Row:
    num_rows, columns, depth = shape
    weights = _shared((num_rows, depth), 16)
    x = np.random.default_rng(1).normal(0, 1, (depth, columns)).astype(np.float32)
    y = np.empty((num_rows, columns), np.float32)
    matrix, dense = _native.Matrix("codebook", weights), _native.Matrix("dense", weights)
    timing = harness.compare(lambda: matrix.multiply(x, y), lambda: dense.multiply(x, y), rounds)
    name = f"codebook, 16 values, {num_rows}x{columns}x{depth}, {instruction_set}"
    return harness.timed(name, timing, "our dense kernel")
