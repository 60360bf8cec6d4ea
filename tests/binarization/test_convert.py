"""Which layers become binary, what stands in their place, and what is taken out between them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featherweight.binarization import SCHEMES, binarize, binary_candidates, binary_layers
from featherweight.errors import InvalidArgumentError
from featherweight.functional.binarize import filter_scales, input_scales, sign
from featherweight.nn import BiRealUnit, Grouped, XnorUnit
from featherweight.zoo import small_setting


class Chain(nn.Module):
    """Four convolutions and a Linear, with norm, ReLU and pool between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.third = nn.Conv2d(8, 16, 3, stride=2)
        self.third_norm = nn.BatchNorm2d(16)
        self.depthwise = nn.Conv2d(16, 16, 1, groups=16)
        self.last = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first_norm(self.first(x)))
        x = self.pool(self.relu(self.second_norm(self.second(x))))
        x = F.relu(self.third_norm(self.third(x)))
        return self.last(self.depthwise(x).mean((2, 3)))  # type: ignore[no-any-return]


def chain() -> Chain:
    torch.manual_seed(0)
    return Chain()


def calls(module: nn.Module) -> list[str]:
    """The modules that are called, in order."""
    seen: list[str] = []
    for name, layer in module.named_modules():
        if name and not list(layer.children()):
            layer.register_forward_hook(lambda *_, name=name: seen.append(name))
    module.eval()(torch.randn(1, 1, 12, 12))
    return seen


def test_first_last_and_depthwise_stay_real() -> None:
    network = chain()
    assert binary_candidates(network, "bwn") == ["second", "third"]
    every = binary_candidates(network, "bwn", keep_first_last=False)
    assert every == ["first", "second", "third", "last"]
    converted = binarize(network, "bwn", keep_first_last=False)
    assert list(binary_layers(converted)) == every
    assert list(binary_layers(binarize(network, "bwn", ["third"]))) == ["third"]
    assert not binary_layers(network)


def test_order_is_that_of_the_calls() -> None:
    class Reversed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c, self.b, self.a = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.c(self.b(self.a(x)))  # type: ignore[no-any-return]

    assert binary_candidates(Reversed(), "bwn", keep_first_last=False) == ["a", "b", "c"]


def test_bwn_is_the_network_with_alpha_times_signs() -> None:
    network = chain().eval()
    x = torch.randn(2, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    converted = binarize(network, "bwn").eval()
    with torch.no_grad():
        for layer in (network.second, network.third):
            alpha = filter_scales(layer.weight)[:, None, None, None]
            layer.weight.copy_(alpha * sign(layer.weight))
    torch.testing.assert_close(converted(x), network(x))


def test_xnor_blocks_are_norm_sign_convolution_pool() -> None:
    """The second's norm and ReLU go: the third's own norm and sign come after the pool."""
    converted = binarize(chain(), "xnor")
    assert isinstance(converted.second, XnorUnit)
    assert calls(converted) == [
        "first", "first_norm", "relu", "second.norm", "second.conv", "pool",
        "third.norm", "third.conv", "third_norm", "depthwise", "last",
    ]  # fmt: skip


def test_xnor_unit_is_the_paper_s_formula() -> None:
    unit = binarize(chain(), "xnor").second.eval()
    with torch.no_grad():
        unit.norm.running_mean.uniform_(-1, 1)
        unit.norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(2))
    normed = unit.norm(x)
    weight = unit.conv.weight
    signs = F.conv2d(F.pad(sign(normed), (1, 1, 1, 1), value=1.0), sign(weight))
    scale = input_scales(normed, (3, 3), pads=(1, 1, 1, 1))
    expected = signs * scale * filter_scales(weight)[:, None, None] + unit.conv.bias[:, None, None]
    torch.testing.assert_close(unit(x), expected)


