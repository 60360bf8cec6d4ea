"""Bytes with their units: kB = 1000 bytes, KiB = 1024 bytes."""

import re

from featherweight.errors import InvalidArgumentError

_FACTORS = {
    "": 1, "B": 1,
    "KB": 1000, "MB": 1000**2, "GB": 1000**3,
    "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3,
}  # fmt: skip


def format_bytes(count: float) -> str:
    """Write a number of bytes as people read it: `format_bytes(27_300) == "27.3 kB"`."""
    for unit in ("B", "kB", "MB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def parse_bytes(text: str) -> int:
    """Read a number of bytes: `parse_bytes("200kB") == 200_000`.

    Raises:
        InvalidArgumentError: `text` is not a number followed by B, kB, MB, GB, KiB, MiB or GiB.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", text)
    factor = _FACTORS.get(match.group(2).upper()) if match else None
    if match is None or factor is None:
        raise InvalidArgumentError(
            f"a size must be a number with B, kB, MB, GB, KiB, MiB or GiB, but got {text!r}."
        )
    return int(float(match.group(1)) * factor)
