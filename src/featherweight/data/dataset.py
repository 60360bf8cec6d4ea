"""What a data set is: pictures as bytes in three splits, and how a network wants to see them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from featherweight.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures, uint8 [N, C, H, W], and the number of each one's class, int64 [N]."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Preprocessing:
    """What a user of a network must do to a picture before the network sees it."""

    mean: tuple[float, ...]
    """By channel, of pixel values in [0, 1]."""
    std: tuple[float, ...]
    size: tuple[int, int]
    """Height and width, in pixels."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory.

    Every choice, hyper-parameters included, is made on `val`. `test` is read once, for the figure
    that is published; hence the two are separate attributes and nothing hands out both.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    mean: tuple[float, ...]
    """By channel, of the training pictures alone, pixel values in [0, 1]."""
    std: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one picture."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def preprocessing(self) -> Preprocessing:
        """What a file's metadata says about its input."""
        return Preprocessing(self.mean, self.std, self.shape[1:])

    def normalize(self, images: Tensor) -> Tensor:
        """(images / 255 - mean) / std: uint8 [N, C, H, W] -> float32 [N, C, H, W]."""
        scale = torch.tensor([1.0 / (255.0 * std) for std in self.std], device=images.device)
        offset = torch.tensor(
            [-mean / std for mean, std in zip(self.mean, self.std, strict=True)],
            device=images.device,
        )
        return torch.addcmul(offset.view(-1, 1, 1), images, scale.view(-1, 1, 1))


def from_splits(
    name: str, class_names: tuple[str, ...], train: Split, val: Split, test: Split
) -> Dataset:
    """Check three splits against each other and measure the training pictures.

    Raises:
        DataError: a split is empty, has another shape, or a label without a class name.
    """
    for label, split in (("train", train), ("val", val), ("test", test)):
        if len(split) == 0:
            raise DataError(f"the split `{label}` of data set {name!r} has no pictures.")
        if split.images.shape[1:] != train.images.shape[1:]:
            raise DataError(
                f"the pictures of all splits of data set {name!r} must have one shape, but "
                f"`train` has {list(train.images.shape[1:])} and `{label}` "
                f"{list(split.images.shape[1:])}."
            )
        largest = int(split.labels.max())
        if largest >= len(class_names) or int(split.labels.min()) < 0:
            raise DataError(
                f"the labels of data set {name!r} must be between 0 and {len(class_names) - 1}, "
                f"but `{label}` has {int(split.labels.min())} to {largest}."
            )
    mean, std = channel_statistics(train.images)
    return Dataset(name, class_names, train, val, test, mean, std)


def channel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation by channel of uint8 pictures [N, C, H, W], values in [0, 1].

    They come from the 256 counts of a channel: exact, and without a float copy of the data.
    A channel that never changes gets the standard deviation 1, since it is divided by.
    """
    values = torch.arange(256, dtype=torch.float64) / 255.0
    means, stds = [], []
    for channel in range(images.shape[1]):
        counts = torch.zeros(256, dtype=torch.float64)
        for start in range(0, len(images), 4096):  # bincount makes an int64 copy: keep it small
            part = images[start : start + 4096, channel].flatten()
            counts += torch.bincount(part, minlength=256)
        mean = float((counts * values).sum() / counts.sum())
        variance = float((counts * (values - mean) ** 2).sum() / counts.sum())
        means.append(mean)
        stds.append(variance**0.5 or 1.0)
    return tuple(means), tuple(stds)


def describe(dataset: Dataset) -> dict[str, object]:
    """What `featherweight data DATA --json` prints."""
    return {
        "name": dataset.name,
        "classes": len(dataset.class_names),
        "train": len(dataset.train),
        "val": len(dataset.val),
        "test": len(dataset.test),
        "shape": list(dataset.shape),
        "class_names": list(dataset.class_names),
        "mean": list(dataset.mean),
        "std": list(dataset.std),
    }
