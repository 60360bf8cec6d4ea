"""LeNet-5 in the Caffe variant that the papers on pruning use.

LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition";
layer names and sizes as in Deep Compression, arXiv 1510.00149, Table 3.

| layer | output at 28x28 | parameters |
|---|---|---|
| conv1 5x5, max pool 2 | 20x12x12 | 520 |
| conv2 5x5, max pool 2 | 50x4x4 | 25,050 |
| ip1, ReLU | 500 | 400,500 |
| ip2 | 10 | 5,010 |

As in Caffe, the convolutions have no nonlinearity but the pooling. What we changed: dropout after
ip1 while training.
"""

from torch import Tensor, nn


class LeNet5(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 431,080 parameters at 1x28x28."""

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        input_size: int = 28,
        dropout: float = 0.4,
    ) -> None:
        super().__init__()
        side = ((input_size - 4) // 2 - 4) // 2
        self.conv1 = nn.Conv2d(in_channels, 20, kernel_size=5)
        self.conv2 = nn.Conv2d(20, 50, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.ip1 = nn.Linear(50 * side * side, 500)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(dropout)
        self.ip2 = nn.Linear(500, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.conv1(x))  # [N, 20, 12, 12]
        x = self.pool(self.conv2(x))  # [N, 50, 4, 4]
        x = self.flatten(x)
        return self.ip2(self.drop(self.relu(self.ip1(x))))  # type: ignore[no-any-return]
