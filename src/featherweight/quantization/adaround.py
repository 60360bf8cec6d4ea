"""AdaRound over a network: layer by layer, roundings are trained to keep the layer's output.

Nagel et al. 2020, arXiv 2004.10568, section 3.3; the maths is in `functional/adaround.py`. A layer
is shown its inputs in the exact network, quantized if activations will be, and must give its exact
output (of the float32 inputs).

What we changed: the error is divided by that of rounding to the nearest, and the regularizer by
the number of weights, so that one factor, and fewer steps than the paper's 10,000, suit all layers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from featherweight.container import Network
from featherweight.container.graph import Node
from featherweight.functional.adaround import (
    beta_at,
    hard_steps,
    initial_rounding,
    regularizer,
    soft_steps,
)
from featherweight.functional.uniform import as_rows, dequantize, quantize
from featherweight.graph.operators import OPERATORS
from featherweight.quantization.config import AdaRoundConfig, UniformConfig
from featherweight.quantization.qdq import Ranges, output_axis, quantized_nodes, weight_of
from featherweight.quantization.ranges import as_quantized, watching
from featherweight.quantization.weights import QuantizedWeight, weight_grid


def adaround(
    network: Network,
    layers: Mapping[str, int],
    config: UniformConfig,
    batches: Sequence[Tensor],
    *,
    ranges: Ranges | None = None,
    seed: int = 0,
) -> dict[str, QuantizedWeight]:
    """Return the weights of `layers` (bits by name) on their grids, each rounded up or down.

    Args:
        batches: calibration inputs of the network.
        ranges: of activations, if these will be quantized, too.
    """
    how = config.adaround or AdaRoundConfig()
    found: dict[str, QuantizedWeight] = {}
    for node in quantized_nodes(network, layers):
        x, y = _examples(network, node, batches, how.samples)
        x = as_quantized(x, node.inputs[0], ranges)
        weight = weight_of(network, node)
        rows = as_rows(weight, config.granularity, config.group_size)
        grid = weight_grid(rows, layers[node.inputs[1]], config)
        start = QuantizedWeight(quantize(rows, grid), grid, tuple(weight.shape))
        generator = torch.Generator().manual_seed(seed)
        found[node.inputs[1]] = _trained(start, rows, _Layer(node, x, y), how, generator)
    return found


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer, the inputs that it is shown, and the outputs that it is to give (no bias)."""

    node: Node
    x: Tensor
    y: Tensor

    def loss(self, weight: Tensor, chosen: Tensor) -> Tensor:
        """The squared error of the layer with `weight` [out, ...] on the chosen examples."""
        there = weight.movedim(0, output_axis(self.node))
        operator = OPERATORS[self.node.operator].run
        found = operator(self.x[chosen], there, None, **self.node.attributes)
        loss: Tensor = (found - self.y[chosen]).square().sum(1).mean()
        return loss


def _trained(
    start: QuantizedWeight,
    rows: Tensor,
    layer: _Layer,
    how: AdaRoundConfig,
    generator: torch.Generator,
) -> QuantizedWeight:
    v = initial_rounding(rows, start.grid).requires_grad_()
    optimizer = torch.optim.Adam([v], lr=how.learning_rate)
    count = len(layer.x)
    with torch.no_grad():
        nearest = layer.loss(start.dense, torch.arange(count)).clamp(min=1e-20)
    for step in range(how.steps):
        chosen = torch.randint(count, (min(how.batch_size, count),), generator=generator)
        soft = dequantize(soft_steps(rows, start.grid, v), start.grid).reshape(start.shape)
        loss = layer.loss(soft, chosen) / nearest
        beta = beta_at(step / how.steps)
        if beta is not None:
            loss = loss + how.regularization * regularizer(v, beta) / v.numel()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return replace(start, steps=hard_steps(rows, start.grid, v.detach()))


def _examples(
    network: Network, node: Node, batches: Sequence[Tensor], samples: int
) -> tuple[Tensor, Tensor]:
    """Inputs of the layer in the exact network, and its outputs without bias."""
    run = watching(network, [node.inputs[0]])
    parts: list[Tensor] = []
    with torch.inference_mode():
        for batch in batches:
            parts.append(run(batch)[0])
            if sum(len(part) for part in parts) >= samples:
                break
    x = torch.cat(parts)[:samples].clone()
    here = weight_of(network, node).movedim(0, output_axis(node))
    with torch.no_grad():
        return x, OPERATORS[node.operator].run(x, here, None, **node.attributes)
