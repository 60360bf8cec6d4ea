"""LeNet-5 in XNOR-Net's blocks: conv2 and ip1 have binary weights and binary inputs.

Rastegari, Ordonez, Redmon & Farhadi 2016, "XNOR-Net", arXiv 1603.05279, section 3.3; the sizes are
those of `lenet_5`.

| layer | output at 28x28 | parameters | bits a weight |
|---|---|---|---|
| conv1 5x5, norm, ReLU, max pool 2 | 20x12x12 | 540 | 32 |
| conv2: norm, sign, 5x5, max pool 2 | 50x4x4 | 25,040 | 1 |
| ip1: norm, sign, linear; ReLU | 500 | 402,100 | 1 |
| ip2 | 10 | 5,010 | 32 |

Layers that a norm follows have no bias. What we changed: a ReLU before the last layer, which is
real; dropout after ip1 while training.
"""

from torch import Tensor, nn

from featherweight.nn import XnorConv2d, XnorLinear, XnorUnit


class XnorLeNet5(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 432,690 parameters at 1x28x28."""

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        input_size: int = 28,
        *,
        scale_map: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        side = ((input_size - 4) // 2 - 4) // 2
        self.conv1 = nn.Conv2d(in_channels, 20, kernel_size=5, bias=False)
        self.norm1 = nn.BatchNorm2d(20)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        conv2 = XnorConv2d(20, 50, kernel_size=5, bias=False, scale_map=scale_map)
        self.conv2 = XnorUnit(conv2, nn.BatchNorm2d(20))
        self.flatten = nn.Flatten()
        features = 50 * side * side
        ip1 = XnorLinear(features, 500, scale_map=scale_map)
        self.ip1 = XnorUnit(ip1, nn.BatchNorm1d(features))
        self.drop = nn.Dropout(dropout)
        self.ip2 = nn.Linear(500, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.norm1(self.conv1(x))))  # [N, 20, 12, 12]
        x = self.pool(self.conv2(x))  # [N, 50, 4, 4]
        x = self.relu(self.ip1(self.flatten(x)))
        return self.ip2(self.drop(x))  # type: ignore[no-any-return]
