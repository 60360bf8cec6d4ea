"""How binary a binary layer already is, while it is trained step by step.

Liu et al. 2020, "ReActNet", arXiv 2003.03488, section 4.3, after Martinez et al. 2020, "Training
binary neural networks with real-to-binary convolutions", arXiv 2003.11535: first the inputs become
binary and the weights stay real, then both are binary. Before either, the same network is real: it
has the surrogate where the binary one has the sign (Bi-Real, arXiv 1808.00278, section 3.3).

| stage | inputs | weights |
|---|---|---|
| real | f(x), the surrogate of the sign | W |
| binary-input | sign(x) | W |
| binary | sign(x) | alpha * sign(W) |

A layer whose inputs are real in the end reads x itself in all three.
"""

from typing import Literal

from torch import Tensor, nn

from featherweight.functional.binarize import Surrogate, sign, smooth_sign

Stage = Literal["real", "binary-input", "binary"]


class BinaryLayer(nn.Module):
    """What every binary layer has beside its weight."""

    binary_input = False
    scale_map = False
    surrogate: Surrogate = "clip"
    stage: Stage = "binary"
    alpha: Tensor | None
    """[out]: the scales, if they are not the means of |W| any more (`binarization.folding`)."""

    def staged_input(self, x: Tensor) -> Tensor:
        """The padded input as the layer's stage, which is not yet binary, has it."""
        if not self.binary_input:
            return x
        return (sign if self.stage == "binary-input" else smooth_sign)(x, self.surrogate)

    def described(self) -> str:
        """What is not the usual, for `repr`."""
        words = [f"scale_map={self.scale_map}"] if self.binary_input else []
        words += [f"surrogate={self.surrogate}"] if self.surrogate != "clip" else []
        words += [f"stage={self.stage}"] if self.stage != "binary" else []
        return "".join(f", {word}" for word in words)


def set_stage(module: nn.Module, stage: Stage) -> None:
    """Put all binary layers of `module` into a stage."""
    for layer in module.modules():
        if isinstance(layer, BinaryLayer):
            layer.stage = stage
