"""IDX, the format of MNIST's files (http://yann.lecun.com/exdb/mnist/), gzipped or not.

Two zero bytes, a type byte (8: uint8, the only one read here), the number of dimensions, then each
dimension as a big-endian 32-bit integer, then the elements in row-major order.
"""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from featherweight.errors import DataError
from featherweight.units import format_bytes

_UINT8 = 8
_MAX_DIMENSIONS = 4
_CHUNK = 1 << 20
# Deflate cannot expand more than 1032-fold, so a gzipped file's length bounds what is in it.
_GZIP_EXPANSION = 1032


def read_idx(path: Path, content_sha256: str | None = None) -> NDArray[np.uint8]:
    """Read an IDX file of bytes.

    The dimensions are checked against the file's length before anything is allocated.

    Args:
        content_sha256: what the bytes, unpacked, must hash to; None: not checked.

    Raises:
        DataError: not IDX, another element type, too short, too long, or another checksum.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            bound = path.stat().st_size * (_GZIP_EXPANSION if packed else 1)
            if packed:
                with gzip.open(file, "rb") as unpacked:
                    return _parse(unpacked, path, bound, content_sha256)
            return _parse(file, path, bound, content_sha256)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _parse(
    file: BinaryIO | gzip.GzipFile, path: Path, bound: int, content_sha256: str | None
) -> NDArray[np.uint8]:
    head = file.read(4)
    if len(head) < 4 or head[:3] != bytes([0, 0, _UINT8]) or not 1 <= head[3] <= _MAX_DIMENSIONS:
        raise DataError(
            f"{path} is not an IDX file of bytes: it must start with 00 00 08 and a number of "
            f"dimensions from 1 to {_MAX_DIMENSIONS}, but starts with {head.hex(' ') or 'nothing'}."
        )
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError(f"{path} is cut off inside its header.")
    shape = struct.unpack(f">{head[3]}I", sizes)
    count = math.prod(shape)
    if count > bound:
        raise DataError(
            f"{path} cannot hold what its header says: {'x'.join(map(str, shape))} elements need "
            f"{format_bytes(count)}, and the file has room for {format_bytes(bound)} at most."
        )
    body = _read(file, count + 1)
    if len(body) != count:
        difference = "is cut off" if len(body) < count else "goes on behind its last element"
        raise DataError(
            f"{path} {difference}: its header says {count} elements, "
            f"{len(body) if len(body) < count else 'more'} are there."
        )
    digest = hashlib.sha256(head + sizes)
    digest.update(body)
    if content_sha256 is not None and digest.hexdigest() != content_sha256:
        raise DataError(
            f"{path} is another file than the published one: the SHA-256 of its content is "
            f"{digest.hexdigest()}, but must be {content_sha256}."
        )
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)


def _read(file: BinaryIO | gzip.GzipFile, limit: int) -> bytearray:
    """Up to `limit` bytes, in pieces: a file that lies about its length costs no memory."""
    body = bytearray()
    while piece := file.read(min(_CHUNK, limit - len(body))):
        body += piece
    return body
