"""Data sets with fixed splits, held in memory as bytes; deterministic batches; augmentation."""

from featherweight.data.augmentation import augment
from featherweight.data.batches import batches, epoch_generator, epoch_order
from featherweight.data.dataset import Dataset, Preprocessing, Split, describe
from featherweight.data.padding import padded
from featherweight.data.registry import data_set_names, load

__all__ = [
    "Dataset",
    "Preprocessing",
    "Split",
    "augment",
    "batches",
    "data_set_names",
    "describe",
    "epoch_generator",
    "epoch_order",
    "load",
    "padded",
]
