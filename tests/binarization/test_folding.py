"""Norms behind binary layers: where training puts them, and that nothing of them is left."""

import pytest
import torch
from torch import nn

from featherweight.binarization import binarize, binary_layers, fold_norms
from featherweight.nn import NormedUnit
from featherweight.zoo import small_setting
from randomised import randomise


def norms(module: nn.Module) -> list[str]:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    return [name for name, layer in module.named_modules() if isinstance(layer, kinds)]


def test_norms_are_added_where_there_are_none() -> None:
    network = small_setting("lenet-5").build()
    assert not norms(binarize(network, "bwn"))
    converted = binarize(network, "bwn", norms=True)
    assert isinstance(converted.conv2, NormedUnit) and isinstance(converted.ip1, NormedUnit)
    assert norms(converted) == ["conv2.norm", "ip1.norm"]
    resnet = small_setting("resnet-18").build()
    assert norms(binarize(resnet, "bwn", norms=True)) == norms(resnet)


@pytest.mark.parametrize(
    ("name", "scheme", "left"),
    [
        ("lenet-5", "bwn", []),
        ("lenet-5", "reactnet", []),
        ("lenet-5", "xnor", ["conv2.norm", "ip1.norm"]),  # they stand before the sign
        ("resnet-18", "bi-real", ["bn1", *[f"layer{i}.0.downsample.1" for i in (2, 3, 4)]]),
        ("alexnet", "bwn", []),
    ],
)
def test_folded_it_computes_the_same(name: str, scheme: str, left: list[str]) -> None:
    torch.manual_seed(0)
    setting = small_setting(name)
    network = binarize(randomise(setting.build()), scheme, norms=True).double().eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, -1, 1)
            nn.init.uniform_(layer.bias, -0.1, 0.1)
    x = torch.randn(2, *setting.input, dtype=torch.double)
    with torch.no_grad():
        expected = network(x)
        folded = fold_norms(network)
        torch.testing.assert_close(folded(x), expected, rtol=1e-9, atol=1e-12)
    assert norms(folded) == left
    if scheme != "xnor":
        for layer in binary_layers(folded).values():
            assert layer.get_parameter("weight").abs().unique().tolist() == [1.0]
            assert layer.alpha is not None and layer.alpha.dtype == torch.double


def test_a_norm_that_others_read_past_stays() -> None:
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.layer(x)
            return self.norm(y) + y  # type: ignore[no-any-return]

    converted = binarize(Skipping().eval(), "bwn", keep_first_last=False)
    assert norms(fold_norms(converted)) == ["norm"]
