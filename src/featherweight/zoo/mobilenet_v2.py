"""MobileNetV2: inverted residuals with linear bottlenecks.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018, "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", arXiv 1801.04381, Table 2.

| layers (stride) | output at 224x224 | parameters, batch-norm left out |
|---|---|---|
| stem 3x3 (2) | 32x112x112 | 864 |
| blocks.0, expansion 1 | 16x112x112 | 800 |
| blocks.1 (2), blocks.2 | 24x56x56 | 12,912 |
| blocks.3 (2) to blocks.5 | 32x28x28 | 37,392 |
| blocks.6 (2) to blocks.9 | 64x14x14 | 177,984 |
| blocks.10 to blocks.12 | 96x14x14 | 296,448 |
| blocks.13 (2) to blocks.15 | 160x7x7 | 784,320 |
| blocks.16 | 320x7x7 | 469,440 |
| last 1x1 | 1280x7x7 | 409,600 |
| global average pool, classifier | 1000 | 1,281,000 |

A block expands its channels six times by a 1x1 convolution, filters them depthwise, and projects
them without a nonlinearity; where shapes allow, its input is added. ReLU6 elsewhere. Channels are
rounded to multiples of 8 as in TF-slim; below a width of 1 the last convolution keeps its 1280.

What we changed: padding is the same on all sides; small pictures (`halving_strides`).
"""

from torch import Tensor, nn

from featherweight.nn import ConvNorm
from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels

_STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
"""Expansion, output channels, number of blocks."""
_HALVING_STAGES = (1, 2, 3, 5)


class MobileNetV2(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 3,504,872 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        stem_stride, *strides = halving_strides(input_size, 5)
        stage_strides = dict(zip(_HALVING_STAGES, strides, strict=True))
        channels = scaled_channels(32, width)
        self.stem = ConvNorm(in_channels, channels, 3, stem_stride, activation=nn.ReLU6)
        blocks = []
        for stage, (expansion, base, count) in enumerate(_STAGES):
            out_channels = scaled_channels(base, width)
            for index in range(count):
                stride = stage_strides.get(stage, 1) if index == 0 else 1
                blocks.append(InvertedResidual(channels, out_channels, stride, expansion))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        last = scaled_channels(1280, max(1.0, width))
        self.last = ConvNorm(channels, last, activation=nn.ReLU6)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout(dropout)
        self.classifier = nn.Linear(last, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.blocks(self.stem(x)))  # [N, 1280, 7, 7]
        x = self.flatten(self.pool(x))
        return self.classifier(self.drop(x))  # type: ignore[no-any-return]


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; add the input if it has the output's shape."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand = (
            ConvNorm(in_channels, hidden, activation=nn.ReLU6) if expansion > 1 else nn.Identity()
        )
        self.depthwise = ConvNorm(hidden, hidden, 3, stride, groups=hidden, activation=nn.ReLU6)
        self.project = ConvNorm(hidden, out_channels, activation=None)
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.is_residual else y  # type: ignore[no-any-return]
