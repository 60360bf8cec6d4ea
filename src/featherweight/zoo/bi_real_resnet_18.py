"""Bi-Real Net with 18 layers: ResNet-18 with binary 3x3 convolutions and a shortcut around each.

Liu, Wu, Luo, Yang, Liu & Cheng 2018, "Bi-Real Net: Enhancing the Performance of 1-bit CNNs With
Improved Representational Capability and Advanced Training Algorithm", arXiv 1808.00278.

| layers (stride) | output at 224x224 | weights | bits a weight |
|---|---|---|---|
| conv1 7x7 (2), norm | 64x112x112 | 9,408 | 32 |
| max pool 3x3 (2), layer1: 4 units | 64x56x56 | 147,456 | 1 |
| layer2 (2): 4 units, 1x1 in a shortcut | 128x28x28 | 516,096 + 8,192 | 1, 32 |
| layer3 (2): 4 units, 1x1 in a shortcut | 256x14x14 | 2,064,384 + 32,768 | 1, 32 |
| layer4 (2): 4 units, 1x1 in a shortcut | 512x7x7 | 8,257,536 + 131,072 | 1, 32 |
| global average pool, fc | 1000 | 513,000 | 32 |

A unit is y = norm(conv(sign(x))) + x, so that what one convolution adds to are real values. There
is no ReLU: the sign is the nonlinearity, and behind a ReLU it would always be +1. Where the map
halves, the shortcut is an average pool, a real 1x1 convolution and a norm. What we changed: `width`
scales all channels; small pictures (`halving_strides`).
"""

from torch import Tensor, nn

from featherweight.nn import BiRealUnit, XnorConv2d
from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels


class BiRealResNet18(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 11,689,512 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        strides = halving_strides(input_size, 5)
        channels = [scaled_channels(base, width) for base in (64, 64, 128, 256, 512)]
        self.conv1 = nn.Conv2d(in_channels, channels[0], 7, strides[0], padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if strides[1] == 2 else nn.Identity()
        self.layer1 = _stage(channels[0], channels[1], 1)
        self.layer2 = _stage(channels[1], channels[2], strides[2])
        self.layer3 = _stage(channels[2], channels[3], strides[3])
        self.layer4 = _stage(channels[3], channels[4], strides[4])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels[4], num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.bn1(self.conv1(x)))  # [N, 64, 56, 56]
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # [N, 512, 7, 7]
        return self.fc(self.flatten(self.avgpool(x)))  # type: ignore[no-any-return]


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    rest = [_unit(out_channels, out_channels, 1) for _ in range(3)]
    return nn.Sequential(_unit(in_channels, out_channels, stride), *rest)


def _unit(in_channels: int, out_channels: int, stride: int) -> BiRealUnit:
    layer = XnorConv2d(
        in_channels, out_channels, 3, stride, padding=1, bias=False, surrogate="polynomial"
    )
    shortcut: nn.Module = nn.Identity()
    if stride != 1 or in_channels != out_channels:
        shortcut = nn.Sequential(
            half_map() if stride == 2 else nn.Identity(),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
    norm = nn.BatchNorm2d(out_channels)
    return BiRealUnit(layer, norm, in_channels, out_channels, shortcut=shortcut)


def half_map() -> nn.AvgPool2d:
    """Halves a map, rounded up as a convolution of stride 2 does it; counts no padding."""
    return nn.AvgPool2d(2, stride=2, ceil_mode=True, count_include_pad=False)
