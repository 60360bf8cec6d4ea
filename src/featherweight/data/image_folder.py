"""A folder of pictures as a data set: one sub-folder a class.

Either FOLDER/CLASS/picture, or ready-made FOLDER/{train,val,test}/CLASS/picture, where val, test
or both may be missing: they are then cut out of train. Direct children only; hidden files and files
that are not pictures are ignored; classes are sorted by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from featherweight.data.dataset import Dataset, Split, from_splits
from featherweight.data.splits import name_rank, split_by_name
from featherweight.errors import DataError, InvalidArgumentError
from featherweight.pictures import SUFFIXES, PictureFacts, decode, read_facts
from featherweight.units import format_bytes

SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}
"""Of each class's pictures."""
DEFAULT_SIZE = 224
MEMORY_LIMIT = 4 * 1024**3
_READY_MADE = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
_FEWEST = 3

Files = dict[str, list[Path]]
"""Pictures by class."""


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are decoded; None: as the pictures themselves suggest."""

    size: int | tuple[int, int] | None = None
    """Height and width in pixels; None: their own if they all agree, else 224 x 224."""
    grayscale: bool | None = None
    """None: only if all of them are."""
    memory_limit: int = MEMORY_LIMIT
    """In bytes, for all pictures decoded."""


def load_image_folder(folder: Path, options: PictureOptions | None = None) -> Dataset:
    """Decode every picture of `folder` into memory.

    The splits are 70 / 15 / 15 % of each class, by the hash of the file's name: fixed, and a new
    picture does not reshuffle the others.

    Raises:
        DataError: fewer than two classes, an empty class, a damaged picture, or too many bytes.
        MissingExtraError: Pillow is not installed.
    """
    options = options or PictureOptions()
    splits = find_splits(folder)
    class_names = tuple(sorted(splits["train"]))
    paths = [path for files in splits.values() for group in files.values() for path in group]
    facts = [read_facts(path) for path in paths]
    size = _size(facts, options)
    grayscale = options.grayscale
    if grayscale is None:
        grayscale = all(fact.is_gray for fact in facts)
    needed = len(paths) * size[0] * size[1] * (1 if grayscale else 3)
    if needed > options.memory_limit:
        raise DataError(
            f"the {len(paths)} pictures in {folder} need {format_bytes(needed)} at "
            f"{size[0]}x{size[1]} pixels, but the limit is {format_bytes(options.memory_limit)}: "
            f"choose a smaller size."
        )
    decoded = {
        name: _decode_all(files, class_names, size, grayscale) for name, files in splits.items()
    }
    name = folder.resolve().name
    return from_splits(name, class_names, decoded["train"], decoded["val"], decoded["test"])


def find_splits(folder: Path) -> dict[str, Files]:
    """The pictures of each split by class, without reading them.

    Raises:
        DataError: see `load_image_folder`.
    """
    ready = {
        name: next((folder / alias for alias in aliases if (folder / alias).is_dir()), None)
        for name, aliases in _READY_MADE.items()
    }
    train = ready["train"]
    is_ready_made = train is not None and any(child.is_dir() for child in _visible(train))
    if not is_ready_made:
        return _cut(_classes(folder), ["train", "val", "test"])
    splits = {name: _classes(place) for name, place in ready.items() if place is not None}
    for name, files in splits.items():
        if files.keys() != splits["train"].keys():
            odd = sorted(files.keys() ^ splits["train"].keys())
            raise DataError(
                f"{folder}/{name} and {folder}/train must have the same classes, "
                f"but only one of them has {', '.join(odd)}."
            )
    missing = [name for name in ("val", "test") if name not in splits]
    return {**splits, **_cut(splits["train"], ["train", *missing])} if missing else splits


def _visible(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def _classes(folder: Path) -> Files:
    """The pictures of FOLDER/CLASS/, sorted.

    Raises:
        DataError: fewer than two classes, or one without a picture.
    """
    classes = {
        child.name: [p for p in _visible(child) if p.is_file() and p.suffix.lower() in SUFFIXES]
        for child in _visible(folder)
        if child.is_dir()
    }
    if len(classes) < 2:
        raise DataError(
            f"{folder} must have one sub-folder a class and at least two of them, "
            f"but has {', '.join(classes) or 'none'}."
        )
    for name, pictures in classes.items():
        if not pictures:
            raise DataError(
                f"{folder / name} must have at least one picture "
                f"({', '.join(sorted(SUFFIXES))}), but has none."
            )
    return classes


def _cut(files: Files, names: Sequence[str]) -> dict[str, Files]:
    """Cut each class into the splits `names`, of which the first takes what the others leave."""
    others = [SHARES[name] for name in names[1:]]
    splits: dict[str, Files] = {name: {} for name in names}
    for label, pictures in files.items():
        if len(pictures) < _FEWEST:
            raise DataError(
                f"the class {label!r} in {pictures[0].parent} must have at least {_FEWEST} "
                f"pictures, one for each split, but has {len(pictures)}."
            )
        by_name = {picture.name: picture for picture in pictures}
        parts = split_by_name(list(by_name), [1.0 - sum(others), *others])
        for name, part in zip(names, parts, strict=True):
            splits[name][label] = [by_name[picture] for picture in part]
    return splits


def _size(facts: Sequence[PictureFacts], options: PictureOptions) -> tuple[int, int]:
    if options.size is None:
        sizes = {fact.size for fact in facts}
        return sizes.pop() if len(sizes) == 1 else (DEFAULT_SIZE, DEFAULT_SIZE)
    size = (options.size, options.size) if isinstance(options.size, int) else options.size
    if min(size) < 1:
        raise InvalidArgumentError(f"`size` must be at least 1 pixel, but got size={options.size}.")
    return size


def _decode_all(
    files: Mapping[str, Sequence[Path]],
    class_names: Sequence[str],
    size: tuple[int, int],
    grayscale: bool,
) -> Split:
    count = sum(len(group) for group in files.values())
    images = np.empty((count, 1 if grayscale else 3, *size), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    pairs = [(label, path) for label, name in enumerate(class_names) for path in files[name]]
    pairs.sort(key=lambda pair: name_rank(f"{pair[1].parent.name}/{pair[1].name}"))
    for row, (label, path) in enumerate(pairs):
        images[row] = decode(path, size, grayscale)
        labels[row] = label
    return Split(torch.from_numpy(images), torch.from_numpy(labels))
