"""AlexNet in XNOR-Net's blocks, without groups: all but the first and the last layer are binary.

Rastegari, Ordonez, Redmon & Farhadi 2016, "XNOR-Net: ImageNet Classification Using Binary
Convolutional Neural Networks", arXiv 1603.05279, sections 3.3 and 4.1.

| layer | output at 227x227 | weights | bits a weight |
|---|---|---|---|
| conv1 11x11 (4), norm, ReLU, max pool 3 (2) | 96x27x27 | 34,848 | 32 |
| conv2: norm, sign, 5x5, max pool 3 (2) | 256x13x13 | 614,400 | 1 |
| conv3: norm, sign, 3x3 | 384x13x13 | 884,736 | 1 |
| conv4: norm, sign, 3x3 | 384x13x13 | 1,327,104 | 1 |
| conv5: norm, sign, 3x3, max pool 3 (2) | 256x6x6 | 884,736 | 1 |
| fc6: norm, sign, linear | 4096 | 37,748,736 | 1 |
| fc7: norm, sign, linear; norm, ReLU | 4096 | 16,777,216 | 1 |
| fc8 | 1000 | 4,096,000 | 32 |

What we changed: `width` scales all channels; small pictures give conv1 a smaller stride, as in
`alexnet`. Batch-norm stands in for local response normalization and for dropout.
"""

from torch import Tensor, nn

from featherweight.nn import XnorConv2d, XnorLinear, XnorUnit
from featherweight.zoo.alexnet import stride_and_last_side
from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import scaled_channels


class XnorAlexNet(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 62,406,024 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 227,
        *,
        width: float = 1.0,
        scale_map: bool = True,
    ) -> None:
        super().__init__()
        stride, side = stride_and_last_side(input_size)
        c1, c2, c3, c4 = (scaled_channels(base, width) for base in (96, 256, 384, 256))
        hidden = scaled_channels(4096, width)
        self.conv1 = nn.Conv2d(in_channels, c1, kernel_size=11, stride=stride, bias=False)
        self.norm1 = nn.BatchNorm2d(c1)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2)
        self.conv2 = _conv(c1, c2, 5, scale_map)
        self.conv3 = _conv(c2, c3, 3, scale_map)
        self.conv4 = _conv(c3, c3, 3, scale_map)
        self.conv5 = _conv(c3, c4, 3, scale_map)
        self.flatten = nn.Flatten()
        self.fc6 = _linear(c4 * side * side, hidden, scale_map)
        self.fc7 = _linear(hidden, hidden, scale_map)
        self.norm7 = nn.BatchNorm1d(hidden)
        self.fc8 = nn.Linear(hidden, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.norm1(self.conv1(x))))  # [N, 96, 27, 27]
        x = self.pool(self.conv2(x))  # [N, 256, 13, 13]
        x = self.pool(self.conv5(self.conv4(self.conv3(x))))  # [N, 256, 6, 6]
        x = self.fc7(self.fc6(self.flatten(x)))
        return self.fc8(self.relu(self.norm7(x)))  # type: ignore[no-any-return]


def _conv(in_channels: int, out_channels: int, kernel_size: int, scale_map: bool) -> XnorUnit:
    layer = XnorConv2d(
        in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False,
        scale_map=scale_map,
    )  # fmt: skip
    return XnorUnit(layer, nn.BatchNorm2d(in_channels))


def _linear(in_features: int, out_features: int, scale_map: bool) -> XnorUnit:
    layer = XnorLinear(in_features, out_features, bias=False, scale_map=scale_map)
    return XnorUnit(layer, nn.BatchNorm1d(in_features))
