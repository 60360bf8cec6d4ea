"""Random shifts and mirrorings, one a picture, for a whole batch at once."""

import torch
from torch import Tensor
from torch.nn import functional

from featherweight.errors import InvalidArgumentError


def augment(
    images: Tensor, generator: torch.Generator, max_shift: int = 0, horizontal_flip: bool = False
) -> Tensor:
    """Shift each picture by up to `max_shift` pixels both ways, and mirror about half of them.

    Args:
        images: any dtype, [N, C, H, W]; not changed.
        generator: on the CPU; the same state gives the same result.
        max_shift: in pixels; what moves in from outside is zero (black).
        horizontal_flip: left and right change places with probability 1/2.

    Returns:
        Pictures of the same shape and dtype; `images` itself if there is nothing to do.

    Raises:
        InvalidArgumentError: `max_shift` is negative, or moves a picture out of sight.
    """
    count, channels, height, width = images.shape
    limit = min(height, width) - 1
    if not 0 <= max_shift <= limit:
        raise InvalidArgumentError(
            f"`max_shift` must be between 0 and {limit} for pictures of {height}x{width}, "
            f"but got max_shift={max_shift}."
        )
    if not max_shift and not horizontal_flip:
        return images
    padded = functional.pad(images, (max_shift,) * 4)
    rows, columns = _windows(images.shape, generator, max_shift, horizontal_flip)
    # One gather of flat positions does both: several times faster than a loop, or flip and where.
    positions = (rows[:, :, None] * padded.shape[-1] + columns[:, None, :]).to(images.device)
    positions = positions.view(count, 1, height * width).expand(-1, channels, -1)
    return padded.flatten(2).gather(2, positions).view(images.shape)


def _windows(
    shape: torch.Size, generator: torch.Generator, max_shift: int, flip: bool
) -> tuple[Tensor, Tensor]:
    """Which rows [N, H] and columns [N, W] of the padded pictures are taken, in which order."""
    count, _, height, width = shape
    steps = torch.randint(0, 2 * max_shift + 1, (2, count, 1), generator=generator)
    rows, columns = torch.arange(height), torch.arange(width).expand(count, width)
    if flip:
        mirrored = torch.rand((count, 1), generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(-1), columns)
    return steps[0] + rows, steps[1] + columns
