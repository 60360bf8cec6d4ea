"""Where a budget of weights is best spent, from what pruning each layer alone costs.

The densities minimise the sum of the layers' losses under a fixed number of weights in all, as if
the losses added up: each layer takes the density at which loss + price * weights is least, and one
price for all layers is searched by bisection (Lagrange). Equal densities would spend most of the
budget on the large layers, which miss it least.
"""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from featherweight.errors import InvalidArgumentError
from featherweight.recipes.sensitivity import LayerCurve, Sensitivity
from featherweight.recipes.stages import layers_with_weights
from featherweight.validation import check_range

_GRID = 400
_STEPS = 60
_CHEAPEST, _DEAREST = 1e-15, 1e6
"""Losses a weight between which the price lies."""


def allocate(sensitivity: Sensitivity, module: nn.Module, density: float) -> dict[str, float]:
    """Densities by layer that keep `density` of all weights together.

    Raises:
        InvalidArgumentError: the layers are not those of `module`, or nothing was pruned there.
    """
    check_range("density", density, 0.0, 1.0)
    _check_layers(sensitivity, module)
    curves = [_Curve(layer) for layer in sensitivity.layers]
    budget = density * sum(curve.params for curve in curves)
    low, high = _CHEAPEST, _DEAREST
    for _ in range(_STEPS):
        price = (low * high) ** 0.5
        if _total(curves, [curve.best(price) for curve in curves]) > budget:
            low = price
        else:
            high = price
    found = _stretched(curves, [curve.best(high) for curve in curves], budget)
    return {curve.name: round(value, 6) for curve, value in zip(curves, found, strict=True)}


class _Curve:
    """One layer's loss over its density, never falling with it, between the points by line."""

    def __init__(self, layer: LayerCurve) -> None:
        self.name, self.params = layer.name, layer.params
        points = sorted((p.density, p.loss) for p in layer.points if p.num_bits is None)
        if len(points) < 2:
            raise InvalidArgumentError(
                f"the sensitivity of {layer.name} to pruning was not measured: "
                "`featherweight sensitivity` needs `--densities`."
            )
        measured = np.array(points)
        self.grid: NDArray[np.float64] = np.geomspace(measured[0, 0], 1.0, _GRID)
        loss = np.interp(np.log(self.grid), np.log(measured[:, 0]), measured[:, 1])
        self.loss = np.maximum.accumulate(loss[::-1])[::-1]

    def best(self, price: float) -> float:
        """The density of least loss + price * weights."""
        return float(self.grid[np.argmin(self.loss + price * self.params * self.grid)])


def _check_layers(sensitivity: Sensitivity, module: nn.Module) -> None:
    known = {layer.name: layer.params for layer in sensitivity.layers}
    found = {
        name: layer.get_parameter("weight").numel() for name, layer in layers_with_weights(module)
    }
    if known != found:
        raise InvalidArgumentError(
            f"the sensitivity is of the layers {', '.join(known)}, which are not those of this "
            f"network: {', '.join(found)}."
        )


def _total(curves: list[_Curve], densities: list[float]) -> float:
    return sum(curve.params * value for curve, value in zip(curves, densities, strict=True))


def _stretched(curves: list[_Curve], densities: list[float], budget: float) -> list[float]:
    """All times one factor, at most 1 each, so that the budget is spent to the last weight."""
    low, high = 0.0, 1.0 / min(densities)
    for _ in range(_STEPS):
        factor = (low + high) / 2
        if _total(curves, [min(1.0, factor * value) for value in densities]) > budget:
            high = factor
        else:
            low = factor
    return [min(1.0, low * value) for value in densities]
