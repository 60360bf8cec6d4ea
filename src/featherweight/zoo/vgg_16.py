"""VGG-16: thirteen 3x3 convolutions in five blocks, three linear layers.

Simonyan & Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
arXiv 1409.1556, configuration D; layer names as in Deep Compression, arXiv 1510.00149, Table 5.

| layers | output at 224x224 | parameters |
|---|---|---|
| conv1_1, conv1_2, max pool 2 | 64x112x112 | 38,720 |
| conv2_1, conv2_2, max pool 2 | 128x56x56 | 221,440 |
| conv3_1 to conv3_3, max pool 2 | 256x28x28 | 1,475,328 |
| conv4_1 to conv4_3, max pool 2 | 512x14x14 | 5,899,776 |
| conv5_1 to conv5_3, max pool 2 | 512x7x7 | 7,079,424 |
| fc6, dropout | 4096 | 102,764,544 |
| fc7, dropout | 4096 | 16,781,312 |
| fc8 | 1000 | 4,097,000 |

ReLU after every layer but the last. What we changed: weights start as in He et al. 2015
(arXiv 1502.01852), since the paper's own start needs a shallower network trained first; `width`
scales all channels and hidden units; a map of one pixel is not pooled, so that pictures of 28
pixels pass four pools.
"""

from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.zoo.scaling import scaled_channels

_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of convolutions of each block."""


class VGG16(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, classes]; 138,357,544 parameters at 3x224x224."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if input_size < 8:
            raise InvalidArgumentError(
                f"`input_size` of VGG-16 must be 8 or more, but got input_size={input_size}."
            )
        self.pooled_blocks = min(len(_BLOCKS), input_size.bit_length() - 1)
        side = input_size >> self.pooled_blocks
        for block, (base, count) in enumerate(_BLOCKS, start=1):
            channels = scaled_channels(base, width)
            for i in range(1, count + 1):
                convolution = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1)
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
                self.add_module(f"conv{block}_{i}", convolution)
                in_channels = channels
        hidden = scaled_channels(4096, width)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.fc6 = nn.Linear(in_channels * side * side, hidden)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(hidden, hidden)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        for block, (_, count) in enumerate(_BLOCKS, start=1):
            for i in range(1, count + 1):
                x = self.relu(self.get_submodule(f"conv{block}_{i}")(x))
            if block <= self.pooled_blocks:
                x = self.pool(x)
        x = self.flatten(x)  # [N, 512 * 7 * 7]
        x = self.drop6(self.relu(self.fc6(x)))
        x = self.drop7(self.relu(self.fc7(x)))
        return self.fc8(x)  # type: ignore[no-any-return]
