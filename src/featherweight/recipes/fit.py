"""compress --max-size: the densities and bits with which a network fits so many bytes.

All layers are cut at the same multiple of their own standard deviation, as Han et al. do (arXiv
1506.02626), so that one number decides how much is kept; for each number of bits the largest
network that fits is found by bisection on the coded size, and of these the one whose weights
differ least from the reference's. Then it is trained, written and weighed; what training adds or
saves is taken into account, until it fits.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from featherweight.data import Dataset
from featherweight.errors import FeatherweightError, InvalidArgumentError
from featherweight.functional.coding_length import huffman_bits, mask_entropy_bits
from featherweight.functional.kmeans import kmeans
from featherweight.recipes.compression import compress
from featherweight.recipes.recipe import LayerRule, Recipe
from featherweight.recipes.stages import Settings, layers_with_weights
from featherweight.recipes.written import Compression
from featherweight.units import format_bytes

BITS = (8, 6, 5, 4, 3)
_FEWEST_BITS = 2
"""Only where nothing else fits: fewer values than this recover badly."""
_SMALL = 512
"""Layers of fewer weights are not pruned: they cost little and are felt at once."""
_MAX_QUALITY = 6.0
_ATTEMPTS = 4
_STEPS = 14
"""Of the bisection: the multiple is found to 0.0004."""


@dataclass(frozen=True)
class _Plan:
    """One way to fit: bits for all layers, a density for each, what is lost, what it weighs."""

    num_bits: int
    densities: dict[str, float]
    error: float
    bytes: float


def fit_to_size(
    module: nn.Module,
    max_bytes: int,
    data: Dataset | None,
    out: str | Path,
    *,
    base: Recipe | None = None,
    input_shape: tuple[int, ...] | None = None,
    settings: Settings | None = None,
) -> tuple[Recipe, Compression]:
    """Compress `module` into a file of at most `max_bytes`; return the recipe that did it, too.

    Args:
        base: whose training is used; only its rules are replaced.

    Raises:
        InvalidArgumentError: the graph, the biases and one weight a layer are larger already.
        FeatherweightError: several attempts were all too large.
    """
    settings = settings or Settings()
    base = base or Recipe("fit", ())
    weights = {
        name: layer.get_parameter("weight").detach().cpu().numpy()
        for name, layer in layers_with_weights(module)
    }
    smallest = _smallest_bytes(module, list(weights), data, input_shape)
    if smallest > max_bytes:
        raise InvalidArgumentError(
            f"`max-size` must be at least {format_bytes(smallest)}, which this network takes with "
            f"hardly a weight left, but is {format_bytes(max_bytes)}."
        )
    target = float(max_bytes)
    for attempt in range(_ATTEMPTS):
        plan = _best_plan(weights, target - smallest)
        recipe = _recipe(base, plan, max_bytes)
        work = None if settings.work is None else settings.work / f"attempt-{attempt + 1}"
        result = compress(
            module, recipe, data, out,
            input_shape=input_shape, settings=replace(settings, work=work),
        )  # fmt: skip
        if result.file_bytes <= max_bytes:
            return recipe, result
        target *= 0.995 * max_bytes / result.file_bytes
    Path(out).unlink(missing_ok=True)
    raise FeatherweightError(
        f"no file of at most {format_bytes(max_bytes)} came out in {_ATTEMPTS} attempts; the last "
        f"took {format_bytes(result.file_bytes)}."
    )


def _smallest_bytes(
    module: nn.Module,
    layers: Sequence[str],
    data: Dataset | None,
    input_shape: tuple[int, ...] | None,
) -> int:
    """Bytes of the file with next to nothing kept: graph, metadata, biases, norms."""
    shape = data.shape if data is not None else input_shape
    rules = tuple(LayerRule(name, density=1e-6, num_bits=1) for name in layers)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "smallest.fwt"
        return compress(module, Recipe("smallest", rules), None, file, input_shape=shape).file_bytes


def _best_plan(weights: dict[str, NDArray[np.float32]], budget: float) -> _Plan:
    plans = [plan for bits in BITS if (plan := _largest_that_fits(weights, bits, budget))]
    if plans:
        return min(plans, key=lambda plan: plan.error)
    return _largest_that_fits(weights, _FEWEST_BITS, budget) or _plan(
        weights, _FEWEST_BITS, _MAX_QUALITY
    )


def _largest_that_fits(
    weights: dict[str, NDArray[np.float32]], num_bits: int, budget: float
) -> _Plan | None:
    whole = _plan(weights, num_bits, 0.0)
    if whole.bytes <= budget:
        return whole
    found = None
    low, high = 0.0, _MAX_QUALITY
    for _ in range(_STEPS):
        middle = (low + high) / 2
        plan = _plan(weights, num_bits, middle)
        if plan.bytes <= budget:
            found, high = plan, middle
        else:
            low = middle
    return found


def _plan(weights: dict[str, NDArray[np.float32]], num_bits: int, quality: float) -> _Plan:
    densities, error, size = {}, 0.0, 0.0
    for name, weight in weights.items():
        flat = weight.reshape(-1)
        magnitude = np.abs(flat)
        threshold = 0.0 if flat.size < _SMALL else quality * float(flat.std())
        threshold = min(threshold, float(magnitude.max()))  # at least one stays
        kept = flat[magnitude >= threshold]
        book, codes = kmeans(kept, 1 << num_bits, max_iterations=10)
        densities[name] = kept.size / flat.size
        lost = np.square(flat[magnitude < threshold]).sum() + np.square(book[codes] - kept).sum()
        error += float(lost / np.square(flat).sum())
        bits = huffman_bits(np.bincount(codes)) + 32 * book.size
        size += (bits + mask_entropy_bits(flat.size, kept.size)) / 8
    return _Plan(num_bits, densities, error, size)


def _recipe(base: Recipe, plan: _Plan, max_bytes: int) -> Recipe:
    rules = tuple(
        LayerRule(name, density=round(density, 6), num_bits=plan.num_bits)
        for name, density in plan.densities.items()
    )
    return replace(
        base, name=f"fit-{max_bytes}", layers=rules, source="densities and bits that fit the size"
    )
