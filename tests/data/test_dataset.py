"""Dataset: statistics against torch's own, normalisation, checks."""

import pytest
import torch

from featherweight.data import Preprocessing, Split, describe
from featherweight.data.dataset import channel_statistics, from_splits
from featherweight.errors import DataError


def split(count: int, shape=(3, 4, 5), labels=None, seed=0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(count) % 2 if labels is None else torch.tensor(labels))


def make(**changes):
    parts = {"train": split(6), "val": split(2, seed=1), "test": split(3, seed=2), **changes}
    return from_splits("made", ("a", "b"), **parts)


def test_statistics_are_those_of_the_training_pictures():
    images = split(5000).images
    mean, std = channel_statistics(images)
    values = images.double() / 255
    assert mean == pytest.approx(values.mean(dim=(0, 2, 3)).tolist(), rel=1e-12)
    assert std == pytest.approx(values.std(dim=(0, 2, 3), correction=0).tolist(), rel=1e-12)


def test_a_constant_channel_has_standard_deviation_one():
    assert channel_statistics(torch.full((2, 1, 3, 3), 51, dtype=torch.uint8)) == ((0.2,), (1.0,))


def test_normalize_is_mean_zero_and_deviation_one_on_train_alone():
    dataset = make()
    values = dataset.normalize(dataset.train.images)
    assert values.dtype == torch.float32
    assert values.shape == dataset.train.images.shape
    assert values.mean(dim=(0, 2, 3)) == pytest.approx([0, 0, 0], abs=1e-6)
    assert values.std(dim=(0, 2, 3), correction=0) == pytest.approx([1, 1, 1], abs=1e-6)
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (dataset.mean, dataset.std))
    expected = (dataset.val.images.float() / 255 - mean) / std
    torch.testing.assert_close(dataset.normalize(dataset.val.images), expected)


def test_describe_and_preprocessing():
    dataset = make()
    facts = describe(dataset)
    assert {key: facts[key] for key in ("name", "classes", "train", "val", "test", "shape")} == {
        "name": "made", "classes": 2, "train": 6, "val": 2, "test": 3, "shape": [3, 4, 5],
    }  # fmt: skip
    assert facts["class_names"] == ["a", "b"]
    assert facts["mean"] == list(dataset.mean)
    assert facts["std"] == list(dataset.std)
    assert dataset.preprocessing == Preprocessing(dataset.mean, dataset.std, (4, 5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val": split(0)}, "split `val` .* has no pictures"),
        ({"test": split(2, shape=(3, 4, 4))}, r"one shape, but `train` has \[3, 4, 5\]"),
        ({"test": split(2, labels=[0, 2])}, "between 0 and 1, but `test` has 0 to 2"),
        ({"train": split(2, labels=[-1, 0])}, "between 0 and 1, but `train` has -1 to 0"),
    ],
)
def test_splits_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        make(**changes)
