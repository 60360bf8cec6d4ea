"""Linear layers of binary weights, and of binary weights with binary inputs.

Rastegari et al. 2016, "XNOR-Net", arXiv 1603.05279; see `binary_conv`.
"""

from torch import Tensor, nn

from featherweight.nn.binary_operators import binary_linear


class BinaryWeightLinear(nn.Linear):
    """y = x sign(W)' * alpha + bias, alpha the mean of |W| over each row; [N, in] to [N, out]."""

    binary_input = False
    scale_map = False

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return binary_linear(
            x, self.weight, None, self.bias,
            binary_input=self.binary_input, scale_map=self.scale_map,
        )  # fmt: skip


class XnorLinear(BinaryWeightLinear):
    """y = sign(x) sign(W)' * K * alpha + bias; K is 1, or the mean of |x| with `scale_map`."""

    binary_input = True

    def __init__(
        self, in_features: int, out_features: int, *, bias: bool = True, scale_map: bool = False
    ) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.scale_map = scale_map

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, scale_map={self.scale_map}"
