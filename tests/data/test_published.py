"""MNIST and Fashion-MNIST: where they are looked for, what is checked, how they are split."""

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from featherweight.data import load
from featherweight.data.catalogue import PublishedSet, published_sets
from featherweight.data.published import FOLDER_VARIABLE, load_published, search_folders
from featherweight.errors import DataError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def _contents() -> dict[str, bytes]:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (50, 4, 4), dtype=np.uint8)
    labels = np.arange(50, dtype=np.uint8) % 5
    arrays = (pictures, labels, pictures[:10] ^ 0xFF, labels[:10])
    names = (file.name for file in published_sets()["mnist"].files)
    return {name: _idx(array) for name, array in zip(names, arrays, strict=True)}


CONTENTS = _contents()


@pytest.fixture(autouse=True)
def _no_other_places(tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def small(tmp_path) -> PublishedSet:
    """A data set of 50 + 10 pictures, served from a folder."""
    served = tmp_path / "served"
    served.mkdir()
    files = []
    for file in published_sets()["mnist"].files:
        packed = gzip.compress(CONTENTS[file.name], mtime=0)
        (served / f"{file.name}.gz").write_bytes(packed)
        files.append(
            replace(
                file,
                bytes=len(packed),
                sha256=hashlib.sha256(packed).hexdigest(),
                content_sha256=hashlib.sha256(CONTENTS[file.name]).hexdigest(),
            )
        )
    return replace(
        published_sets()["mnist"],
        name="small",
        mirrors=(served.as_uri() + "/",),
        class_names=tuple("abcde"),
        sizes=(40, 10),
        files=tuple(files),
    )


def put(folder: Path, packed: bool = False) -> Path:
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        if packed:  # by another program: the file differs from the published one, its content not
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("inner", ["", "small"])
def test_from_a_root_folder(small, tmp_path, packed, inner):
    put(tmp_path / "root" / inner, packed)
    dataset = load_published(small, tmp_path / "root")
    assert dataset.name == "small"
    assert dataset.shape == (1, 4, 4)
    assert dataset.train.labels.bincount().tolist() == [8] * 5
    assert dataset.val.labels.bincount().tolist() == [2] * 5
    original = np.frombuffer(CONTENTS["t10k-images-idx3-ubyte"][16:], np.uint8)
    assert np.array_equal(dataset.test.images.numpy().ravel(), original)


def test_places_are_tried_in_order(small, tmp_path, monkeypatch):
    system = put(tmp_path / "system")
    small = replace(small, system_folder=str(system))
    assert len(load_published(small).test) == 10
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "chosen"))
    assert search_folders(small, None) == (
        tmp_path / "chosen" / "small", tmp_path / "cache" / "featherweight" / "small", system,
    )  # fmt: skip
    broken = put(tmp_path / "chosen" / "small") / "t10k-labels-idx1-ubyte"
    broken.write_bytes(b"not idx")
    with pytest.raises(DataError, match="is not an IDX file"):
        load_published(small)  # the first place that has all four files is the one that counts


def test_nothing_found_names_each_place_and_each_way(small, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "chosen"))
    put(tmp_path / "chosen" / "small")
    (tmp_path / "chosen" / "small" / "t10k-labels-idx1-ubyte").unlink()
    small = replace(small, hint="apt-get install something")
    with pytest.raises(DataError) as caught:
        load_published(small)
    message = str(caught.value)
    for part in (
        f"{tmp_path / 'chosen' / 'small'} (lacks t10k-labels-idx1-ubyte)",
        f"{tmp_path / 'cache' / 'featherweight' / 'small'} (no such folder)",
        "apt-get install something", "--root", "--download", FOLDER_VARIABLE,
    ):  # fmt: skip
        assert part in message


def test_it_is_downloaded_only_when_asked(small, tmp_path):
    with pytest.raises(DataError, match="was not found"):
        load_published(small)
    dataset = load_published(small, may_download=True)
    assert len(dataset.train) == 40
    folder = tmp_path / "cache" / "featherweight" / "small"
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{n}.gz" for n in CONTENTS)
    assert torch.equal(load_published(small).train.images, dataset.train.images)


def test_a_download_with_another_checksum_leaves_nothing(small, tmp_path):
    first = replace(small.files[0], sha256="0" * 64)
    small = replace(small, files=(first, *small.files[1:]))
    with pytest.raises(DataError, match="wrong checksum"):
        load_published(small, tmp_path / "root", may_download=True)
    assert list((tmp_path / "root").iterdir()) == []


def test_another_content_is_refused(small, tmp_path):
    root = put(tmp_path / "root")
    content = bytearray(CONTENTS["train-images-idx3-ubyte"])
    content[-1] ^= 1
    (root / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataError, match="another file than the published one"):
        load_published(small, root)


def test_mnist_that_is_nowhere_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match=r"'mnist' was not found.*--download"):
        load("mnist", root=tmp_path)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist():
    dataset = load("fashion-mnist", root=DEBIAN)
    assert dataset.shape == (1, 28, 28)
    assert dataset.class_names[0] == "T-shirt/top"
    for split, a_class in ((dataset.train, 5500), (dataset.val, 500), (dataset.test, 1000)):
        assert split.images.shape == (10 * a_class, 1, 28, 28)
        assert split.labels.bincount().tolist() == [a_class] * 10
    found = [
        hashlib.sha256(split.images.numpy().tobytes() + split.labels.numpy().tobytes()).hexdigest()
        for split in (dataset.train, dataset.val, dataset.test)
    ]
    assert found == [
        "bcaf339f9dab07d26fbd9fec30e5af4165aa770c2ed88ff9c4e37d541651a3be",
        "a5549a2b37153571bc60dbf069c8930d8d3b36298c2557f94ca55cafc1eeb7b6",
        "9a494dc49efeb996f4076c469b31cd058152067b1594ba6ab85dd739fce3775e",
    ]
