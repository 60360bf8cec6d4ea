"""What a call costs this process: peak memory, and energy where the processor counts it (RAPL)."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_PROCESSES = Path("/proc")
_CLEAR = Path("/proc/self/clear_refs")


def peak_memory_bytes() -> int:
    """Return the most memory that this process has had resident (its high-water mark)."""
    found = peak_memory_of("self")
    if found is not None:
        return found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_memory_of(process: int | str) -> int | None:
    """The same of another process, by its id; None where the system does not tell."""
    try:
        lines = (_PROCESSES / str(process) / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith("VmHWM:")), None)


def reset_peak_memory() -> bool:
    """Start the high-water mark again from now; False where the system has no such thing."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class EnergyReading:
    """Joules that the processor's packages used while something ran, or why that is not known."""

    joules: float | None
    note: str


def measure_energy(call: Callable[[], object], powercap: Path = POWERCAP) -> EnergyReading:
    """Run `call` and read what RAPL counted meanwhile: all that ran on all packages."""
    counters = sorted(
        folder / "energy_uj"
        for folder in powercap.glob("intel-rapl:*")
        if folder.name.count(":") == 1 and (folder / "energy_uj").exists()
    )
    try:
        before = [int(counter.read_text()) for counter in counters]
        ranges = [int((c.parent / "max_energy_range_uj").read_text()) for c in counters]
    except OSError as error:
        return EnergyReading(None, f"RAPL cannot be read: {error.strerror}")
    if not counters:
        return EnergyReading(None, "this machine has no RAPL counters")
    call()
    after = [int(counter.read_text()) for counter in counters]
    # A counter starts again at zero beyond its range.
    used = sum(
        end - start if end >= start else end - start + span
        for start, end, span in zip(before, after, ranges, strict=True)
    )
    return EnergyReading(used * 1e-6, f"RAPL, {len(counters)} package(s), everything on them")
