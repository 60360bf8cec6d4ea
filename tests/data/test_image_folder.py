"""Folders of pictures, made with Pillow."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from featherweight.data import load
from featherweight.data.image_folder import PictureOptions, find_splits, load_image_folder
from featherweight.errors import DataError, InvalidArgumentError
from featherweight.pictures import decode


def picture(path, size=(6, 5), mode="RGB", seed=0, **options):
    """A picture of random pixels; `size` is (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"RGB": (3,), "RGBA": (4,), "LA": (2,), "L": ()}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, *channels), dtype=np.uint8)
    Image.fromarray(pixels, mode=None).save(path, **options)
    return pixels


def fill(folder, classes=("cat", "dog"), count=20, **options):
    for label, name in enumerate(classes):
        for index in range(count):
            picture(folder / name / f"{index:02d}.png", seed=100 * label + index, **options)
    return folder


def names(splits):
    return {
        split: {label: [path.name for path in paths] for label, paths in files.items()}
        for split, files in splits.items()
    }


def test_splits_are_stratified_and_hold_every_picture_once(tmp_path):
    fill(tmp_path / "pets")
    dataset = load(tmp_path / "pets")
    assert dataset.name == "pets"
    assert dataset.class_names == ("cat", "dog")
    assert dataset.shape == (3, 6, 5)
    splits = (dataset.train, dataset.val, dataset.test)
    assert [split.labels.bincount().tolist() for split in splits] == [[14, 14], [3, 3], [3, 3]]
    found = {
        (image.numpy().tobytes(), int(label))
        for split in splits
        for image, label in zip(split.images, split.labels, strict=True)
    }
    expected = set()
    for label, name in enumerate(dataset.class_names):
        for path in (tmp_path / "pets" / name).iterdir():
            pixels = np.asarray(Image.open(path))
            expected.add((np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes(), label))
    assert found == expected


def test_loading_twice_gives_the_same_bytes(tmp_path):
    fill(tmp_path)
    first, second = load(tmp_path), load(tmp_path)
    assert torch.equal(first.train.images, second.train.images)
    assert torch.equal(first.train.labels, second.train.labels)


def test_a_new_picture_does_not_reshuffle_the_others(tmp_path):
    fill(tmp_path)
    before = names(find_splits(tmp_path))
    picture(tmp_path / "cat" / "new.png")
    after = names(find_splits(tmp_path))
    for split in ("train", "val", "test"):
        assert after[split]["dog"] == before[split]["dog"]
        assert len(set(after[split]["cat"]) ^ set(before[split]["cat"])) <= 2


