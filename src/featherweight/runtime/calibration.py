"""Up to which density each format is faster than dense on the machine at hand.

For each kernel of `calibration.yaml`, shape and density, random weights are multiplied in that
format and dense, in turns, on one thread. Times of one round stand together; the ratio is the
median of dense / format. Where it crosses 1, between two densities, is the break-even; of several
shapes the lowest counts, so that no layer is slower for being sparse.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from featherweight import _native

Array = NDArray[np.float32]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Row:
    """One measurement: times as fast as dense, at the same shape [rows, depth, columns]."""

    kernel: str
    shape: Shape
    density: float
    ratio: float


@dataclass(frozen=True)
class Kernel:
    """An entry of the break-even table, and what is multiplied to measure it."""

    name: str
    format: str
    shapes: tuple[Shape, ...]
    values: int | None = None
    beside: str | None = None
    """Another kernel that would be taken where it is faster than this one and than dense."""
    dense: bool = False
    """All weights are kept: the entry says only whether it pays."""

    @property
    def block_rows(self) -> int:
        """So many rows keep or drop a column together."""
        return 4 if self.format == "blocks4x1" else 1


def kernels() -> tuple[Kernel, ...]:
    """What is measured, in the order of the table."""
    return tuple(
        Kernel(name, **{**entry, "shapes": tuple(map(tuple, entry["shapes"]))})
        for name, entry in _plan()["kernels"].items()
    )


def measure(
    *,
    quick: bool = False,
    step: Callable[[str, int, int], None] = lambda name, done, total: None,
    seed: int = 0,
) -> tuple[Row, ...]:
    """Time all kernels of the plan; `quick` takes every other density and the smaller shapes.

    Args:
        quick: for a first look, in a fraction of the time.
        step: called with a kernel's name, the measurements done, and their number.
        seed: of the weights.
    """
    densities = _plan()["densities"][:: 2 if quick else 1]
    cases = [
        (kernel, shape, density)
        for kernel in kernels()
        for shape in kernel.shapes[: 1 if quick else None]
        for density in ([1.0] if kernel.dense else densities)
    ]
    rows = []
    for done, (kernel, shape, density) in enumerate(cases):
        step(kernel.name, done, len(cases))
        weights = random_weights(kernel, shape, density, seed)
        rows.append(Row(kernel.name, shape, density, _ratio(kernel.format, weights, shape[2])))
    step("", len(cases), len(cases))
    return tuple(rows)


def break_even(rows: Iterable[Row]) -> dict[str, float]:
    """The table: for each kernel measured, the density up to which it is the fastest."""
    ratios: dict[str, dict[tuple[Shape, float], float]] = {}
    for row in rows:
        ratios.setdefault(row.kernel, {})[row.shape, row.density] = row.ratio
    table = {}
    for kernel in kernels():
        rivals = ratios.get(kernel.beside or "", {})
        curves: dict[Shape, list[tuple[float, float]]] = {}
        for (shape, density), ratio in ratios.get(kernel.name, {}).items():
            rival = max(1.0, rivals.get((shape, density), 0.0))
            curves.setdefault(shape, []).append((density, ratio / rival))
        if curves:
            table[kernel.name] = min(crossing(curve) for curve in curves.values())
    return table


def crossing(points: Sequence[tuple[float, float]]) -> float:
    """The density at which the ratio falls below 1, of (density, ratio) in any order.

    Between two measurements the logarithm of the ratio is taken as linear in the density. 0 where
    the ratio is below 1 from the first; the last density where it never is: nothing is said of
    what was not measured.
    """
    ordered = sorted(points)
    if ordered[0][1] < 1:
        return 0.0
    for (low, above), (high, below) in itertools.pairwise(ordered):
        if below < 1:
            share = np.log(above) / (np.log(above) - np.log(below))
            return float(low + share * (high - low))
    return ordered[-1][0]


def random_weights(kernel: Kernel, shape: Shape, density: float, seed: int) -> Array:
    """Weights [rows, depth] of which about `density` are kept, as the format keeps them."""
    rows, depth, _ = shape
    rng = np.random.default_rng(seed)
    kept = rng.random((-(-rows // kernel.block_rows), depth)) < density
    kept = np.repeat(kept, kernel.block_rows, axis=0)[:rows]
    if kernel.values is None:
        weights = rng.standard_normal((rows, depth), dtype=np.float32)
    else:
        codebook = rng.standard_normal(kernel.values).astype(np.float32)
        weights = codebook[rng.integers(0, kernel.values, (rows, depth))]
    return np.where(kept, weights, np.float32(0))


def _ratio(format: str, weights: Array, columns: int) -> float:
    """Median over the rounds of dense time / format time."""
    is_vector = columns == 1
    rng = np.random.default_rng(1)
    rows, depth = weights.shape
    size = (depth,) if is_vector else (depth, columns)
    x = rng.standard_normal(size, dtype=np.float32)
    y = np.empty((rows,) if is_vector else (rows, columns), np.float32)
    ours, dense = (_native.Matrix(f, weights, is_vector) for f in (format, "dense"))
    call = "multiply_vector" if is_vector else "multiply"
    calls = [getattr(matrix, call) for matrix in (ours, dense)]
    for once in calls:
        once(x, y)
    ratios = []
    for _ in range(_plan()["rounds"]):
        ours_time, dense_time = (_seconds(once, x, y) for once in calls)
        ratios.append(dense_time / ours_time)
    return float(np.median(ratios))


def _seconds(call: Callable[[Array, Array], None], x: Array, y: Array) -> float:
    begin = time.perf_counter()
    call(x, y)
    return time.perf_counter() - begin


@cache
def _plan() -> Mapping[str, Any]:
    text = Path(__file__).with_name("calibration.yaml").read_text(encoding="utf-8")
    plan: Mapping[str, Any] = yaml.safe_load(text)
    return plan
