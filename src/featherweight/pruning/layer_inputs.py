"""What a layer sees on calibration pictures: the second moments of its inputs, and their mean."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from featherweight.errors import InvalidArgumentError

Weighted = nn.Linear | nn.Conv2d


@dataclass(eq=False)
class InputMoments:
    """Sums over all samples and positions, one entry a group of a convolution's channels.

    `outer` is float64 [groups, columns, columns], `total` [groups, columns]; a layer's weight,
    flattened, is [groups * rows, columns].
    """

    outer: Tensor
    total: Tensor
    count: int

    def centred(self) -> Tensor:
        """Sum of (x - mean)(x - mean)^T, [groups, columns, columns]: what is left for the weights

        when the bias takes up the mean.
        """
        return self.outer - self.total[:, :, None] * self.total[:, None, :] / self.count

    @property
    def mean(self) -> Tensor:
        """[groups, columns]."""
        return self.total / self.count


def columns_of(layer: Weighted, x: Tensor) -> Tensor:
    """The inputs that meet a layer's weight matrix: [groups, columns, samples * positions]."""
    if isinstance(layer, nn.Linear):
        return x.reshape(-1, x.shape[-1]).T[None]
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        raise InvalidArgumentError(
            "second-order pruning needs a convolution's padding as numbers and of zeros, "
            f"but got padding={layer.padding!r} of {layer.padding_mode}."
        )
    unfolded = functional.unfold(
        x, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )  # [N, in * kh * kw, positions]
    columns = unfolded.transpose(0, 1).flatten(1)
    return columns.view(layer.groups, -1, columns.shape[1])


def moments(module: nn.Module, layer: Weighted, inputs: Tensor, batch: int = 128) -> InputMoments:
    """Run the network over `inputs` and sum up what `layer` sees."""
    sums: list[InputMoments] = []

    def look(_: nn.Module, seen: tuple[Tensor, ...]) -> None:
        x = columns_of(layer, seen[0].detach()).double()
        found = InputMoments(x @ x.transpose(1, 2), x.sum(2), x.shape[2])
        if sums:
            sums[0].outer += found.outer
            sums[0].total += found.total
            sums[0].count += found.count
        else:
            sums.append(found)

    handle = layer.register_forward_pre_hook(look)
    try:
        with evaluating(module), torch.no_grad():
            for part in torch.split(inputs, batch):
                module(part)
    finally:
        handle.remove()
    return sums[0]


def in_order(module: nn.Module, names: Sequence[str], example: Tensor) -> list[str]:
    """The layers' names in the order in which the network first runs them; unused ones are left

    out.
    """
    order: list[str] = []
    handles = []
    for name in names:
        layer = module.get_submodule(name)
        handles.append(layer.register_forward_pre_hook(lambda _, __, name=name: order.append(name)))
    try:
        with evaluating(module), torch.no_grad():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    return list(dict.fromkeys(order))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for the time of the block."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
