"""Bytes with their units: kB = 1000 bytes, KiB = 1024 bytes."""

import re

from featherweight.errors import InvalidArgumentError

_FACTORS = {
    "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3,
}  # fmt: skip


def format_bytes(count: float) -> str:
    """Write a number of bytes as people read it: `format_bytes(27_300) == "27.3 kB"`."""
    for unit in ("B", "kB", "MB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def parse_bytes(text: str) -> int:
    """Read a number of bytes as people write it: `parse_bytes("200kB") == 200_000`.

    Raises:
        InvalidArgumentError: not a positive number with one of the units B, kB, KiB, MB, MiB, GB.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    factor = _FACTORS.get(found[2].lower() or "b") if found else None
    count = round(float(found[1]) * factor) if found and factor else 0
    if count < 1:
        raise InvalidArgumentError(
            f"a size must be a number of bytes such as 200kB or 1.5MB, but got {text!r}."
        )
    return count
