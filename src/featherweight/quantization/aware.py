"""Training aware of quantization: forward as the file will compute, gradients straight through.

Jacob et al. 2018, arXiv 1712.05877, section 3: weights are kept in float32, quantized for each
forward pass, and moved by the gradient of the quantized ones; the ranges of activations are moving
averages. With a learned step (Esser et al. 2020, arXiv 1902.08153) the scales are trained, too.
Batch norms are folded before, so that what is trained is what is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from featherweight.container import Network
from featherweight.errors import InvalidArgumentError
from featherweight.functional.integer import quantization_of
from featherweight.functional.learned_step import initial_step, step_gradients, step_quantize
from featherweight.functional.uniform import Grid, as_rows, dequantize, quantize, within
from featherweight.graph import GraphModule
from featherweight.quantization.config import UniformConfig
from featherweight.quantization.qdq import Ranges, quantized_nodes
from featherweight.quantization.weights import QuantizedWeight, weight_grid

_MOMENTUM = 0.99
"""Of the moving averages of ranges, a step."""


class ActivationRange:
    """Quantizes the input of the layers that read one value; its range follows the batches."""

    def __init__(self, low: float, high: float) -> None:
        self.ends = torch.tensor([low, high], dtype=torch.float32)

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The hook that torch calls before `layer` runs."""
        (x,) = inputs
        if layer.training:
            seen = torch.stack(torch.aminmax(x.detach())).cpu()
            self.ends = _MOMENTUM * self.ends + (1 - _MOMENTUM) * seen
        to = quantization_of(*self.ends.tolist())
        return (torch.fake_quantize_per_tensor_affine(x, to.scale, to.zero_point, 0, to.top),)


@dataclass(eq=False)
class _Weight:
    """A weight in training: the parameter holds quantized values, `exact` the real ones."""

    parameter: nn.Parameter
    num_bits: int
    exact: Tensor
    mask: Tensor
    step: nn.Parameter | None = None

    @property
    def high(self) -> int:
        """The greatest step of a symmetric grid."""
        return (1 << (self.num_bits - 1)) - 1


class QuantizationAwareTraining:
    """Holds the weights of a module quantized while it is trained (a `Constraint`).

    Between steps the module's parameters are the quantized ones, so that it is evaluated as it
    will be stored. Weights that are 0 when training begins stay 0 (pruned before).
    """

    def __init__(self, module: nn.Module, layers: Mapping[str, int], config: UniformConfig) -> None:
        if config.grid == "minmax" or (config.learned_step and config.grid != "symmetric"):
            raise InvalidArgumentError(
                "training aware of quantization needs a grid that holds 0 (symmetric or affine; "
                f"with a learned step symmetric), but got grid={config.grid!r}."
            )
        self.config = config
        parameters = dict(module.named_parameters())
        self.weights: dict[str, _Weight] = {}
        for name, num_bits in layers.items():
            exact = parameters[name].detach().clone()
            each = _Weight(parameters[name], num_bits, exact, exact != 0)
            if config.learned_step:
                each.step = nn.Parameter(initial_step(self._rows(exact), each.high))
            self.weights[name] = each
        self.ranges: dict[str, ActivationRange] = {}
        self.after_step()

    def watch(self, module: GraphModule, network: Network, ranges: Ranges) -> None:
        """Quantize the inputs of the layers of `module`, rebuilt from `network`, from now on."""
        for node in quantized_nodes(network, self.weights):
            name = node.inputs[0]
            found = self.ranges.setdefault(name, ActivationRange(*ranges[name]))
            layer = module.get_submodule(node.inputs[1].rpartition(".")[0])
            layer.register_forward_pre_hook(found)

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        steps = [each.step for each in self.weights.values() if each.step is not None]
        return [*module.parameters(), *steps]

    def before_step(self, progress: float) -> None:
        pass

    def after_backward(self) -> None:
        """Give the real weights back, with the gradient of the quantized ones."""
        with torch.no_grad():
            for each in self.weights.values():
                gradient = each.parameter.grad
                if gradient is not None:
                    each.parameter.grad = self._gradient(each, gradient) * each.mask
                each.parameter.copy_(each.exact)

    def after_step(self) -> None:
        """Keep the real weights, and quantize."""
        with torch.no_grad():
            for each in self.weights.values():
                each.parameter.mul_(each.mask)
                each.exact = each.parameter.detach().clone()
                rows = self._rows(each.exact)
                if each.step is None:
                    grid = self._grid(each)
                    found = dequantize(quantize(rows, grid), grid)
                else:
                    each.step.clamp_(min=1e-8)
                    found = step_quantize(rows, each.step, -each.high, each.high)
                each.parameter.copy_(found.reshape(each.exact.shape))

    def state(self) -> Mapping[str, Tensor]:
        exact = {f"exact.{name}": each.exact for name, each in self.weights.items()}
        steps = {f"step.{n}": e.step for n, e in self.weights.items() if e.step is not None}
        ends = {f"range.{name}": each.ends for name, each in self.ranges.items()}
        return {**exact, **steps, **ends}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, each in self.weights.items():
                each.parameter.copy_(tensors[f"exact.{name}"])
                if each.step is not None:
                    each.step.copy_(tensors[f"step.{name}"])
        for name, found in self.ranges.items():
            found.ends = tensors[f"range.{name}"]
        self.after_step()

    def result(self) -> dict[str, QuantizedWeight]:
        """The weights as `quantize` stores them."""
        return {
            name: QuantizedWeight(
                quantize(self._rows(each.exact), self._grid(each)),
                self._grid(each),
                tuple(each.exact.shape),
            )
            for name, each in self.weights.items()
        }

    def measured_ranges(self) -> dict[str, tuple[float, float]]:
        """The ranges of activations as training left them."""
        return {n: (float(r.ends[0]), float(r.ends[1])) for n, r in self.ranges.items()}

    def _rows(self, weight: Tensor) -> Tensor:
        return as_rows(weight.contiguous(), self.config.granularity, self.config.group_size)

    def _grid(self, each: _Weight) -> Grid:
        if each.step is None:
            return weight_grid(self._rows(each.exact), each.num_bits, self.config)
        step = each.step.detach().clone()
        return Grid(step, torch.zeros_like(step, dtype=torch.int32), -each.high, each.high)

    def _gradient(self, each: _Weight, gradient: Tensor) -> Tensor:
        rows, found = self._rows(each.exact), self._rows(gradient)
        if each.step is None:
            return (found * within(rows, self._grid(each))).reshape(gradient.shape)
        weight, each.step.grad = step_gradients(rows, each.step, -each.high, each.high, found)
        return weight.reshape(gradient.shape)
