"""Squeeze and excite against its formula."""

import torch

from featherweight.nn import SqueezeExcite


def test_the_formula() -> None:
    torch.manual_seed(0)
    layer = SqueezeExcite(32, reduction=4)
    x = torch.randn(3, 32, 5, 7)
    mean = x.double().mean((2, 3))
    hidden = mean @ layer.squeeze.weight.double().flatten(1).T + layer.squeeze.bias.double()
    gate = hidden.relu() @ layer.excite.weight.double().flatten(1).T + layer.excite.bias.double()
    expected = x.double() * gate.sigmoid()[:, :, None, None]
    torch.testing.assert_close(layer(x).double(), expected, rtol=1e-5, atol=1e-6)


def test_sizes() -> None:
    layer = SqueezeExcite(64)
    assert layer.squeeze.weight.shape == (4, 64, 1, 1)
    assert layer.excite.weight.shape == (64, 4, 1, 1)
    assert SqueezeExcite(5).squeeze.out_channels == 1
