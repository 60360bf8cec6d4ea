"""How networks made for 224 x 224 pictures become thinner, and how they see small pictures."""

from featherweight.errors import InvalidArgumentError


def scaled_channels(channels: int, width: float, divisor: int = 8) -> int:
    """`channels * width` to the nearest multiple of `divisor`, but not below 90 % of it.

    The rule of TF-slim's MobileNetV2; at a width of 1 it changes no multiple of `divisor`.

    Raises:
        InvalidArgumentError: `width` is not positive.
    """
    if not width > 0:
        raise InvalidArgumentError(f"`width` must be greater than 0, but got width={width}.")
    exact = channels * width
    rounded = max(divisor, int(exact + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * exact else rounded


def halving_strides(input_size: int, count: int) -> tuple[int, ...]:
    """Strides of the `count` places at which a network halves its maps, first to last.

    All are 2 as long as the last map keeps more than one pixel a side. For smaller pictures the
    first ones become 1, as many as that takes: 224 to 33 pixels leave five halvings, 32 to 17 four
    of them, of which 28 keeps maps of 28, 14, 7, 4 and 2.

    Raises:
        InvalidArgumentError: `input_size` is less than 8.
    """
    if input_size < 8:
        raise InvalidArgumentError(
            f"`input_size` must be 8 or more, but got input_size={input_size}."
        )
    kept = min(count, (input_size - 1).bit_length() - 1)
    return (1,) * (count - kept) + (2,) * kept