def test_hidden_files_and_other_files_are_ignored(tmp_path):
    fill(tmp_path)
    picture(tmp_path / ".cache" / "x.png")
    picture(tmp_path / "cat" / ".hidden.png")
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    (tmp_path / "LICENSE").write_text("not a class")
    (tmp_path / "cat" / "deeper.png").mkdir()
    dataset = load(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert sum(len(split) for split in (dataset.train, dataset.val, dataset.test)) == 40


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_ready_made_splits_are_kept(tmp_path, val):
    for split, count in (("train", 4), (val, 2), ("test", 1)):
        fill(tmp_path / split, count=count)
    dataset = load(tmp_path)
    counts = [len(split) for split in (dataset.train, dataset.val, dataset.test)]
    assert counts == [8, 4, 2]


def test_a_missing_ready_made_split_is_cut_out_of_train(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test", count=5)
    splits = find_splits(tmp_path)
    assert [len(splits[name]["cat"]) for name in ("train", "val", "test")] == [17, 3, 5]
    assert not set(splits["train"]["cat"]) & set(splits["val"]["cat"])


def test_a_class_may_be_called_train(tmp_path):
    fill(tmp_path, classes=("bus", "train"), count=3)
    assert load(tmp_path).class_names == ("bus", "train")


def test_sizes_that_differ_become_224_and_a_size_can_be_chosen(tmp_path):
    fill(tmp_path, count=3)
    picture(tmp_path / "cat" / "wide.png", size=(10, 40))
    assert load(tmp_path).shape == (3, 224, 224)
    assert load(tmp_path, size=8).shape == (3, 8, 8)
    assert load(tmp_path, size=(4, 9)).shape == (3, 4, 9)


def test_resizing_keeps_the_proportions_and_cuts_the_centre(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255  # the middle third is white
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert (decode(tmp_path / "wide.png", (10, 10), grayscale=False) == 255).all()
    assert (decode(tmp_path / "wide.png", (5, 5), grayscale=True)[:, :, 1:-1] == 255).all()


@pytest.mark.parametrize(
    ("mode", "option", "channels"),
    [("L", None, 1), ("LA", None, 1), ("L", False, 3), ("RGB", None, 3), ("RGB", True, 1),
     ("RGBA", None, 3)],
)  # fmt: skip
def test_channels_are_kept_or_converted(tmp_path, mode, option, channels):
    fill(tmp_path, count=3, mode=mode)
    assert load(tmp_path, grayscale=option).shape == (channels, 6, 5)


def test_one_coloured_picture_makes_all_of_them_coloured(tmp_path):
    fill(tmp_path, count=3, mode="L")
    picture(tmp_path / "cat" / "colour.png")
    assert load(tmp_path).shape == (3, 6, 5)


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    wide = np.arange(0, 65536, 4096, dtype=np.uint16).reshape(4, 4)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert np.array_equal(decode(tmp_path / "wide.png", (4, 4), grayscale=True)[0], wide >> 8)


def test_photographs_are_turned_as_they_were_taken(tmp_path):
    fill(tmp_path, count=3)
    upright = picture(tmp_path / "upright.png", size=(5, 6))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    for path in sorted(tmp_path.glob("*/*.png")):
        Image.fromarray(upright).save(path, exif=exif)
    dataset = load(tmp_path)
    assert dataset.shape == (3, 6, 5)
    expected = np.rot90(upright, k=-1).transpose(2, 0, 1)
    assert np.array_equal(dataset.train.images[0].numpy(), expected)


def test_a_damaged_picture_is_named(tmp_path):
    fill(tmp_path, count=3, size=(40, 40))
    path = tmp_path / "cat" / "01.png"
    whole = path.read_bytes()
    for content in (b"", b"not a picture at all", whole[:20], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cat/01\.png is a damaged picture"):
            load(tmp_path)


def test_a_format_that_is_not_asked_for_is_not_decoded(tmp_path):
    fill(tmp_path, count=3)
    (tmp_path / "cat" / "01.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(DataError, match=r"cat/01\.png is a damaged picture, or not in one of"):
        load(tmp_path)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    fill(tmp_path, count=3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match="too large a picture"):
        load(tmp_path)


def test_more_than_the_memory_limit_is_refused_before_decoding(tmp_path):
    fill(tmp_path, count=3)
    options = PictureOptions(size=100, memory_limit=100_000)
    with pytest.raises(DataError, match=r"6 pictures .* need 180\.0 kB .* limit is 100\.0 kB"):
        load_image_folder(tmp_path, options)


def test_a_size_below_one_is_refused(tmp_path):
    fill(tmp_path, count=3)
    with pytest.raises(InvalidArgumentError, match="at least 1 pixel, but got size=0"):
        load(tmp_path, size=0)


def test_folders_that_are_no_data_set(tmp_path):
    with pytest.raises(DataError, match="at least two of them, but has none"):
        load(tmp_path)
    fill(tmp_path, classes=("cat",))
    with pytest.raises(DataError, match="at least two of them, but has cat"):
        load(tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match=r"dog must have at least one picture"):
        load(tmp_path)
    picture(tmp_path / "dog" / "only.png")
    with pytest.raises(DataError, match=r"'dog' .* at least 3 pictures, .* but has 1"):
        load(tmp_path)


def test_ready_made_splits_must_have_the_same_classes(tmp_path):
    for split in ("train", "val", "test"):
        fill(tmp_path / split, count=1)
    shutil.move(tmp_path / "test" / "dog", tmp_path / "test" / "wolf")
    with pytest.raises(DataError, match="only one of them has dog, wolf"):
        load(tmp_path)
