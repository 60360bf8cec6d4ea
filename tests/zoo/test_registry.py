"""Names and options of the zoo."""

import pytest
import torch
from torch import nn

from featherweight.errors import InvalidArgumentError
from featherweight.zoo import create, names, parse


def test_parse_reads_options_as_values() -> None:
    assert parse("lenet-5") == ("lenet-5", {})
    assert parse("lenet-5:num_classes=3,dropout=0.5") == (
        "lenet-5",
        {"num_classes": 3, "dropout": 0.5},
    )


@pytest.mark.parametrize("text", ["lenet-5:num_classes", "lenet-5:=3,dropout"])
def test_an_option_needs_a_value(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="must be key=value"):
        parse(text)


def test_an_unknown_network_is_refused_with_the_names() -> None:
    with pytest.raises(InvalidArgumentError, match=", ".join(names())):
        create("lenet-6")


def test_an_unknown_option_is_refused_with_the_options() -> None:
    with pytest.raises(InvalidArgumentError, match=r"'width'.*num_classes, in_channels"):
        create("lenet-5", width=2)


@pytest.mark.parametrize(
    ("name", "size"),
    [("alexnet", 24), ("alexnet-torchvision", 20), ("vgg-16", 7), ("mobilenet-v1", 7)],
)
def test_a_picture_that_is_too_small_is_refused(name: str, size: int) -> None:
    with pytest.raises(InvalidArgumentError, match=r"but got input_size=\d+"):
        create(name, input_size=size)


def test_a_seed_decides_the_weights() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return nn.utils.parameters_to_vector(create("lenet-5").parameters())

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))
