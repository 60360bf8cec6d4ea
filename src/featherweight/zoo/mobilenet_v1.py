"""MobileNetV1: each 3x3 convolution taken apart into a depthwise and a pointwise one.

Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", arXiv 1704.04861, Table 1.

| layers (stride) | output at 224x224 | parameters, batch-norm left out |
|---|---|---|
| stem 3x3 (2) | 32x112x112 | 864 |
| blocks.0 | 64x112x112 | 2,336 |
| blocks.1 (2), blocks.2 | 128x56x56 | 26,304 |
| blocks.3 (2), blocks.4 | 256x28x28 | 101,760 |
| blocks.5 (2), blocks.6 to blocks.10 | 512x14x14 | 1,467,136 |
| blocks.11 (2), blocks.12 | 1024x7x7 | 1,586,688 |
| global average pool, classifier | 1000 | 1,025,000 |

A block is a depthwise 3x3 and a pointwise 1x1 convolution, each with batch-norm and ReLU. `width`
is the paper's multiplier alpha; its rho is the size of the picture. `separable=False` is the full
convolution network of Table 4, `shallow=True` the one of Table 5, without blocks.6 to blocks.10.

What we changed: padding is the same on all sides (TensorFlow pads more on the right and below);
dropout of 0.001 before the classifier, as in TF-slim; small pictures (`halving_strides`).
"""

from torch import Tensor, nn

from featherweight.nn import ConvNorm
from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels

_STAGES = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))
"""Output channels and number of blocks; all stages but the first halve the map."""
_SHALLOW_STAGE = (512, 1)


class MobileNetV1(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 4,231,976 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
        separable: bool = True,
        shallow: bool = False,
        dropout: float = 0.001,
    ) -> None:
        super().__init__()
        block = separable_block if separable else _full_block
        stem_stride, *strides = halving_strides(input_size, 5)
        channels = scaled_channels(32, width)
        self.stem = ConvNorm(in_channels, channels, 3, stem_stride)
        blocks: list[nn.Module] = []
        for (base, count), stride in zip(_STAGES, (1, *strides), strict=True):
            out_channels = scaled_channels(base, width)
            repeats = 1 if shallow and (base, 1) == _SHALLOW_STAGE else count
            for index in range(repeats):
                blocks.append(block(channels, out_channels, stride if index == 0 else 1))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))  # [N, 1024, 7, 7]
        x = self.flatten(self.pool(x))
        return self.classifier(self.drop(x))  # type: ignore[no-any-return]


def separable_block(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """A depthwise 3x3 and a pointwise 1x1 convolution."""
    block = nn.Sequential()
    block.add_module("depthwise", ConvNorm(in_channels, in_channels, 3, stride, groups=in_channels))
    block.add_module("pointwise", ConvNorm(in_channels, out_channels))
    return block


def _full_block(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    return ConvNorm(in_channels, out_channels, 3, stride)
