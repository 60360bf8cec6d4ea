"""Single steps of Optimal Brain Damage's recursion against exact second derivatives."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import functional as autograd
from torch.nn import functional

from featherweight.functional import second_derivatives as rules


def diagonal(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The exact diagonal of a scalar function's Hessian, of x's shape."""
    hessian = autograd.hessian(lambda flat: function(flat.view(x.shape)), x.flatten())
    return hessian.diagonal().view(x.shape)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_outputs() -> None:
    outputs, target = random(1, 5), random(1, 5, seed=1)
    exact = diagonal(lambda y: 0.5 * (y - target).square().sum(), outputs)
    assert torch.allclose(rules.squared_error_output(outputs), exact)
    label = torch.tensor([2])
    exact = diagonal(lambda y: functional.cross_entropy(y, label), outputs)
    assert torch.allclose(rules.cross_entropy_output(outputs), exact)


def test_a_linear_layer() -> None:
    """E = sum c a^2 / 2 of a = W x: h_a = c, and both rules are exact."""
    weight, x, c = random(4, 6), random(3, 6, seed=1), random(3, 4, seed=2)

    def loss(weight: Tensor, x: Tensor) -> Tensor:
        return 0.5 * (c * (x @ weight.T).square()).sum()

    assert torch.allclose(rules.linear_weight(x, c), diagonal(lambda w: loss(w, x), weight))
    assert torch.allclose(rules.linear_input(weight, c), diagonal(lambda v: loss(weight, v), x))


@pytest.mark.parametrize(("stride", "groups"), [(2, 1), (2, 2), (3, 1)])
def test_a_convolution_whose_windows_do_not_overlap(stride: int, groups: int) -> None:
    x, weight = random(2, 4, 6, 6), random(6, 4 // groups, 2, 2, seed=1)
    options = {"stride": stride, "groups": groups}
    c = random(*functional.conv2d(x, weight, **options).shape, seed=2)

    def loss(weight: Tensor, x: Tensor) -> Tensor:
        return 0.5 * (c * functional.conv2d(x, weight, **options).square()).sum()

    found = rules.convolution_weight(x, weight, c, **options)
    assert torch.allclose(found, diagonal(lambda w: loss(w, x), weight))
    found = rules.convolution_input(x, weight, c, **options)
    assert torch.allclose(found, diagonal(lambda v: loss(weight, v), x))


@pytest.mark.parametrize(
    ("kind", "function"),
    [("relu", torch.relu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid)],
)
def test_an_activation_with_its_curvature(kind: str, function: Callable[[Tensor], Tensor]) -> None:
    a, slope, c = random(2, 7), random(2, 7, seed=1), random(2, 7, seed=2)

    def loss(z: Tensor) -> Tensor:
        return (slope * z + 0.5 * c * z.square()).sum()

    z = function(a)
    gradient = slope + c * z
    found = rules.activation_input(kind, a, c, gradient)
    assert torch.allclose(found, diagonal(lambda v: loss(function(v)), a))
    without = rules.activation_input(kind, a, c.abs())
    assert bool((without >= 0).all())


def test_pooling_and_reshapes_hand_on_what_they_chose() -> None:
    x, c = random(2, 3, 4, 4), random(2, 3, 2, 2, seed=1)

    def exact(pool: Callable[[Tensor], Tensor]) -> Tensor:
        return diagonal(lambda v: 0.5 * (c * pool(v).square()).sum(), x)

    def largest(v: Tensor) -> Tensor:
        return functional.max_pool2d(v, 2)

    def mean(v: Tensor) -> Tensor:
        return functional.avg_pool2d(v, 2)

    assert torch.allclose(rules.routed(largest, x, c), exact(largest))
    assert torch.allclose(rules.routed(mean, x, c, 0.25), exact(mean))
    flat = rules.routed(lambda v: v.flatten(1), x, c.repeat(1, 1, 2, 2).flatten(1))
    assert torch.equal(flat, c.repeat(1, 1, 2, 2))
