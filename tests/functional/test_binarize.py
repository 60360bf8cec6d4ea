"""Signs, scales and their gradients against closed forms."""

import pytest
import torch
import torch.nn.functional as F

from featherweight.functional.binarize import (
    Surrogate,
    binary_conv2d,
    binary_linear,
    filter_scales,
    input_scales,
    sign,
    smooth_sign,
)


def test_zero_and_nan_are_positive() -> None:
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0, float("nan")])
    assert sign(x).tolist() == [-1, 1, 1, 1, 1]


def test_gradient_passes_where_the_input_is_at_most_one() -> None:
    x = torch.tensor([-1.5, -1.0, -0.3, 0.0, 1.0, 1.1], requires_grad=True)
    (sign(x) * torch.arange(1.0, 7.0)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 0]


@pytest.mark.parametrize("surrogate", ["clip", "polynomial"])
def test_gradients_are_the_slopes_of_the_surrogate(surrogate: Surrogate) -> None:
    """Against central differences of f in float64, away from its corners at -1 and 1."""
    x = torch.linspace(-1.5, 1.5, 61, dtype=torch.double)
    x = x[((x.abs() - 1).abs() > 1e-3) & (x.abs() > 1e-3)].requires_grad_()
    step = 1e-5
    ahead, behind = smooth_sign(x + step, surrogate), smooth_sign(x - step, surrogate)
    slopes = ((ahead - behind) / (2 * step)).detach()
    for function in (sign, smooth_sign):
        (gradient,) = torch.autograd.grad(function(x, surrogate).sum(), x)
        torch.testing.assert_close(gradient, slopes, rtol=0, atol=1e-8)
    ends = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], dtype=torch.double)
    assert smooth_sign(ends, surrogate).tolist() == [-1, -1, 0, 1, 1]


def test_alpha_is_the_best_scale() -> None:
    weight = torch.randn(5, 3, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    alpha, signs = filter_scales(weight), sign(weight)

    def error(scale: torch.Tensor) -> torch.Tensor:
        return (weight - scale[:, None, None, None] * signs).square().sum()

    least = error(alpha)
    # ||W||^2 - n alpha^2 is the error at the optimum.
    torch.testing.assert_close(least, weight.square().sum() - 12 * alpha.square().sum())
    assert error(alpha + 1e-3) > least < error(alpha - 1e-3)


def test_scale_map_is_the_mean_over_each_window() -> None:
    x = torch.randn(2, 4, 7, 9, generator=torch.Generator().manual_seed(1))
    scales = input_scales(x, (3, 2), stride=(2, 1), pads=(1, 0, 1, 0))
    windows = F.unfold(F.pad(x.abs(), (0, 0, 1, 1)), (3, 2), stride=(2, 1))
    torch.testing.assert_close(scales.flatten(1), windows.mean(1))


def test_scale_map_and_dilation() -> None:
    x = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(2))
    scales = input_scales(x, (2, 2), dilation=(3, 2))
    windows = F.unfold(x.abs(), (2, 2), dilation=(3, 2))
    torch.testing.assert_close(scales.flatten(1), windows.mean(1))


def test_padding_is_positive() -> None:
    x = -torch.ones(1, 1, 1, 1)
    y = binary_conv2d(x, torch.full((1, 1, 3, 3), 0.5), pads=(1, 1, 1, 1))
    assert y.item() == (8 - 1) * 0.5


def test_binary_weights_alone_are_a_convolution_with_alpha_times_signs() -> None:
    random = torch.Generator().manual_seed(3)
    x, weight = torch.randn(2, 3, 5, 5, generator=random), torch.randn(4, 3, 3, 3, generator=random)
    bias = torch.randn(4, generator=random)
    approximate = filter_scales(weight)[:, None, None, None] * sign(weight)
    ours = binary_conv2d(x, weight, bias=bias, pads=(1, 1, 1, 1), binary_input=False)
    torch.testing.assert_close(ours, F.conv2d(x, approximate, bias, padding=1))


def test_linear_is_a_convolution_of_one_pixel() -> None:
    random = torch.Generator().manual_seed(4)
    x, weight = torch.randn(3, 20, generator=random), torch.randn(5, 20, generator=random)
    for binary_input, scale_map in ((True, True), (True, False), (False, False)):
        conv = binary_conv2d(
            x[:, :, None, None], weight[:, :, None, None],
            binary_input=binary_input, scale_map=scale_map,
        )  # fmt: skip
        linear = binary_linear(x, weight, binary_input=binary_input, scale_map=scale_map)
        torch.testing.assert_close(linear, conv.flatten(1))


def test_weight_gradient_is_that_of_signs_and_of_alpha() -> None:
    weight = torch.tensor([[0.5, -2.0, 0.25]], requires_grad=True)
    x = torch.tensor([[1.0, 1.0, -1.0]])
    y = binary_linear(x, weight)  # alpha * (1 - 1 - 1) with alpha = 2.75 / 3
    y.sum().backward()
    assert weight.grad is not None
    alpha, through_alpha = 2.75 / 3, -1 * torch.tensor([[1.0, -1.0, 1.0]]) / 3
    through_sign = alpha * torch.tensor([[1.0, 0.0, -1.0]])
    torch.testing.assert_close(weight.grad, through_sign + through_alpha)
