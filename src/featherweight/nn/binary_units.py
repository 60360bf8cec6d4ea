"""A binary layer with what has to stand around it: the blocks of XNOR-Net, Bi-Real and ReActNet.

| unit | y | source |
|---|---|---|
| `NormedUnit` | norm(binary(x)) | Courbariaux et al. 2015, arXiv 1511.00363, section 3 |
| `XnorUnit` | xnor(norm(x)) | Rastegari et al. 2016, arXiv 1603.05279, section 3.3 |
| `BiRealUnit` | norm(xnor(x)) + x | Liu et al. 2018, arXiv 1808.00278, section 3.1 |
| ... with `learned_shift` | rprelu(norm(xnor(x + shift)) + x) | Liu et al. 2020, arXiv 2003.03488 |

XNOR-Net's order is batch-norm, activation (the sign, inside of the layer), convolution, and then
pooling: the norm spreads the values about zero so that their signs tell something, and a maximum
is taken of real values, not of signs, which would nearly all be +1.
"""

import torch
from torch import Tensor, nn


class NormedUnit(nn.Sequential):
    """The layer `conv`, then `norm` over its channels, which folds into it once it is trained."""

    def __init__(self, layer: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.conv = layer
        self.norm = norm


class XnorUnit(nn.Sequential):
    """`norm` over the channels of x, then the binary layer `conv`."""

    def __init__(self, layer: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.conv = layer


class BiRealUnit(nn.Module):
    """A binary layer with its norm, and the real input added, which its sign would lose.

    y = act(norm(layer(x + shift)) + shortcut(x)).

    Args:
        layer: maps [N, in_channels, ...] to [N, out_channels, ...].
        norm: over the `out_channels`.
        learned_shift: ReActNet's RSign before the layer and RPReLU after it.
        shortcut: gives x the shape of y; `nn.Identity()` where it has that, None for no sum.
    """

    def __init__(
        self,
        layer: nn.Module,
        norm: nn.Module,
        in_channels: int,
        out_channels: int,
        *,
        learned_shift: bool = False,
        shortcut: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.shift = LearnedShift(in_channels) if learned_shift else nn.Identity()
        self.conv = layer
        self.norm = norm
        self.act = RPReLU(out_channels) if learned_shift else nn.Identity()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(self.shift(x)))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return self.act(y)  # type: ignore[no-any-return]


class LearnedShift(nn.Module):
    """x + shift, one a channel of x [N, C, ...]; it starts at 0.

    Before a sign it makes RSign, whose threshold is learned (arXiv 2003.03488, equation 1).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.shift.view(-1, *(1,) * (x.dim() - 2))

    def extra_repr(self) -> str:
        return str(self.shift.numel())


class RPReLU(nn.Sequential):
    """prelu(x + before) + after, each one a channel (arXiv 2003.03488, equation 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__(LearnedShift(channels), nn.PReLU(channels), LearnedShift(channels))
