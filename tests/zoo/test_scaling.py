"""Widths and small pictures."""

import pytest

from featherweight.errors import InvalidArgumentError
from featherweight.zoo import create
from featherweight.zoo.scaling import halving_strides, scaled_channels


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [
        (32, 1.0, 32), (16, 0.35, 8), (24, 0.35, 8), (32, 0.35, 16), (64, 0.35, 24),
        (320, 0.35, 112), (16, 1.3, 24), (32, 1.4, 48), (24, 0.75, 24), (160, 0.75, 120),
    ],
)  # fmt: skip
def test_channels_as_tf_slim_rounds_them(channels: int, width: float, expected: int) -> None:
    assert scaled_channels(channels, width) == expected


def test_rounding_loses_at_most_a_tenth() -> None:
    for channels in range(8, 520, 8):
        for hundredths in range(10, 200, 7):
            scaled = scaled_channels(channels, hundredths / 100)
            assert scaled % 8 == 0
            assert scaled >= 0.9 * channels * hundredths / 100
        assert scaled_channels(channels, 1.0) == channels


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_width_must_be_positive(width: float) -> None:
    with pytest.raises(InvalidArgumentError, match="`width` must be greater than 0"):
        scaled_channels(32, width)


@pytest.mark.parametrize(
    ("size", "count", "expected"),
    [
        (224, 5, (2, 2, 2, 2, 2)), (33, 5, (2, 2, 2, 2, 2)), (32, 5, (1, 2, 2, 2, 2)),
        (28, 5, (1, 2, 2, 2, 2)), (16, 5, (1, 1, 2, 2, 2)), (8, 5, (1, 1, 1, 2, 2)),
        (28, 3, (2, 2, 2)),
    ],
)  # fmt: skip
def test_halvings(size: int, count: int, expected: tuple[int, ...]) -> None:
    assert halving_strides(size, count) == expected
    side = size
    for stride in expected:
        side = -(-side // stride)
    assert side > 1


def test_a_picture_of_less_than_eight_pixels_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="must be 8 or more, but got input_size=7"):
        halving_strides(7, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 5}, "`groups` must be one of 1, 2, 3, 4, 8, but got groups=5"),
        ({"scale": 0.1}, "but got scale=0.1"),
    ],
)
def test_shufflenets_own_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        create("shufflenet-v1", **options)
