"""A smaller data set in the place of the real one, so that a training takes seconds.

What ranks networks on it need not be what ranks them on the whole: benchmarks/search.py says how
well it does.
"""

from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from featherweight.data import Dataset, Split
from featherweight.data.dataset import channel_statistics
from featherweight.validation import check_range


@dataclass(frozen=True)
class Proxy:
    """How a data set is made smaller."""

    shrink: int = 1
    """Each square of so many pixels a side becomes one, their mean."""
    train: int | None = None
    """So many training pictures, the first ones of a fixed shuffle; None: all."""
    val: int | None = None
    """The same of the pictures that networks are ranked by."""


def smaller(dataset: Dataset, proxy: Proxy) -> Dataset:
    """The data set as `proxy` wants it; mean and deviation are those of what is left to train on.

    Raises:
        InvalidArgumentError: `shrink` is less than 1 or larger than the pictures.
    """
    check_range("shrink", proxy.shrink, 1, min(dataset.shape[1:]))
    train = _split(dataset.train, proxy.shrink, proxy.train)
    mean, std = channel_statistics(train.images)
    return replace(
        dataset,
        train=train,
        val=_split(dataset.val, proxy.shrink, proxy.val),
        test=_split(dataset.test, proxy.shrink, None),
        mean=mean,
        std=std,
    )


def _split(split: Split, shrink: int, count: int | None) -> Split:
    images, labels = split.images, split.labels
    if count is not None and count < len(labels):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[:count]
        images, labels = images[order], labels[order]
    if shrink > 1:
        parts = [
            functional.avg_pool2d(part.float(), shrink).round().to(torch.uint8)
            for part in torch.split(images, 4096)
        ]
        images = torch.cat(parts)
    return Split(images, labels)
