"""The networks by name, with options: ``lenet-5``, ``lenet-5:num_classes=3,dropout=0.5``."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import yaml
from torch import nn

from featherweight.errors import InvalidArgumentError
from featherweight.zoo.alexnet import AlexNet, AlexNetTorchvision
from featherweight.zoo.bi_real_resnet_18 import BiRealResNet18
from featherweight.zoo.efficientnet_lite0 import EfficientNetLite0
from featherweight.zoo.googlenet import GoogLeNet
from featherweight.zoo.lenet_5 import LeNet5
from featherweight.zoo.lenet_300_100 import LeNet300100
from featherweight.zoo.mobilenet_v1 import MobileNetV1
from featherweight.zoo.mobilenet_v2 import MobileNetV2
from featherweight.zoo.reactnet import ReActNet
from featherweight.zoo.resnet_18 import ResNet18
from featherweight.zoo.shufflenet_v1 import ShuffleNetV1
from featherweight.zoo.squeezenet import SqueezeNet10, SqueezeNet11
from featherweight.zoo.vgg_16 import VGG16
from featherweight.zoo.xnor_alexnet import XnorAlexNet
from featherweight.zoo.xnor_lenet_5 import XnorLeNet5


@dataclass(frozen=True)
class ZooEntry:
    """One architecture: how it is built, what it takes, where it was published."""

    name: str
    build: Callable[..., nn.Module]
    input_shape: tuple[int, int, int]
    """(channels, height, width) of the paper."""
    paper: str


_ENTRIES = {
    entry.name: entry
    for entry in (
        ZooEntry("alexnet", AlexNet, (3, 227, 227), "Krizhevsky et al. 2012"),
        ZooEntry("alexnet-torchvision", AlexNetTorchvision, (3, 224, 224), "arXiv 1404.5997"),
        ZooEntry("bi-real-resnet-18", BiRealResNet18, (3, 224, 224), "arXiv 1808.00278"),
        ZooEntry("efficientnet-lite0", EfficientNetLite0, (3, 224, 224), "arXiv 1905.11946"),
        ZooEntry("googlenet", GoogLeNet, (3, 224, 224), "arXiv 1409.4842"),
        ZooEntry("lenet-300-100", LeNet300100, (1, 28, 28), "LeCun et al. 1998"),
        ZooEntry("lenet-5", LeNet5, (1, 28, 28), "LeCun et al. 1998"),
        ZooEntry("mobilenet-v1", MobileNetV1, (3, 224, 224), "arXiv 1704.04861"),
        ZooEntry("mobilenet-v2", MobileNetV2, (3, 224, 224), "arXiv 1801.04381"),
        ZooEntry("reactnet", ReActNet, (3, 224, 224), "arXiv 2003.03488"),
        ZooEntry("resnet-18", ResNet18, (3, 224, 224), "arXiv 1512.03385"),
        ZooEntry("shufflenet-v1", ShuffleNetV1, (3, 224, 224), "arXiv 1707.01083"),
        ZooEntry("squeezenet-1.0", SqueezeNet10, (3, 224, 224), "arXiv 1602.07360"),
        ZooEntry("squeezenet-1.1", SqueezeNet11, (3, 224, 224), "arXiv 1602.07360"),
        ZooEntry("vgg-16", VGG16, (3, 224, 224), "arXiv 1409.1556"),
        ZooEntry("xnor-alexnet", XnorAlexNet, (3, 227, 227), "arXiv 1603.05279"),
        ZooEntry("xnor-lenet-5", XnorLeNet5, (1, 28, 28), "arXiv 1603.05279"),
    )
}


def names() -> list[str]:
    """The names of all networks, sorted."""
    return sorted(_ENTRIES)


def entry(name: str) -> ZooEntry:
    """The entry of a network.

    Raises:
        InvalidArgumentError: there is no such network.
    """
    if name not in _ENTRIES:
        raise InvalidArgumentError(
            f"there is no network {name!r} in the zoo: it has {', '.join(names())}."
        )
    return _ENTRIES[name]


def parse(text: str) -> tuple[str, dict[str, object]]:
    """Split ``name:key=value,...`` into the name and its options, values read as YAML scalars.

    Raises:
        InvalidArgumentError: an option is not of the form key=value.
    """
    name, _, rest = text.partition(":")
    options: dict[str, object] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise InvalidArgumentError(
                f"an option of a network must be key=value, but got {part!r} in {text!r}."
            )
        options[key.strip()] = yaml.safe_load(value)
    return name, options


def options_of(name: str) -> list[str]:
    """The options that a network takes."""
    return list(inspect.signature(entry(name).build).parameters)


def create(name: str, **options: object) -> nn.Module:
    """Build a network with fresh weights from torch's current generator.

    Raises:
        InvalidArgumentError: there is no such network, or it has no such option.
    """
    known = options_of(name)
    for option in options:
        if option not in known:
            raise InvalidArgumentError(
                f"network {name!r} has no option {option!r}: it takes {', '.join(known)}."
            )
    return entry(name).build(**options)
