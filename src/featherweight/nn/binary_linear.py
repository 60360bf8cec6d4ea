"""Linear layers of binary weights, and of binary weights with binary inputs.

Rastegari et al. 2016, "XNOR-Net", arXiv 1603.05279; see `binary_conv`.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from featherweight.functional.binarize import Surrogate
from featherweight.nn.binary_operators import binary_linear
from featherweight.nn.binary_stage import BinaryLayer


class BinaryWeightLinear(nn.Linear, BinaryLayer):
    """y = x sign(W)' * alpha + bias, alpha the mean of |W| over each row; [N, in] to [N, out]."""

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.register_buffer("alpha", None)

    def forward(self, x: Tensor) -> Tensor:
        if self.stage != "binary":
            return F.linear(self.staged_input(x), self.weight, self.bias)
        return binary_linear(
            x, self.weight, self.alpha, self.bias, binary_input=self.binary_input,
            scale_map=self.scale_map, surrogate=self.surrogate,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}{self.described()}"


class XnorLinear(BinaryWeightLinear):
    """y = sign(x) sign(W)' * K * alpha + bias; K is 1, or the mean of |x| with `scale_map`."""

    binary_input = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        scale_map: bool = False,
        surrogate: Surrogate = "clip",
    ) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.scale_map = scale_map
        self.surrogate = surrogate
