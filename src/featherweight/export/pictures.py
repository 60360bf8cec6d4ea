"""Pictures to check an export on, and to measure ranges with: of the data, else photographs."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from featherweight.data import Dataset
from featherweight.data.dataset import Split
from featherweight.errors import MissingExtraError
from featherweight.extras import require

_PHOTOGRAPHS = ("china.jpg", "flower.jpg")
_MEAN, _STD = 0.45, 0.22
"""About those of ImageNet's pixels, for photographs without a data set."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures as a network sees them, float32 [N, C, H, W]."""

    checked: NDArray[np.float32]
    """Those that both networks answer."""
    calibration: NDArray[np.float32]
    """Others, for toolchains that measure ranges."""
    source: str
    labels: NDArray[np.int64] | None = None
    """Classes of `checked`, where they are known."""


def of_data(dataset: Dataset, checked: int = 300, calibration: int = 64) -> Pictures:
    """The first pictures of the test split, and training pictures for ranges."""

    def seen(split: Split, count: int) -> NDArray[np.float32]:
        array: NDArray[np.float32] = dataset.normalize(split.images[:count]).numpy()
        return array

    return Pictures(
        seen(dataset.test, checked),
        seen(dataset.train, calibration),
        f"{dataset.name}, test split",
        dataset.test.labels[:checked].numpy(),
    )


def without_data(shape: tuple[int, ...], checked: int = 8, calibration: int = 16) -> Pictures:
    """Cuts of scikit-learn's two photographs, [C, H, W] of one or three channels; else noise.

    Noise is taken for inputs that are no pictures, and where scikit-learn is not installed.
    """
    count = checked + calibration
    values = _cuts(shape, count) if len(shape) == 3 and shape[0] in (1, 3) else None
    source = "cuts of two photographs"
    if values is None:
        generator = torch.Generator().manual_seed(0)
        values = torch.randn((count, *shape), generator=generator).numpy()
        source = "random numbers"
    return Pictures(values[:checked], values[checked:], source)


def _cuts(shape: tuple[int, ...], count: int) -> NDArray[np.float32] | None:
    try:
        datasets = require("sklearn.datasets", extra="test")
        photographs = [np.array(datasets.load_sample_image(name)) for name in _PHOTOGRAPHS]
    except (MissingExtraError, ImportError):
        return None
    channels, height, width = shape
    random = np.random.default_rng(0)
    cuts = []
    for index in range(count):
        pixels = torch.from_numpy(photographs[index % len(photographs)]).permute(2, 0, 1)
        side = int(random.integers(100, min(pixels.shape[1:]) + 1))
        top = int(random.integers(0, pixels.shape[1] - side + 1))
        left = int(random.integers(0, pixels.shape[2] - side + 1))
        part = pixels[None, :, top : top + side, left : left + side].float() / 255
        part = torch.nn.functional.interpolate(
            part, (height, width), mode="bilinear", antialias=True
        )
        cuts.append(part.mean(1, keepdim=True) if channels == 1 else part)
    values: NDArray[np.float32] = ((torch.cat(cuts) - _MEAN) / _STD).numpy()
    return values
