"""Every network of the zoo: parameters as published, shapes, gradients, and capture."""

import pytest
import torch
from torch import nn

from featherweight.graph import capture, rebuild
from featherweight.graph.torchvision_guard import torchvision
from featherweight.zoo import create, names

# Parameters with the default options, as the papers and Caffe's models have them.
PARAMETERS = {
    "alexnet": 60_965_224,
    "alexnet-torchvision": 61_100_840,
    "lenet-300-100": 266_610,
    "lenet-5": 431_080,
    "vgg-16": 138_357_544,
}

# Options and picture side at which a network is small enough for a quick test.
SMALL = {
    "alexnet": ({"input_size": 67}, 67),
    "alexnet-torchvision": ({}, 224),
    "lenet-300-100": ({}, 28),
    "lenet-5": ({}, 28),
    "vgg-16": ({"input_size": 32}, 32),
}


def test_every_network_is_tested() -> None:
    assert names() == sorted(PARAMETERS) == sorted(SMALL)


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        network = create(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_options(name: str) -> None:
    with torch.device("meta"):
        network = create(name, num_classes=7, in_channels=2, dropout=0.25)
    layers = list(network.modules())
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    dropouts = [layer for layer in layers if isinstance(layer, nn.Dropout)]
    assert linear[-1].out_features == 7
    assert not convolutions or convolutions[0].in_channels == 2
    assert dropouts and all(layer.p == 0.25 for layer in dropouts)


@pytest.mark.parametrize("name", SMALL)
def test_forward_gradient_and_capture(name: str) -> None:
    options, side = SMALL[name]
    torch.manual_seed(0)
    network = create(name, num_classes=4, dropout=0.0, **options)
    channels = next(
        (m.in_channels for m in network.modules() if isinstance(m, nn.Conv2d)), 1
    )  # fmt: skip
    x = torch.randn(2, channels, side, side)
    logits = network(x)
    assert logits.shape == (2, 4)
    assert bool(logits.isfinite().all())
    logits.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())
    graph, tensors = capture(network, x[:1])
    weights = {name for name, _ in network.named_parameters()}
    assert weights == {name for name in tensors if not name.isdigit()}
    with torch.no_grad():
        assert torch.equal(rebuild(graph, tensors)(x), network.eval()(x))
    assert [n.operator for n in graph.nodes].count("LRN") == (2 if name == "alexnet" else 0)


def test_the_one_column_alexnet_has_torchvisions_names_and_bits() -> None:
    theirs = torchvision().models.alexnet(weights=None).eval()
    ours = create("alexnet-torchvision").eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))
