"""Pictures with a black frame: 28x28 becomes 32x32, which halves evenly five times."""

from dataclasses import replace

from torch import Tensor
from torch.nn import functional

from featherweight.data.dataset import Dataset, Split
from featherweight.errors import InvalidArgumentError


def pad(images: Tensor, side: int) -> Tensor:
    """Frame pictures [N, C, H, W] with zeros to [N, C, side, side]; an odd pixel goes below, right.

    Raises:
        InvalidArgumentError: a picture is larger than `side`.
    """
    height, width = images.shape[-2:]
    if side < max(height, width):
        raise InvalidArgumentError(
            f"`side` must be {max(height, width)} or more for pictures of {height}x{width}, "
            f"but got side={side}."
        )
    top, left = (side - height) // 2, (side - width) // 2
    return functional.pad(images, (left, side - width - left, top, side - height - top))


def padded(dataset: Dataset, side: int) -> Dataset:
    """The same data set with framed pictures; mean and standard deviation stay those without frame.

    Raises:
        InvalidArgumentError: as `pad`.
    """

    def frame(split: Split) -> Split:
        return Split(pad(split.images, side), split.labels)

    return replace(
        dataset, train=frame(dataset.train), val=frame(dataset.val), test=frame(dataset.test)
    )
