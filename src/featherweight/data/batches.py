"""Mini-batches in an order that (seed, epoch) decide: a resumed training needs no saved state."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from featherweight.data.dataset import Split
from featherweight.errors import InvalidArgumentError


def epoch_generator(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """A generator for one purpose ("order", "augmentation") in one epoch of one run.

    The three are hashed, so that neighbouring seeds and epochs, and the purposes of one epoch,
    share no numbers.
    """
    digest = hashlib.sha256(f"{purpose}:{seed}:{epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def epoch_order(count: int, *, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch visits `count` elements: int64 [count]."""
    return torch.randperm(count, generator=epoch_generator(seed, epoch, "order"))


def batches(
    split: Split,
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = True,
    drop_last: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Go once through `split`: pairs of uint8 [B, C, H, W] and int64 [B].

    Also the source of calibration pictures: the first batch of a shuffled epoch is a fair sample.

    Args:
        shuffle: in the order of (seed, epoch); otherwise in the split's own.
        drop_last: leave out a last batch that is not full.

    Raises:
        InvalidArgumentError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise InvalidArgumentError(
            f"`batch_size` must be at least 1, but got batch_size={batch_size}."
        )
    count = len(split)
    order = epoch_order(count, seed=seed, epoch=epoch) if shuffle else torch.arange(count)
    end = count - count % batch_size if drop_last else count
    chosen = (order[start : start + batch_size] for start in range(0, end, batch_size))
    return ((split.images[batch], split.labels[batch]) for batch in chosen)
