"""LeNet-300-100: two hidden layers of 300 and 100 units.

LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition";
layer names and sizes as in Deep Compression, arXiv 1510.00149, Table 2.

| layer | output | parameters |
|---|---|---|
| ip1, ReLU | 300 | 235,500 |
| ip2, ReLU | 100 | 30,100 |
| ip3 | 10 | 1,010 |

What we changed: ReLU in place of tanh, and dropout after each hidden layer while training.
"""

from torch import Tensor, nn


class LeNet300100(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 266,610 parameters at 1x28x28."""

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        input_size: int = 28,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.ip1 = nn.Linear(in_channels * input_size**2, 300)
        self.drop1 = nn.Dropout(dropout)
        self.ip2 = nn.Linear(300, 100)
        self.drop2 = nn.Dropout(dropout)
        self.ip3 = nn.Linear(100, num_classes)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.flatten(x)  # [N, C * H * W]
        x = self.drop1(self.relu(self.ip1(x)))
        x = self.drop2(self.relu(self.ip2(x)))
        return self.ip3(x)  # type: ignore[no-any-return]
