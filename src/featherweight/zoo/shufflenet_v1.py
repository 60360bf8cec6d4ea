"""ShuffleNet V1: pointwise convolutions in groups, and a shuffle of channels between them.

Zhang, Zhou, Lin & Sun 2017, "ShuffleNet: An Extremely Efficient Convolutional Neural Network for
Mobile Devices", arXiv 1707.01083, Table 1.

| layers (stride), 3 groups | output at 224x224 | parameters, batch-norm left out |
|---|---|---|
| stem 3x3 (2) | 24x112x112 | 648 |
| max pool 3x3 (2), stage2 (2): 4 units | 240x28x28 | 36,720 |
| stage3 (2): 8 units | 480x14x14 | 296,640 |
| stage4 (2): 4 units | 960x7x7 | 546,240 |
| global average pool, classifier | 1000 | 961,000 |

A unit: 1x1 convolution in `groups`, shuffle, depthwise 3x3, 1x1 in groups; its input is added, or,
where the map is halved, averaged and put beside. The bottleneck has a quarter of the output's
channels. `scale` multiplies the channels of the stages. `shallow=True` has half of the units of
each stage (section 4.4); `se=True` squeezes and excites each unit's branch (Table 5).

The paper's stem has 24 channels; the counts it prints come out with 48 at twice the scale, 16 at
half and 12 at a quarter, or the next of these that leaves whole groups. What we changed: a
bottleneck that does not divide into `groups` is rounded down; small pictures (`halving_strides`).
"""

import torch
from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.nn import ChannelShuffle, ConvNorm, SqueezeExcite
from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides

_STAGE2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""By number of groups; each further stage has twice as many."""
_UNITS = (4, 8, 4)
_STEMS = ((2.0, 48), (1.0, 24), (0.5, 16), (0.0, 12))
"""Channels of the stem from this scale on."""


class ShuffleNetV1(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 1,865,728 parameters at 3 groups."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        groups: int = 3,
        scale: float = 1.0,
        se: bool = False,
        shallow: bool = False,
    ) -> None:
        super().__init__()
        out_channels = _stage2_channels(groups, scale)
        stem_stride, pool_stride, *strides = halving_strides(input_size, 5)
        channels = _stem_channels(groups, scale, out_channels)
        self.stem = ConvNorm(in_channels, channels, 3, stem_stride)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if pool_stride == 2 else nn.Identity()
        for stage, (count, stride) in enumerate(zip(_UNITS, strides, strict=True), start=2):
            units = [
                ShuffleUnit(
                    channels, out_channels, groups, stride, se=se, first_is_grouped=stage > 2
                )
            ]
            for _ in range(1, count // 2 if shallow else count):
                units.append(ShuffleUnit(out_channels, out_channels, groups, 1, se=se))
            self.add_module(f"stage{stage}", nn.Sequential(*units))
            channels, out_channels = out_channels, 2 * out_channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(channels, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.stem(x))  # [N, 24, 56, 56]
        for stage in (2, 3, 4):
            x = self.get_submodule(f"stage{stage}")(x)
        return self.classifier(self.flatten(self.avgpool(x)))  # type: ignore[no-any-return]


class ShuffleUnit(nn.Module):
    """A unit (figure 2b), or one that widens and, at stride 2, halves the map (figure 2c)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        groups: int,
        stride: int,
        *,
        se: bool,
        first_is_grouped: bool = True,
    ) -> None:
        super().__init__()
        self.widens = in_channels != out_channels
        branch = out_channels - in_channels if self.widens else out_channels
        hidden = max(1, out_channels // 4 // groups) * groups
        first_groups = groups if first_is_grouped else 1
        self.reduce = ConvNorm(in_channels, hidden, groups=first_groups)
        self.shuffle = ChannelShuffle(groups)
        self.depthwise = ConvNorm(hidden, hidden, 3, stride, groups=hidden, activation=None)
        self.expand = ConvNorm(hidden, branch, groups=groups, activation=None)
        self.se = SqueezeExcite(branch) if se else nn.Identity()
        self.shortcut = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.se(self.expand(self.depthwise(self.shuffle(self.reduce(x)))))
        x = self.shortcut(x)
        return self.relu(torch.cat([x, y], dim=1) if self.widens else x + y)  # type: ignore[no-any-return]


def _stage2_channels(groups: int, scale: float) -> int:
    if groups not in _STAGE2_CHANNELS:
        known = ", ".join(map(str, _STAGE2_CHANNELS))
        raise InvalidArgumentError(f"`groups` must be one of {known}, but got groups={groups}.")
    channels = int(_STAGE2_CHANNELS[groups] * scale) // groups * groups
    if channels < 36:
        raise InvalidArgumentError(
            f"`scale` must leave 36 channels or more in stage 2, but got scale={scale}, which "
            f"leaves {channels} of {_STAGE2_CHANNELS[groups]}."
        )
    return channels


def _stem_channels(groups: int, scale: float, out_channels: int) -> int:
    wanted = next(channels for least, channels in _STEMS if scale >= least)
    others = (channels for _, channels in reversed(_STEMS))
    fits = (c for c in (wanted, *others) if (out_channels - c) % groups == 0)
    return next(fits)
