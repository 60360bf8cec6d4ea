"""Convolution without bias, batch normalization, and an activation: one step of most networks."""

from collections import OrderedDict

from torch import nn


class ConvNorm(nn.Sequential):
    """[N, in_channels, H, W] to [N, out_channels, ceil(H / stride), ceil(W / stride)].

    Its layers are `conv`, `norm` and, unless `activation` is None, `act`. The padding keeps the
    size at a stride of 1, for an odd kernel size.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        activation: type[nn.Module] | None = nn.ReLU,
    ) -> None:
        convolution = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        )
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv=convolution, norm=nn.BatchNorm2d(out_channels)
        )
        if activation is not None:
            layers["act"] = activation()
        super().__init__(layers)
