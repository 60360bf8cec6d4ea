"""Diagonal second derivatives, back through one operator at a time.

LeCun, Denker & Solla 1989, "Optimal Brain Damage", equations 5 to 8. With a = W x + b, z = f(a) and
h_v the second derivative of the error E with respect to a value v:

    h_w(k,i) = h_a(k) x_i^2              h_x(i) = sum_k w(k,i)^2 h_a(k)
    h_a      = f'(a)^2 h_z + f''(a) dE/dz

Off-diagonal terms are dropped: the values of one layer are treated as if they did not meet again
further on. That is exact for squared error, a linear output and one hidden layer, f'' included; it
is an approximation after that, and at the positions that share a convolution's weight. Leaving out
the term with f'' (Levenberg-Marquardt) keeps every h positive.

All values are of a batch: the first dimension is the sample, and nothing is summed over it but a
weight's derivative.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional, grad


def squared_error_output(outputs: Tensor) -> Tensor:
    """h of the outputs for E = sum (output - target)^2 / 2: one everywhere."""
    return torch.ones_like(outputs)


def cross_entropy_output(outputs: Tensor) -> Tensor:
    """h of the logits for E = cross-entropy after softmax: p (1 - p)."""
    share = outputs.softmax(-1)
    return share * (1.0 - share)


def linear_input(weight: Tensor, h: Tensor) -> Tensor:
    """h_x of a linear layer: [N, ..., in] from h_a [N, ..., out] and weight [out, in]."""
    return h @ weight.square()


def linear_weight(x: Tensor, h: Tensor) -> Tensor:
    """h_w of a linear layer [out, in], summed over all samples."""
    return h.flatten(0, -2).T @ x.flatten(0, -2).square()


def convolution_input(x: Tensor, weight: Tensor, h: Tensor, **options: object) -> Tensor:
    """h_x of a convolution [N, C, H, W]: each weight squared."""
    return grad.conv2d_input(x.shape, weight.square(), h, **options)  # type: ignore[no-any-return, no-untyped-call]


def convolution_weight(x: Tensor, weight: Tensor, h: Tensor, **options: object) -> Tensor:
    """h_w of a convolution, of the weight's shape: summed over samples and positions."""
    return grad.conv2d_weight(x.square(), weight.shape, h, **options)  # type: ignore[no-any-return, no-untyped-call]


def routed(
    operator: Callable[[Tensor], Tensor], x: Tensor, h: Tensor, scale: float = 1.0
) -> Tensor:
    """h_x of an operator that hands on some inputs, each times `scale`: a reshape, a pooling.

    A factor c in the first derivative is c^2 in the second.
    """
    with torch.enable_grad():
        start = x.detach().requires_grad_()
        (back,) = torch.autograd.grad(operator(start), start, h)
    return back * scale


def activation_input(kind: str, a: Tensor, h: Tensor, gradient: Tensor | None = None) -> Tensor:
    """h_a from h_z through z = f(a).

    Args:
        kind: relu, tanh or sigmoid.
        gradient: dE/dz; without, the term with f'' is left out.
    """
    first, second = _DERIVATIVES[kind](a)
    result = first.square() * h
    return result if gradient is None else result + second * gradient


def _relu(a: Tensor) -> tuple[Tensor, Tensor]:
    return (a > 0).to(a.dtype), torch.zeros_like(a)


def _tanh(a: Tensor) -> tuple[Tensor, Tensor]:
    z = a.tanh()
    return 1 - z * z, -2 * z * (1 - z * z)


def _sigmoid(a: Tensor) -> tuple[Tensor, Tensor]:
    z = functional.sigmoid(a)
    return z * (1 - z), z * (1 - z) * (1 - 2 * z)


_DERIVATIVES: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "relu": _relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
}
ACTIVATIONS = frozenset(_DERIVATIVES)
