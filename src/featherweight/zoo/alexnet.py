"""AlexNet: the grouped network of the paper, and torchvision's one-column variant.

Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural
Networks", NeurIPS 25; sizes and layer names as in Caffe's `bvlc_alexnet`, which Deep Compression
(arXiv 1510.00149, Table 4) starts from.

| layer | output at 227x227 | parameters |
|---|---|---|
| conv1 11x11, stride 4, ReLU, LRN, max pool 3x3 stride 2 | 96x27x27 | 34,944 |
| conv2 5x5, padding 2, 2 groups, ReLU, LRN, max pool | 256x13x13 | 307,456 |
| conv3 3x3, padding 1, ReLU | 384x13x13 | 885,120 |
| conv4 3x3, padding 1, 2 groups, ReLU | 384x13x13 | 663,936 |
| conv5 3x3, padding 1, 2 groups, ReLU, max pool | 256x6x6 | 442,624 |
| fc6, ReLU, dropout | 4096 | 37,752,832 |
| fc7, ReLU, dropout | 4096 | 16,781,312 |
| fc8 | 1000 | 4,097,000 |

As in Caffe, the constant of the local response normalization is 1 (the paper: 2).

The one-column variant is Krizhevsky 2014, "One weird trick for parallelizing convolutional neural
networks", arXiv 1404.5997, with the layer names of torchvision's `alexnet`: 224x224, no groups, no
LRN, 64-192-384-256-256 channels, 61,100,840 parameters.

What we changed: `width` scales all channels and hidden units. For small pictures conv1 has a stride
of 2 or 1, the largest that leaves a pixel after the last pool; the one-column variant then averages
to as many pixels as there are, at most 6x6.
"""

from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.zoo.scaling import scaled_channels


class AlexNet(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 60,965,224 parameters at 3x227x227."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 227,
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        stride, side = stride_and_last_side(input_size)
        c1, c2, c3, c4, c5 = (scaled_channels(c, width) for c in (96, 256, 384, 384, 256))
        hidden = scaled_channels(4096, width)
        self.conv1 = nn.Conv2d(in_channels, c1, kernel_size=11, stride=stride)
        self.conv2 = nn.Conv2d(c1, c2, kernel_size=5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(c2, c3, kernel_size=3, padding=1)
        self.conv4 = nn.Conv2d(c3, c4, kernel_size=3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(c4, c5, kernel_size=3, padding=1, groups=2)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.pool = nn.MaxPool2d(3, stride=2)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.fc6 = nn.Linear(c5 * side * side, hidden)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(hidden, hidden)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.norm(self.relu(self.conv1(x))))  # [N, 96, 27, 27]
        x = self.pool(self.norm(self.relu(self.conv2(x))))  # [N, 256, 13, 13]
        x = self.relu(self.conv3(x))
        x = self.relu(self.conv4(x))
        x = self.pool(self.relu(self.conv5(x)))  # [N, 256, 6, 6]
        x = self.drop6(self.relu(self.fc6(self.flatten(x))))
        x = self.drop7(self.relu(self.fc7(x)))
        return self.fc8(x)  # type: ignore[no-any-return]


def stride_and_last_side(input_size: int) -> tuple[int, int]:
    """Stride of conv1, and height and width that are left after the last pool.

    `input_size` counts the padding of conv1.
    """
    for stride in (4, 2, 1):
        side = (input_size - 11) // stride + 1
        for _ in range(3):
            side = (side - 3) // 2 + 1
        if side >= 1:
            return stride, side
    raise InvalidArgumentError(
        "`input_size` of AlexNet, padding included, must be 25 or more, "
        f"but got input_size={input_size}."
    )


class AlexNetTorchvision(nn.Module):
    """The one-column variant: pictures [N, C, H, W] to logits [N, num_classes]."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        stride, last_side = stride_and_last_side(input_size + 4)
        side = min(6, last_side)
        c1, c2, c3, c4 = (scaled_channels(c, width) for c in (64, 192, 384, 256))
        hidden = scaled_channels(4096, width)
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, c1, kernel_size=11, stride=stride, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c1, c2, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c2, c3, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(c4, c4, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((side, side))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(c4 * side * side, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # [N, 256, 6, 6]
        return self.classifier(x.flatten(1))  # type: ignore[no-any-return]
