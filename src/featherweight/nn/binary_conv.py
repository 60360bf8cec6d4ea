"""Convolutions of binary weights, and of binary weights with binary inputs.

Rastegari et al. 2016, "XNOR-Net", arXiv 1603.05279. The weight that is trained stays real; its
signs and the mean of its magnitudes are what the layer computes with, in training and after.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from featherweight.functional.binarize import Surrogate
from featherweight.nn.binary_operators import binary_conv2d
from featherweight.nn.binary_stage import BinaryLayer


class BinaryWeightConv2d(nn.Conv2d, BinaryLayer):
    """y = conv(x, sign(W)) * alpha + bias, alpha the mean of |W| over each filter.

    [N, in_channels, H, W] to [N, out_channels, H', W'], padding zero, as `nn.Conv2d` of one group.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        *,
        dilation: int | tuple[int, int] = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, bias=bias
        )
        self.register_buffer("alpha", None)

    def forward(self, x: Tensor) -> Tensor:
        vertical, horizontal = (int(pad) for pad in self.padding)
        if self.stage != "binary":
            x = self.staged_input(F.pad(x, (horizontal, horizontal, vertical, vertical)))
            return F.conv2d(
                x, self.weight, self.bias, stride=self.stride, dilation=self.dilation
            )  # fmt: skip
        return binary_conv2d(
            x, self.weight, self.alpha, self.bias, stride=self.stride, dilation=self.dilation,
            pads=(vertical, horizontal, vertical, horizontal),
            binary_input=self.binary_input, scale_map=self.scale_map, surrogate=self.surrogate,
        )  # fmt: skip

    def extra_repr(self) -> str:
        usual: str = super().extra_repr()  # type: ignore[no-untyped-call]
        return f"{usual}{self.described()}"


class XnorConv2d(BinaryWeightConv2d):
    """y = conv(sign(x), sign(W)) * K * alpha + bias; K is 1 without `scale_map`.

    K is the mean of |x| over the window of each output pixel (`functional.binarize.input_scales`).
    Padding is +1: the sign of the zeros that the input is padded with.
    """

    binary_input = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        *,
        dilation: int | tuple[int, int] = 1,
        bias: bool = True,
        scale_map: bool = False,
        surrogate: Surrogate = "clip",
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, bias=bias
        )
        self.scale_map = scale_map
        self.surrogate = surrogate
