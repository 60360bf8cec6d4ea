"""Download one file with its checksum: it is there whole and right, or not at all."""

import hashlib
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from featherweight.errors import DataError

_CHUNK = 1 << 18
_TIMEOUT = 30.0


def download(addresses: Sequence[str], target: Path, *, sha256: str, size: int) -> None:
    """Fetch `target` from the first address that gives the right bytes.

    They go to a file beside it, which takes its name once the checksum is right.

    Args:
        size: in bytes; nothing is read beyond it.

    Raises:
        DataError: no address gave them; the message says of each why.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target.parent} cannot be made: {error.strerror or error}.") from error
    failures = []
    for address in addresses:
        try:
            _fetch(address, target, sha256, size)
            return
        except (DataError, OSError) as error:  # URLError and time-outs are OSErrors
            failures.append(f"{address}: {error}")
    raise DataError(f"{target.name} could not be downloaded. " + "; ".join(failures))


def _fetch(address: str, target: Path, sha256: str, size: int) -> None:
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=target.name, suffix=".partial", delete=False
    ) as partial:
        place = Path(partial.name)
        try:
            with urllib.request.urlopen(address, timeout=_TIMEOUT) as source:
                found = _copy(source, partial, size)
            if found != sha256:
                raise DataError(f"wrong checksum: SHA-256 is {found}, but must be {sha256}")
            partial.close()
            place.chmod(0o644)
            place.replace(target)
        finally:
            place.unlink(missing_ok=True)


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> str:
    """Copy at most `size` bytes, and one more to see that it ends there; return their SHA-256."""
    digest, left = hashlib.sha256(), size + 1
    while left and (piece := source.read(min(_CHUNK, left))):
        target.write(piece)
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()
