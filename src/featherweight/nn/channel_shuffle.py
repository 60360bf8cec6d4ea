"""Channel shuffle: let information cross between the groups of grouped convolutions.

Zhang, Zhou, Lin & Sun 2017, "ShuffleNet", arXiv 1707.01083, figure 1: channel i of group j goes to
place j of block i, so that each group of the next convolution sees all groups of this one.
"""

from torch import Tensor, nn


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """[N, groups * C, H, W] to the same shape; channel j * C + i goes to i * groups + j."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).reshape(batch, channels, height, width)


class ChannelShuffle(nn.Module):
    """`channel_shuffle` as a layer; the number of channels must be a multiple of `groups`."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
