"""Batches: everything once, in an order that (seed, epoch) alone decide."""

import pytest
import torch

from featherweight.data import Split, batches, epoch_generator, epoch_order
from featherweight.errors import InvalidArgumentError

COUNT = 23
SPLIT = Split(torch.arange(COUNT, dtype=torch.uint8).view(COUNT, 1, 1, 1), torch.arange(COUNT))


def order(**options) -> list[int]:
    return torch.cat([labels for _, labels in batches(SPLIT, 5, **options)]).tolist()


def test_every_picture_comes_once_with_its_label():
    seen = list(batches(SPLIT, 5, seed=1, epoch=2))
    assert [len(labels) for _, labels in seen] == [5, 5, 5, 5, 3]
    assert sorted(order(seed=1, epoch=2)) == list(range(COUNT))
    for images, labels in seen:
        assert torch.equal(images.flatten().long(), labels)


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else():
    first = order(seed=1, epoch=2)
    torch.rand(7)  # the global generator has no say
    assert order(seed=1, epoch=2) == first
    assert epoch_order(COUNT, seed=1, epoch=2).tolist() == first
    assert len({tuple(order(seed=s, epoch=e)) for s in range(4) for e in range(4)}) == 16


def test_without_shuffling_the_order_is_the_splits_own():
    assert order(shuffle=False) == list(range(COUNT))


def test_drop_last_leaves_out_what_does_not_fill_a_batch():
    assert [len(labels) for _, labels in batches(SPLIT, 5, drop_last=True)] == [5, 5, 5, 5]
    assert list(batches(SPLIT, 24, drop_last=True)) == []


def test_purposes_of_one_epoch_share_no_numbers():
    first, second = (
        torch.rand(4, generator=epoch_generator(0, 0, purpose))
        for purpose in ("order", "augmentation")
    )
    assert not torch.equal(first, second)


def test_batch_size_below_one_is_refused_at_the_call():
    with pytest.raises(InvalidArgumentError, match="at least 1, but got batch_size=0"):
        batches(SPLIT, 0)
