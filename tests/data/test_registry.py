"""load(): names, folders, and options that do not belong."""

import pytest

from featherweight.data import data_set_names, load
from featherweight.errors import InvalidArgumentError


def test_names():
    assert data_set_names() == ("mnist5k", "digits", "mnist", "fashion-mnist")


def test_neither_name_nor_folder(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"one of mnist5k, .* or a folder .* 'no-such'"):
        load("no-such")


@pytest.mark.parametrize("options", [{"root": "x"}, {"download": True}])
def test_root_and_download_are_for_idx_files(options):
    with pytest.raises(InvalidArgumentError, match=r"for mnist, fashion-mnist, .* 'mnist5k'"):
        load("mnist5k", **options)


@pytest.mark.parametrize("options", [{"size": 8}, {"grayscale": True}])
def test_size_and_grayscale_are_for_folders(options):
    with pytest.raises(InvalidArgumentError, match=r"for folders of pictures, .* 'fashion-mnist'"):
        load("fashion-mnist", **options)
