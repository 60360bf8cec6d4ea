import pytest
import torch

from featherweight.data import Split, padded
from featherweight.data.dataset import from_splits
from featherweight.data.padding import pad
from featherweight.errors import InvalidArgumentError


def test_the_picture_stands_in_the_middle_of_its_frame() -> None:
    images = torch.arange(1, 2 * 3 * 4 + 1, dtype=torch.uint8).view(2, 1, 3, 4)
    framed = pad(images, 6)
    assert framed.shape == (2, 1, 6, 6)
    assert framed.dtype == torch.uint8
    assert torch.equal(framed[:, :, 1:4, 1:5], images)
    assert int(framed.sum()) == int(images.sum())


def test_pictures_of_the_size_asked_for_stay_as_they_are() -> None:
    images = torch.ones(1, 3, 5, 5, dtype=torch.uint8)
    assert torch.equal(pad(images, 5), images)


def test_a_frame_smaller_than_the_picture_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"must be 5 or more .* got side=4"):
        pad(torch.zeros(1, 1, 5, 3), 4)


def test_a_framed_data_set_keeps_labels_and_statistics() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.tensor([0, 1, 0, 1]))
    dataset = from_splits("two", ("a", "b"), split, split, split)
    framed = padded(dataset, 32)
    assert framed.shape == (1, 32, 32)
    assert (framed.mean, framed.std) == (dataset.mean, dataset.std)
    for before, after in zip(
        (dataset.train, dataset.val, dataset.test),
        (framed.train, framed.val, framed.test),
        strict=True,
    ):
        assert torch.equal(after.images[:, :, 2:30, 2:30], before.images)
        assert torch.equal(after.labels, before.labels)
