"""GoogLeNet: nine inception modules, each four branches of different kernel sizes side by side.

Szegedy et al. 2014, "Going Deeper with Convolutions", arXiv 1409.4842, Table 1.

| layers (stride) | output at 224x224 | parameters |
|---|---|---|
| conv1 7x7 (2), max pool 3x3 (2), LRN | 64x56x56 | 9,472 |
| conv2_reduce 1x1, conv2 3x3, LRN, max pool (2) | 192x28x28 | 114,944 |
| inception3a, inception3b, max pool (2) | 480x14x14 | 552,432 |
| inception4a to inception4e, max pool (2) | 832x7x7 | 2,809,168 |
| inception5a, inception5b | 1024x7x7 | 2,487,536 |
| global average pool, dropout, fc | 1000 | 1,025,000 |

ReLU after every convolution. With `aux_heads`, classifiers on inception4a and
inception4d are trained along (section 5): in training `forward` then returns `WithAuxiliary`, and
the training loop adds their losses with a weight of 0.3. In evaluation there are logits only; a
network without heads loads the weights of one with heads and leaves the heads' out.

The paper's "12 times fewer parameters than AlexNet" and "below 2 times the computation" come out
at 8.7 and 2.18 (`featherweight models googlenet`).

What we changed: weights start as in He et al. (arXiv 1502.01852); pools are padded by one pixel
(Caffe's round up instead: the same sizes at 224); `width` scales all channels; small pictures
(`halving_strides`).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from featherweight.nn import WithAuxiliary
from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels

_INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Channels: 1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5; pool projection."""
_POOLED = ("3b", "4e")
_WITH_HEADS = ("4a", "4d")


class GoogLeNet(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 6,998,552 parameters without heads."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
        aux_heads: bool = False,
        dropout: float = 0.4,
    ) -> None:
        super().__init__()
        strides = halving_strides(input_size, 5)
        stem, second = scaled_channels(64, width), scaled_channels(192, width)
        self.conv1 = nn.Conv2d(in_channels, stem, 7, strides[0], padding=3)
        self.pool1 = _pool(strides[1])
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.conv2_reduce = nn.Conv2d(stem, stem, kernel_size=1)
        self.conv2 = nn.Conv2d(stem, second, kernel_size=3, padding=1)
        self.pool2 = _pool(strides[2])
        self.relu = nn.ReLU()
        channels = second
        for name, bases in _INCEPTIONS.items():
            module = Inception(channels, [scaled_channels(base, width) for base in bases])
            self.add_module(f"inception{name}", module)
            channels = module.out_channels
            if aux_heads and name in _WITH_HEADS:
                head = AuxiliaryHead(channels, num_classes, width, _side(input_size, strides[:4]))
                self.add_module(f"aux{name}", head)
        self.pool3, self.pool4 = _pool(strides[3]), _pool(strides[4])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)
        self.aux_heads = aux_heads
        if not aux_heads:
            self.register_load_state_dict_pre_hook(_leave_heads_out)  # type: ignore[no-untyped-call]
        initialise(self, "fan_in")

    def forward(self, x: Tensor) -> Tensor | WithAuxiliary:
        x = self.norm(self.pool1(self.relu(self.conv1(x))))  # [N, 64, 56, 56]
        x = self.relu(self.conv2(self.relu(self.conv2_reduce(x))))
        x = self.pool2(self.norm(x))  # [N, 192, 28, 28]
        auxiliary = []
        for name in _INCEPTIONS:
            x = self.get_submodule(f"inception{name}")(x)
            if self.training and self.aux_heads and name in _WITH_HEADS:
                auxiliary.append(self.get_submodule(f"aux{name}")(x))
            if name in _POOLED:
                x = self.pool3(x) if name == "3b" else self.pool4(x)
        logits: Tensor = self.fc(self.drop(self.flatten(self.avgpool(x))))
        return WithAuxiliary(logits, tuple(auxiliary)) if auxiliary else logits


class Inception(nn.Module):
    """Four branches on one input, their outputs put side by side."""

    def __init__(self, in_channels: int, channels: list[int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = channels
        self.out_channels = one + three + five + pooled
        self.conv1x1 = nn.Conv2d(in_channels, one, kernel_size=1)
        self.reduce3x3 = nn.Conv2d(in_channels, reduce3, kernel_size=1)
        self.conv3x3 = nn.Conv2d(reduce3, three, kernel_size=3, padding=1)
        self.reduce5x5 = nn.Conv2d(in_channels, reduce5, kernel_size=1)
        self.conv5x5 = nn.Conv2d(reduce5, five, kernel_size=5, padding=2)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.project = nn.Conv2d(in_channels, pooled, kernel_size=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.conv1x1(x),
            self.conv3x3(self.relu(self.reduce3x3(x))),
            self.conv5x5(self.relu(self.reduce5x5(x))),
            self.project(self.pool(x)),
        ]
        return self.relu(torch.cat(branches, dim=1))  # type: ignore[no-any-return]


class AuxiliaryHead(nn.Module):
    """Average pool 5x5 (3), conv 1x1 of 128, fc of 1024, dropout of 70 %, classifier.

    A map of less than five pixels a side is averaged as a whole.
    """

    def __init__(self, in_channels: int, num_classes: int, width: float, side: int) -> None:
        super().__init__()
        reduced, hidden = scaled_channels(128, width), scaled_channels(1024, width)
        self.pool = nn.AvgPool2d(min(5, side), stride=3)
        pooled = (side - min(5, side)) // 3 + 1
        self.conv = nn.Conv2d(in_channels, reduced, kernel_size=1)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(reduced * pooled**2, hidden)
        self.drop = nn.Dropout(0.7)
        self.fc2 = nn.Linear(hidden, num_classes)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.flatten(self.relu(self.conv(self.pool(x))))
        return self.fc2(self.drop(self.relu(self.fc1(x))))  # type: ignore[no-any-return]


def _pool(stride: int) -> nn.Module:
    return nn.MaxPool2d(3, stride=2, padding=1) if stride == 2 else nn.Identity()


def _side(input_size: int, strides: tuple[int, ...]) -> int:
    """Height and width of a map after layers of these strides, all of which round up."""
    return -(-input_size // math.prod(strides))


def _leave_heads_out(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: object
) -> None:
    """Drop the heads' weights; the state dict is the copy that `load_state_dict` made."""
    for name in [name for name in state_dict if name.startswith(f"{prefix}aux")]:
        del state_dict[name]
