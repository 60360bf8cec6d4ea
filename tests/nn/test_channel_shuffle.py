"""Channel shuffle against its definition, and that it mixes groups."""

import pytest
import torch
from torch import nn

from featherweight.nn import ChannelShuffle, channel_shuffle


@pytest.mark.parametrize(("groups", "width"), [(1, 6), (2, 3), (3, 2), (4, 5)])
def test_channel_i_of_group_j_goes_to_place_j_of_block_i(groups: int, width: int) -> None:
    x = torch.randn(2, groups * width, 3, 5)
    y = channel_shuffle(x, groups)
    assert y.shape == x.shape
    for j in range(groups):
        for i in range(width):
            assert torch.equal(y[:, i * groups + j], x[:, j * width + i])


def test_shuffled_back_by_the_other_factor() -> None:
    x = torch.randn(2, 12, 4, 4)
    assert torch.equal(channel_shuffle(channel_shuffle(x, 3), 4), x)


def test_agrees_with_torch_and_takes_any_layout() -> None:
    x = torch.randn(2, 12, 4, 4)
    expected = nn.ChannelShuffle(3)(x)
    assert torch.equal(ChannelShuffle(3)(x), expected)
    assert torch.equal(ChannelShuffle(3)(x.to(memory_format=torch.channels_last)), expected)


def test_a_number_of_channels_that_does_not_divide_is_refused() -> None:
    with pytest.raises(RuntimeError):
        channel_shuffle(torch.zeros(1, 10, 2, 2), 4)
