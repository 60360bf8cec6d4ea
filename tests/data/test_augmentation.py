"""Augmentation against a plain loop over the pictures."""

import pytest
import torch
from torch.nn import functional

from featherweight.data import augment
from featherweight.errors import InvalidArgumentError


def pictures(count=64, channels=3, height=6, width=9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    shape = (count, channels, height, width)
    return torch.randint(1, 256, shape, dtype=torch.uint8, generator=generator)


def generator(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def outcomes(image: torch.Tensor, max_shift: int, flip: bool) -> dict[tuple, torch.Tensor]:
    """Every picture that `augment` may make of this one, by (down, right, mirrored)."""
    _, height, width = image.shape
    found = {}
    for mirrored in (False, True) if flip else (False,):
        padded = functional.pad(image.flip(-1) if mirrored else image, (max_shift,) * 4)
        for down in range(2 * max_shift + 1):
            for right in range(2 * max_shift + 1):
                window = padded[:, down : down + height, right : right + width]
                found[down, right, mirrored] = window
    return found


@pytest.mark.parametrize(("max_shift", "flip"), [(1, False), (2, True), (0, True), (5, True)])
def test_each_picture_is_shifted_and_mirrored_as_a_whole(max_shift, flip):
    images = pictures()
    changed = augment(images, generator(), max_shift, flip)
    assert changed.shape == images.shape
    assert changed.dtype == torch.uint8
    used = set()
    for before, after in zip(images, changed, strict=True):
        possible = outcomes(before, max_shift, flip)
        match = [key for key, value in possible.items() if torch.equal(value, after)]
        assert len(match) == 1
        used.add(match[0])
    if max_shift == 1:
        assert len(used) == 9
    if flip:
        assert {key[2] for key in used} == {False, True}


def test_the_generator_alone_decides():
    images = pictures()
    first, same, other = (augment(images, generator(seed), 2, True) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_the_input_is_not_changed_and_is_returned_when_there_is_nothing_to_do():
    images = pictures()
    copy = images.clone()
    augment(images, generator(), 2, True)
    assert torch.equal(images, copy)
    assert augment(images, generator()) is images


@pytest.mark.parametrize("max_shift", [-1, 6])
def test_a_shift_out_of_sight_is_refused(max_shift):
    with pytest.raises(InvalidArgumentError, match=f"between 0 and 5 .* max_shift={max_shift}"):
        augment(pictures(), generator(), max_shift)
