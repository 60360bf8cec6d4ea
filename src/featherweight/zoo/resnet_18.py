"""ResNet-18: two 3x3 convolutions a block, around which the input is added.

He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition", arXiv 1512.03385,
Table 1; layer names as in torchvision, whose state dicts load.

| layers (stride) | output at 224x224 | parameters, batch-norm left out |
|---|---|---|
| conv1 7x7 (2) | 64x112x112 | 9,408 |
| max pool 3x3 (2), layer1: 2 blocks | 64x56x56 | 147,456 |
| layer2 (2): 2 blocks | 128x28x28 | 524,288 |
| layer3 (2): 2 blocks | 256x14x14 | 2,097,152 |
| layer4 (2): 2 blocks | 512x7x7 | 8,388,608 |
| global average pool, fc | 1000 | 513,000 |

Where a block changes the shape, its input passes a 1x1 convolution (the paper's option B). What we
changed: `width` scales all channels; small pictures (`halving_strides`).
"""

from torch import Tensor, nn

from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels


class ResNet18(nn.Module):
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
        self.relu = nn.ReLU()
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
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # [N, 64, 56, 56]
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # [N, 512, 7, 7]
        return self.fc(self.flatten(self.avgpool(x)))  # type: ignore[no-any-return]


class BasicBlock(nn.Module):
    """relu(x + conv(relu(conv(x)))), each convolution 3x3 with batch-norm."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.downsample(x))  # type: ignore[no-any-return]


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(in_channels, out_channels, stride), BasicBlock(out_channels, out_channels, 1)
    )
