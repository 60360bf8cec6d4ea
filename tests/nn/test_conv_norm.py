"""Convolution, batch-norm, activation."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from featherweight.nn import ConvNorm


@pytest.mark.parametrize(("kernel", "stride", "groups"), [(1, 1, 1), (3, 2, 1), (3, 1, 4)])
def test_it_is_its_three_steps(kernel: int, stride: int, groups: int) -> None:
    torch.manual_seed(0)
    layer = ConvNorm(4, 8, kernel, stride, groups=groups).eval()
    layer.norm.running_mean.normal_()
    x = torch.randn(2, 4, 7, 7)
    y = functional.conv2d(
        x, layer.conv.weight, None, stride, padding=kernel // 2, groups=groups
    )  # fmt: skip
    expected = functional.relu(
        functional.batch_norm(
            y, layer.norm.running_mean, layer.norm.running_var, layer.norm.weight, layer.norm.bias
        )
    )
    assert torch.equal(layer(x), expected)
    assert layer(x).shape[2:] == (-(-7 // stride),) * 2


def test_no_activation_and_no_bias() -> None:
    layer = ConvNorm(4, 8, activation=None)
    assert [name for name, _ in layer.named_children()] == ["conv", "norm"]
    assert layer.conv.bias is None
    assert isinstance(ConvNorm(4, 8, activation=nn.ReLU6).act, nn.ReLU6)
