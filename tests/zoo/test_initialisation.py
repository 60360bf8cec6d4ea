"""Fresh weights have the variance that He et al. derive."""

import math

import pytest
import torch
from torch import nn

from featherweight.zoo.initialisation import initialise


@pytest.mark.parametrize(
    ("layer", "fan", "expected"),
    [
        (nn.Conv2d(64, 128, 3), "fan_out", 128 * 9),
        (nn.Conv2d(64, 128, 3), "fan_in", 64 * 9),
        (nn.Conv2d(512, 512, 3, groups=512), "fan_out", 9),
        (nn.Conv2d(120, 240, 3, groups=3), "fan_in", 40 * 9),
    ],
)
def test_variance_of_a_convolution(layer: nn.Conv2d, fan: str, expected: int) -> None:
    torch.manual_seed(0)
    initialise(layer, fan)  # type: ignore[arg-type]
    assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / expected), rel=0.05)
    assert not layer.bias.any()


def test_norms_and_linear_layers() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(100, 100), nn.BatchNorm2d(100))
    initialise(network)
    assert float(network[0].weight.detach().std()) == pytest.approx(0.01, rel=0.05)
    assert not network[0].bias.any()
    assert bool((network[1].weight == 1).all()) and not network[1].bias.any()
