"""Decode pictures to bytes of one shape."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featherweight.errors import DataError
from featherweight.extras import require

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""What counts as a picture; other files are ignored."""
_DECODERS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_GRAY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"})
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class PictureFacts:
    """What a picture's header says, turned as its camera was held."""

    size: tuple[int, int]
    """Height and width, in pixels."""
    is_gray: bool


def read_facts(path: Path) -> PictureFacts:
    """Read a picture's header, not its pixels.

    Raises:
        DataError: it is damaged, too large, or in another format than its name says.
    """
    with _open(path) as picture:
        width, height = picture.size
        # Asking for EXIF makes Pillow decode a PNG that has none: look first.
        turned = "exif" in picture.info and picture.getexif().get(_ORIENTATION, 1) >= 5
        return PictureFacts(
            (width, height) if turned else (height, width), picture.mode in _GRAY_MODES
        )


def decode(path: Path, size: tuple[int, int], grayscale: bool) -> NDArray[np.uint8]:
    """Decode one picture: uint8 [C, height, width], with C = 1 if `grayscale` else 3.

    It is turned as its EXIF data says, resized (bilinear, antialiased) until it covers `size`, and
    cut to its centre. Transparency is dropped; 16-bit pictures lose their low byte.

    Raises:
        DataError: it is damaged.
    """
    operations: Any = require("PIL.ImageOps", "pictures")
    with _open(path) as picture:
        try:
            upright = operations.exif_transpose(picture) if "exif" in picture.info else picture
            if upright.mode.startswith("I"):
                upright = _high_byte(upright)
            upright = upright.convert("L" if grayscale else "RGB")
            height, width = size
            if upright.size != (width, height):
                bilinear = require("PIL.Image", "pictures").Resampling.BILINEAR
                upright = operations.fit(upright, (width, height), method=bilinear)
            pixels = np.asarray(upright, dtype=np.uint8)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise DataError(f"{path} is a damaged picture: {error}.") from error
    return pixels[None] if grayscale else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _high_byte(picture: "Image") -> "Image":
    wide = np.asarray(picture).clip(0, 0xFFFF).astype(np.uint16)
    made: Image = require("PIL.Image", "pictures").fromarray((wide >> 8).astype(np.uint8))
    return made


def _open(path: Path) -> "Image":
    images = require("PIL.Image", "pictures")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", images.DecompressionBombWarning)
            picture: Image = images.open(path, formats=_DECODERS)
    except (images.DecompressionBombWarning, images.DecompressionBombError) as error:
        raise DataError(f"{path} is too large a picture: {error}") from error
    except images.UnidentifiedImageError as error:
        raise DataError(
            f"{path} is a damaged picture, or not in one of the formats {', '.join(_DECODERS)}."
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DataError(f"{path} is a damaged picture: {error}.") from error
    return picture
