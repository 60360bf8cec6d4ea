"""Bytes with their units: kB = 1000 bytes, KiB = 1024 bytes."""


def format_bytes(count: float) -> str:
    """Write a number of bytes as people read it: `format_bytes(27_300) == "27.3 kB"`."""
    for unit in ("B", "kB", "MB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
