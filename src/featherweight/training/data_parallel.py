"""One batch shared among the processes of a `torch.distributed` group.

Every process holds the whole network and the whole data set, computes the gradient of its part of
each batch, and takes the mean of all parts: the gradient of the batch. So the processes move
together, and a network without batch normalization or dropout learns what it would learn in one
process. Statistics of batch normalization are those of a part, and their running means are
averaged over the processes at the end of each epoch. Without a group nothing is done here.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed, nn

from featherweight.errors import InvalidArgumentError


def processes() -> int:
    """How many share the work; 1 without a group."""
    is_shared = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if is_shared else 1


def check_batch(batch_size: int, workers: int) -> None:
    """Refuse a batch that cannot be shared evenly.

    Raises:
        InvalidArgumentError: `workers` does not divide `batch_size`.
    """
    if batch_size % workers:
        raise InvalidArgumentError(
            f"`batch_size` must be a multiple of the number of workers, {workers}, "
            f"but got batch_size={batch_size}."
        )


def part(batch: Tensor) -> Tensor:
    """This process's part of what all processes hold."""
    if processes() == 1:
        return batch
    return batch.tensor_split(processes())[distributed.get_rank()]


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes."""
    _average(p.grad for p in parameters if p.grad is not None)


def average_buffers(module: nn.Module) -> None:
    """The same for running statistics, which each process has of its own parts."""
    _average(buffer for buffer in module.buffers() if buffer.is_floating_point())


def _average(given: Iterable[Tensor]) -> None:
    """One message for all of them: many small ones would wait for each other."""
    if processes() == 1:
        return
    tensors = list(given)
    if not tensors:
        return
    flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
    distributed.all_reduce(flat)
    flat /= processes()
    sizes = [tensor.numel() for tensor in tensors]
    for tensor, mean in zip(tensors, torch.split(flat, sizes), strict=True):
        tensor.detach().copy_(mean.view(tensor.shape))
