"""Squeeze and excite: weigh each channel by what is in all of them.

Hu, Shen, Albanie, Sun & Wu 2017, "Squeeze-and-Excitation Networks", arXiv 1709.01507:
y = x * sigmoid(W2 relu(W1 mean(x))), the mean taken over the picture.
"""

from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """[N, channels, H, W] to the same shape; 2 * channels * (channels // reduction) MACs."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(1, channels // reduction)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.relu = nn.ReLU()
        self.excite = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        scale = self.excite(self.relu(self.squeeze(self.pool(x))))  # [N, channels, 1, 1]
        return x * self.sigmoid(scale)  # type: ignore[no-any-return]
