"""ReActNet-A: MobileNetV1's shape with binary 3x3 and 1x1 convolutions, no depthwise ones.

Liu, Shen, Savvides & Cheng 2020, "ReActNet: Towards Precise Binary Neural Network with Generalized
Activation Functions", arXiv 2003.03488, Figure 3.

| layers (stride) | output at 224x224 | binary weights |
|---|---|---|
| stem 3x3 (2), norm; real | 32x112x112 | (864 real) |
| blocks.0 | 64x112x112 | 11,264 |
| blocks.1 (2), blocks.2 | 128x56x56 | 208,896 |
| blocks.3 (2), blocks.4 | 256x28x28 | 835,584 |
| blocks.5 (2), blocks.6 to blocks.10 | 512x14x14 | 13,828,096 |
| blocks.11 (2), blocks.12 | 1024x7x7 | 13,369,344 |
| global average pool, classifier; real | 1000 | (1,025,000 real) |

A block is a 3x3 and a 1x1 unit, each y = rprelu(norm(conv(sign(x + shift))) + shortcut). Where the
map halves, the first one's shortcut is an average pool; where the channels double, two 1x1 units
with a shortcut each read the same input and their outputs stand side by side. What we changed:
these two have a shift each, where the paper's share one; `width` scales all channels; small
pictures (`halving_strides`).
"""

import torch
from torch import Tensor, nn

from featherweight.nn import BiRealUnit, XnorConv2d
from featherweight.zoo.bi_real_resnet_18 import half_map
from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels

_STAGES = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))
"""Output channels and number of blocks; all stages but the first halve the map."""


class ReActNet(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 29,344,584 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        stem_stride, *strides = halving_strides(input_size, 5)
        channels = scaled_channels(32, width)
        self.stem = nn.Conv2d(in_channels, channels, 3, stem_stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        blocks: list[nn.Module] = []
        for (_, count), stride in zip(_STAGES, (1, *strides), strict=True):
            for index in range(count):
                out_channels = 2 * channels if index == 0 else channels
                blocks.append(_Block(channels, out_channels, stride if index == 0 else 1))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(channels, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.norm(self.stem(x)))  # [N, 1024, 7, 7]
        return self.classifier(self.flatten(self.pool(x)))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """A 3x3 unit, and a 1x1 unit or, for twice the channels, two of them side by side."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.spatial = _unit(in_channels, 3, stride)
        self.pointwise = _unit(in_channels, 1)
        self.second = _unit(in_channels, 1) if out_channels == 2 * in_channels else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.spatial(x)
        if self.second is None:
            return self.pointwise(x)  # type: ignore[no-any-return]
        return torch.cat([self.pointwise(x), self.second(x)], dim=1)


def _unit(channels: int, kernel_size: int, stride: int = 1) -> BiRealUnit:
    layer = XnorConv2d(
        channels, channels, kernel_size, stride, padding=kernel_size // 2, bias=False,
        surrogate="polynomial",
    )  # fmt: skip
    shortcut = half_map() if stride == 2 else nn.Identity()
    norm = nn.BatchNorm2d(channels)
    return BiRealUnit(layer, norm, channels, channels, learned_shift=True, shortcut=shortcut)
