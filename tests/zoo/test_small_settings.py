"""Small settings: one data file that tests and benchmarks share."""

import pytest
import torch

from featherweight.errors import InvalidArgumentError
from featherweight.zoo import create, parse, resolve, small_setting


def test_the_spec_builds_the_same_network_as_the_setting() -> None:
    setting = small_setting("mobilenet-v2")
    assert setting.spec == "mobilenet-v2:width=0.5"
    torch.manual_seed(3)
    ours = setting.build().state_dict()
    theirs = resolve(setting.spec, seed=3, shape=(1, 28, 28), num_classes=10).module.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_options_win() -> None:
    with torch.device("meta"):
        assert small_setting("resnet-18").build(num_classes=3).fc.out_features == 3


def test_a_spec_reads_back() -> None:
    name, options = parse(small_setting("shufflenet-v1").spec)
    with torch.device("meta"):
        create(name, **options)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="no small setting of 'lenet-9'"):
        small_setting("lenet-9")
