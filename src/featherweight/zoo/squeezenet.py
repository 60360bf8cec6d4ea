"""SqueezeNet 1.0 and 1.1: AlexNet's accuracy with a fiftieth of its parameters.

Iandola, Han, Moskewicz, Ashraf, Dally & Keutzer 2016, "SqueezeNet: AlexNet-level accuracy with 50x
fewer parameters and <0.5MB model size", arXiv 1602.07360, Table 1; version 1.1 is the authors'
later network, which needs 2.4 times fewer multiply-adds.

| layers of 1.0 (stride) | output at 224x224 | parameters |
|---|---|---|
| conv1 7x7 (2), max pool 3x3 (2) | 96x54x54 | 14,208 |
| fire2, fire3, fire4, max pool (2) | 256x27x27 | 11,920 + 12,432 + 45,344 |
| fire5 to fire8, max pool (2) | 512x13x13 | 49,440 + 104,880 + 111,024 + 188,992 |
| fire9, dropout | 512x13x13 | 197,184 |
| conv10 1x1, global average pool | 1000 | 513,000 |

Version 1.1 has a conv1 of 64 3x3 filters and pools after conv1, fire3 and fire5. A fire module
squeezes its input by a 1x1 convolution and expands it by 1x1 and 3x3 ones, side by side. ReLU after
every convolution; convolutions and pools of stride 2 are not padded, pools round up.

What we changed: weights start as in He et al. (arXiv 1502.01852); no ReLU after conv10, so that
logits may be negative; `width` scales all channels; small pictures (`halving_strides`, counting one
halving more than there are, for what the windows without padding take).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels

_SQUEEZED = (16, 16, 32, 32, 48, 48, 64, 64)
"""Squeeze channels of fire2 to fire9; each expands them fourfold twice."""


class SqueezeNet(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]."""

    def __init__(
        self,
        stem: tuple[int, int],
        pooled: Iterable[int],
        *,
        num_classes: int,
        in_channels: int,
        input_size: int,
        width: float,
        dropout: float,
    ) -> None:
        """Build a version.

        Args:
            stem: output channels and kernel size of conv1.
            pooled: the fire modules (2 to 9) that a max pool comes after.
        """
        super().__init__()
        stride = halving_strides(input_size, 5)[0]
        channels = scaled_channels(stem[0], width)
        self.conv1 = nn.Conv2d(in_channels, channels, stem[1], stride)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pooled = frozenset(pooled)
        for index, squeezed in enumerate(_SQUEEZED, start=2):
            fire = Fire(channels, scaled_channels(squeezed, width))
            self.add_module(f"fire{index}", fire)
            channels = fire.out_channels
        self.drop = nn.Dropout(dropout)
        self.conv10 = nn.Conv2d(channels, num_classes, kernel_size=1)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        initialise(self, "fan_in")
        nn.init.normal_(self.conv10.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(x)))  # [N, 96, 54, 54]
        for index in range(2, 10):
            x = self.get_submodule(f"fire{index}")(x)
            if index in self.pooled:
                x = self.pool(x)
        x = self.conv10(self.drop(x))  # [N, num_classes, 13, 13]
        return self.flatten(self.average(x))  # type: ignore[no-any-return]


class Fire(nn.Module):
    """Squeeze by 1x1, expand by 1x1 and 3x3 to four times as many channels each."""

    def __init__(self, in_channels: int, squeezed: int) -> None:
        super().__init__()
        self.out_channels = 8 * squeezed
        self.squeeze1x1 = nn.Conv2d(in_channels, squeezed, kernel_size=1)
        self.expand1x1 = nn.Conv2d(squeezed, 4 * squeezed, kernel_size=1)
        self.expand3x3 = nn.Conv2d(squeezed, 4 * squeezed, kernel_size=3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.squeeze1x1(x))
        return torch.cat([self.relu(self.expand1x1(x)), self.relu(self.expand3x3(x))], dim=1)


class SqueezeNet10(SqueezeNet):
    """Version 1.0: 1,248,424 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(
            (96, 7), (4, 8), num_classes=num_classes, in_channels=in_channels,
            input_size=input_size, width=width, dropout=dropout,
        )  # fmt: skip


class SqueezeNet11(SqueezeNet):
    """Version 1.1: 1,235,496 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(
            (64, 3), (3, 5), num_classes=num_classes, in_channels=in_channels,
            input_size=input_size, width=width, dropout=dropout,
        )  # fmt: skip
