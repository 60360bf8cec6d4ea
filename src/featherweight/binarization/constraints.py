"""What holds while binary networks are trained: real weights beside the binary ones, clipped.

Courbariaux, Bengio & David 2015, "BinaryConnect", arXiv 1511.00363, Algorithm 1: the binary weights
are what the network computes with, forward and backward; the step goes to the real ones, in which
small gradients add up; and they are clipped, since beyond the limit they change nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from featherweight.binarization.convert import binary_layers
from featherweight.functional.binarize import sign


class ClippedWeights:
    """Keeps the real weights of binary layers in [-1, 1] (a `Constraint`).

    Beyond, the sign passes no gradient: a weight that went there would stay.
    """

    def __init__(self, module: nn.Module) -> None:
        self.weights = [layer.get_parameter("weight") for layer in binary_layers(module).values()]
        self.after_step()

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        return list(module.parameters())

    def before_step(self, progress: float) -> None:
        pass

    def after_backward(self) -> None:
        pass

    def after_step(self) -> None:
        with torch.no_grad():
            for weight in self.weights:
                weight.clamp_(-1.0, 1.0)

    def state(self) -> Mapping[str, Tensor]:
        return {}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        pass


class BinaryConnect:
    """Holds the named weights of ordinary layers at -H or +H while they are trained.

    H is Glorot's sqrt(1.5 / (fan_in + fan_out)), which the paper scales its learning rates with,
    rounded to a power of two, so that +-H is a sign times an exact alpha: the paper's own +-1 would
    need a batch-norm behind every layer. The real weights are clipped to [-H, H]. Between steps
    the module has the binary weights; the real ones are in `real`.
    """

    def __init__(self, module: nn.Module, names: Iterable[str]) -> None:
        parameters = dict(module.named_parameters())
        self.weights = {name: parameters[name] for name in names}
        self.limits = {name: glorot_scale(weight) for name, weight in self.weights.items()}
        self.real = {name: w.detach().clone() for name, w in self.weights.items()}
        self._clip_and_show()

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        return list(module.parameters())

    def before_step(self, progress: float) -> None:
        pass

    def after_backward(self) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(self.real[name])

    def after_step(self) -> None:
        for name, weight in self.weights.items():
            self.real[name] = weight.detach().clone()
        self._clip_and_show()

    def state(self) -> Mapping[str, Tensor]:
        return dict(self.real)

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.real = {name: tensors[name].clone() for name in self.weights}
        self._clip_and_show()

    def _clip_and_show(self) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                limit = self.limits[name]
                self.real[name].clamp_(-limit, limit)
                weight.copy_(limit * sign(self.real[name]))


def glorot_scale(weight: Tensor) -> float:
    """sqrt(1.5 / (fan_in + fan_out)) of a weight [out, in, ...], to the nearest power of two."""
    window = weight[0, 0].numel()
    fans = (weight.shape[0] + weight.shape[1]) * window
    return float(2.0 ** round(0.5 * math.log2(1.5 / fans)))
