"""This machine as a device: its float32 peak and its bandwidth, measured in about a second."""

import platform
from pathlib import Path

import torch

from featherweight.measure.device import Device
from featherweight.measure.timing import time_in_turns

_SIDE = 512
_COPY_BYTES = 128 * 2**20
_ROUNDS = 40
_CACHE = Path("/sys/devices/system/cpu/cpu0/cache")


def calibrate(*, rounds: int = _ROUNDS) -> Device:
    """Measure this machine with torch's current number of threads.

    The peak is that of a square float32 matrix product; the bandwidth that of a copy, counting
    what is read and what is written. The best round counts: a busy machine only ever slows.
    """
    left, right = torch.randn(_SIDE, _SIDE), torch.randn(_SIDE, _SIDE)
    product = torch.empty(_SIDE, _SIDE)
    source = torch.zeros(_COPY_BYTES // 4)
    target = torch.empty_like(source)
    timings = time_in_turns(
        {
            "product": lambda: torch.mm(left, right, out=product),
            "copy": lambda: target.copy_(source),
        },
        rounds=rounds,
    )
    macs = _SIDE**3 / min(timings["product"].seconds)
    bandwidth = 2 * _COPY_BYTES / min(timings["copy"].seconds)
    threads = torch.get_num_threads()
    cache, level = _cache()
    how = f"measured, the best of {rounds} rounds, {threads} thread(s)"
    return Device(
        name="this-machine",
        title=f"this machine ({platform.machine()}), {threads} thread(s)",
        dtype="float32",
        skips_zeros=True,
        peak_macs=macs,
        bandwidth=bandwidth,
        cache_bytes=cache,
        sources={
            "peak_macs": f"{how}: float32 product of two {_SIDE}x{_SIDE} matrices",
            "bandwidth": f"{how}: copy of {_COPY_BYTES} bytes",
            "cache_bytes": level,
        },
    )


def _cache() -> tuple[float, str]:
    """Return the largest cache that the first core alone has, or 1 MiB if none is known."""
    found: dict[int, float] = {}
    for folder in _CACHE.glob("index*"):
        try:
            level = int((folder / "level").read_text())
            size = (folder / "size").read_text().strip()
        except (OSError, ValueError):
            continue
        if level == 2 and size.endswith("K"):
            found[level] = 1024 * float(size[:-1])
    return (found[2], "L2, as the system says") if 2 in found else (2**20, "assumed: 1 MiB")