def test_bi_real_units_add_their_input_and_no_relu_stands_before_them() -> None:
    converted = binarize(chain(), "bi-real")
    assert isinstance(converted.second, BiRealUnit)
    assert converted.second.shortcut is not None and converted.third.shortcut is None
    assert calls(converted) == [
        "first", "first_norm", "second.shift", "second.conv", "second.norm",
        "second.shortcut", "second.act", "pool",
        "third.shift", "third.conv", "third.norm", "third.act", "depthwise", "last",
    ]  # fmt: skip
    x = torch.randn(1, 8, 5, 5, generator=torch.Generator().manual_seed(3))
    unit = converted.second.eval()
    torch.testing.assert_close(unit(x), unit.norm(unit.conv(x)) + x)


def test_reactnet_has_its_own_relu() -> None:
    """F.relu behind the third unit goes too; with Bi-Real it stays, a real layer being next."""
    x = torch.randn(1, 8, 5, 5, generator=torch.Generator().manual_seed(3))
    unit = binarize(chain(), "reactnet").second.eval()
    with torch.no_grad():
        for parameter in (unit.shift.shift, unit.act[0].shift, unit.act[2].shift):
            parameter.uniform_(-1, 1)
    before, slope, after = (unit.act[i] for i in range(3))
    y = unit.norm(unit.conv(x + unit.shift.shift[:, None, None])) + x
    y = y + before.shift[:, None, None]
    y = torch.where(y > 0, y, slope.weight[:, None, None] * y) + after.shift[:, None, None]
    torch.testing.assert_close(unit(x), y)
    assert "relu" not in binarize(chain(), "reactnet").code
    assert "relu" in binarize(chain(), "bi-real").code


def test_a_residual_network_keeps_its_own_shortcuts() -> None:
    network = small_setting("resnet-18").build()
    converted = binarize(network, "bi-real")
    units = {n: m for n, m in converted.named_modules() if isinstance(m, BiRealUnit)}
    assert "layer2.0.downsample.0" not in units
    assert units["layer1.0.conv1"].shortcut is not None
    assert units["layer1.0.conv2"].shortcut is units["layer2.0.conv1"].shortcut is None
    names = set(dict(converted.named_modules()))
    assert {"layer2.0.downsample.1", "bn1"} <= names and "layer1.0.bn2" not in names
    assert {"layer1.0.bn2"} <= set(dict(binarize(network, "xnor").named_modules()))


def test_grouped_convolution_is_one_layer_a_group() -> None:
    layer = nn.Conv2d(6, 4, 3, padding=1, groups=2)
    grouped = binarize(nn.Sequential(layer), "bwn", keep_first_last=False)
    assert isinstance(grouped[0], Grouped)
    x = torch.randn(2, 6, 5, 5, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        layer.weight.copy_(filter_scales(layer.weight)[:, None, None, None] * sign(layer.weight))
    torch.testing.assert_close(grouped(x), layer(x))


class Branching(nn.Module):
    """Its calls depend on the data, so they cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.a(x)) if x.sum() > 0 else self.a(x))  # type: ignore[no-any-return]


def test_a_network_whose_calls_cannot_be_read() -> None:
    assert isinstance(binarize(Branching(), "xnor").b, XnorUnit)
    with pytest.raises(InvalidArgumentError, match="depends on the data"):
        binarize(Branching(), "reactnet")


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(InvalidArgumentError, match=r"`scheme` must be one of .*xnor.*'ternary'"):
        binarize(chain(), "ternary")
    with pytest.raises(InvalidArgumentError, match="first, second, third, last, but got depthwise"):
        binarize(chain(), "bwn", ["depthwise"])
    with pytest.raises(InvalidArgumentError, match="but got none"):
        binarize(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "bwn")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_parameter_gets_a_gradient(scheme: str) -> None:
    converted = binarize(chain(), scheme).train()
    converted(torch.randn(8, 1, 12, 12)).square().mean().backward()
    without = [n for n, p in converted.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without
