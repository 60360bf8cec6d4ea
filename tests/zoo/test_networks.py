"""The networks of the zoo: parameters, options, and torchvision's networks as oracles.

What every network must do is in `conformance/test_zoo_networks.py`.
"""

import pytest
import torch
from torch import nn

from featherweight.graph import capture
from featherweight.graph.torchvision_guard import torchvision
from featherweight.zoo import create, names, small_setting
from featherweight.zoo.registry import options_of

# Parameters with the default options, as the papers and Caffe's models have them.
PARAMETERS = {
    "alexnet": 60_965_224,
    "alexnet-torchvision": 61_100_840,
    "bi-real-resnet-18": 11_689_512,
    "efficientnet-lite0": 4_652_008,
    "googlenet": 6_998_552,
    "lenet-300-100": 266_610,
    "lenet-5": 431_080,
    "mobilenet-v1": 4_231_976,
    "mobilenet-v2": 3_504_872,
    "reactnet": 29_344_584,
    "resnet-18": 11_689_512,
    "shufflenet-v1": 1_865_728,
    "squeezenet-1.0": 1_248_424,
    "squeezenet-1.1": 1_235_496,
    "vgg-16": 138_357_544,
    "xnor-alexnet": 62_406_024,
    "xnor-lenet-5": 432_690,
}


def test_every_network_is_tested() -> None:
    assert names() == sorted(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        network = create(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_options(name: str) -> None:
    dropout = {"dropout": 0.25} if "dropout" in options_of(name) else {}
    with torch.device("meta"):
        network = create(name, num_classes=7, in_channels=2, **dropout)
    layers = list(network.modules())
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    weighted = [layer for layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)]
    dropouts = [layer for layer in layers if isinstance(layer, nn.Dropout)]
    assert weighted[-1].weight.shape[0] == 7
    assert not convolutions or convolutions[0].in_channels == 2
    assert bool(dropouts) == bool(dropout) and all(layer.p == 0.25 for layer in dropouts)


def test_only_alexnet_and_googlenet_normalise_by_neighbours() -> None:
    for name, expected in {"alexnet": 2, "googlenet": 2, "vgg-16": 0}.items():
        module = small_setting(name).build().eval()
        graph, _ = capture(module, torch.zeros(1, *small_setting(name).input))
        assert [node.operator for node in graph.nodes].count("LRN") == expected


def test_the_one_column_alexnet_has_torchvisions_names_and_bits() -> None:
    theirs = torchvision().models.alexnet(weights=None).eval()
    ours = create("alexnet-torchvision").eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mobilenet-v2", "mobilenet_v2"), ("resnet-18", "resnet18"), ("vgg-16", "vgg16"),
        ("squeezenet-1.0", "squeezenet1_0"), ("squeezenet-1.1", "squeezenet1_1"),
    ],
)  # fmt: skip
def test_torchvisions_network_gives_the_same_logits(name: str, theirs: str) -> None:
    """Its tensors come in the same order; SqueezeNet's last ReLU is not ours."""
    torch.manual_seed(0)
    small = {} if name == "vgg-16" else {"num_classes": 20}
    reference = getattr(torchvision().models, theirs)(weights=None, **small).eval()
    for layer in reference.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    ours = create(name, **small).eval()
    pairs = zip(ours.state_dict(), reference.state_dict().values(), strict=True)
    ours.load_state_dict(dict(pairs))
    # torchvision's VGG-16 averages to 7x7 before fc6, which is without effect at 224 pixels only.
    side = 224 if name == "vgg-16" else 96
    x = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected, got = reference(x), ours(x)
    if name.startswith("squeezenet"):
        assert float((expected > 0).float().mean()) > 0.1
        got = nn.functional.adaptive_avg_pool2d(torch.relu(ours.conv10(features(ours, x))), 1)
        got = got.flatten(1)
    assert torch.equal(got, expected)


def features(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What conv10 of SqueezeNet sees."""
    seen: list[torch.Tensor] = []
    handle = network.conv10.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(x)
    handle.remove()
    return seen[0]


def test_resnet_18_takes_torchvisions_state_dict() -> None:
    reference = torchvision().models.resnet18(weights=None)
    create("resnet-18").load_state_dict(reference.state_dict())


def test_mobilenet_v1_variants() -> None:
    with torch.device("meta"):
        full, shallow = (create("mobilenet-v1", **{key: value}) for key, value in (
            ("separable", False), ("shallow", True)))  # fmt: skip
    assert len(full.blocks) == 13 and len(shallow.blocks) == 8
    assert not any(m.groups > 1 for m in full.modules() if isinstance(m, nn.Conv2d))
