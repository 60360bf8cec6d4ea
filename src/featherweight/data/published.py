"""MNIST and Fashion-MNIST from four IDX files, wherever they are."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from featherweight.data.catalogue import PublishedSet
from featherweight.data.dataset import Dataset, Split, from_splits
from featherweight.data.download import download
from featherweight.data.idx import read_idx
from featherweight.data.splits import stratified_split
from featherweight.errors import DataError

FOLDER_VARIABLE = "FEATHERWEIGHT_DATA"


def load_published(
    spec: PublishedSet, root: Path | None = None, *, may_download: bool = False
) -> Dataset:
    """Read one of `published_sets()`; the content of each file is checked against its SHA-256.

    Args:
        root: the folder with the four files (or with a folder of the set's name that has them);
            None: the places that `search_folders` lists.
        may_download: fetch them into the first of these folders if they are in none.

    Raises:
        DataError: they are nowhere, or are not the published ones.
    """
    folders = search_folders(spec, root)
    folder = next((f for f in folders if not _missing(spec, f)), None)
    if folder is None and may_download:
        folder = folders[0]
        for name in _missing(spec, folder):
            file = next(f for f in spec.files if f.name == name)
            addresses = [f"{mirror}{name}.gz" for mirror in spec.mirrors]
            download(addresses, folder / f"{name}.gz", sha256=file.sha256, size=file.bytes)
    if folder is None:
        raise DataError(_where_to_get(spec, folders))
    return _read(spec, folder)


def search_folders(spec: PublishedSet, root: Path | None) -> tuple[Path, ...]:
    """Where the files may be, best first.

    `root` alone if it is given; otherwise $FEATHERWEIGHT_DATA/NAME, the user's cache, and the
    folder of the system's package.
    """
    if root is not None:
        return (root, root / spec.name)
    folders = []
    if chosen := os.environ.get(FOLDER_VARIABLE):
        folders.append(Path(chosen) / spec.name)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folders.append(Path(cache) / "featherweight" / spec.name)
    if spec.system_folder is not None:
        folders.append(Path(spec.system_folder))
    return tuple(folders)


def _file(folder: Path, name: str) -> Path | None:
    """The file unpacked or gzipped."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _missing(spec: PublishedSet, folder: Path) -> list[str]:
    return [file.name for file in spec.files if _file(folder, file.name) is None]


def _where_to_get(spec: PublishedSet, folders: Sequence[Path]) -> str:
    def state(folder: Path) -> str:
        if not folder.is_dir():
            return f"{folder} (no such folder)"
        return f"{folder} (lacks {', '.join(_missing(spec, folder))})"

    ways = [spec.hint] if spec.hint else []
    ways += [
        "--root FOLDER with the four IDX files",
        f"{FOLDER_VARIABLE}=FOLDER with them in {spec.name}/",
        "--download",
    ]
    return (
        f"the data set {spec.name!r} was not found. Looked at: {'; '.join(map(state, folders))}. "
        f"To get it: {'; or '.join(ways)}."
    )


def _read(spec: PublishedSet, folder: Path) -> Dataset:
    arrays = []
    for file in spec.files:
        path = _file(folder, file.name)
        if path is None:
            raise DataError(f"{folder} lacks {file.name}.")
        arrays.append(read_idx(path, file.content_sha256))
    images, labels, test_images, test_labels = arrays
    for pictures, names in ((images, labels), (test_images, test_labels)):
        if pictures.ndim != 3 or names.ndim != 1 or len(pictures) != len(names):
            raise DataError(
                f"{folder} must hold pictures [N, H, W] and labels [N], "
                f"but got {list(pictures.shape)} and {list(names.shape)}."
            )
    parts = stratified_split(labels.astype(np.int64), spec.sizes, spec.seed)
    train, val = (_split(images[part], labels[part]) for part in parts)
    test = _split(test_images, test_labels)
    return from_splits(spec.name, spec.class_names, train, val, test)


def _split(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Split:
    return Split(torch.from_numpy(images)[:, None], torch.from_numpy(labels.astype(np.int64)))
