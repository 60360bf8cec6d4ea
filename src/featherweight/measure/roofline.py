"""The time of each layer on a device at best: its arithmetic or its traffic, whichever is more.

Williams, Waterman & Patterson 2009, "Roofline: an insightful visual performance model for
multicore architectures", CACM 52(4):

    seconds = max(macs / (peak * utilisation), DRAM bytes / bandwidth)

`utilisation` is the share of a tile or vector that the layer's sizes fill. It is a lower bound of
the time: no start-up of a layer, no other operations, perfect overlap of arithmetic and traffic.
"""

from dataclasses import dataclass

from featherweight.measure.counting import Profile
from featherweight.measure.device import Device
from featherweight.measure.layers import LayerCost
from featherweight.measure.traffic import NetworkTraffic, Traffic, traffic
from featherweight.units import format_bytes


@dataclass(frozen=True)
class LayerTime:
    """One layer's estimate."""

    name: str
    macs: int
    dram_bytes: float
    utilisation: float
    """Share of the multipliers that it can keep busy, in (0, 1]."""
    compute_seconds: float
    memory_seconds: float

    @property
    def seconds(self) -> float:
        """The longer of the two."""
        return max(self.compute_seconds, self.memory_seconds)

    @property
    def bound(self) -> str:
        """What takes the time: "compute", "memory", or "" if nothing does."""
        if self.seconds == 0:
            return ""
        return "compute" if self.compute_seconds >= self.memory_seconds else "memory"

    @property
    def intensity(self) -> float:
        """Multiply-adds for each byte of DRAM traffic; infinite without traffic."""
        return self.macs / self.dram_bytes if self.dram_bytes else float("inf")


@dataclass(frozen=True)
class TimeEstimate:
    """A network's time on a device at best, layer by layer."""

    device: Device
    layers: tuple[LayerTime, ...]
    batch: int
    misfits: tuple[str, ...]
    """What does not fit into the device's memory, in words; empty if all does."""
    assumptions: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Time of one inference, its layers one after the other."""
        return sum(layer.seconds for layer in self.layers)

    @property
    def fps(self) -> float:
        """Samples a second."""
        return self.batch / self.seconds if self.seconds else float("inf")

    @property
    def utilisation(self) -> float:
        """Multiply-adds over those that the device could have done in the same time."""
        done = sum(layer.macs for layer in self.layers)
        return done / (self.device.peak_macs * self.seconds) if self.seconds else 0.0


def estimate_time(profile: Profile, device: Device) -> TimeEstimate:
    """Return the roofline estimate of a counted network on a device."""
    moved = traffic(profile, device)
    layers = tuple(
        _layer_time(layer, part, device)
        for layer, part in zip(profile.layers, moved.layers, strict=True)
    )
    return TimeEstimate(
        device=device,
        layers=layers,
        batch=profile.batch,
        misfits=_misfits(moved, device),
        assumptions=(*moved.assumptions, "arithmetic and traffic overlap; other operations free"),
    )


def _layer_time(layer: LayerCost, part: Traffic, device: Device) -> LayerTime:
    utilisation = device.utilisation(layer.product) if layer.product else 1.0
    return LayerTime(
        name=layer.name,
        macs=part.macs,
        dram_bytes=part.dram_bytes,
        utilisation=utilisation,
        compute_seconds=part.macs / (device.peak_macs * utilisation),
        memory_seconds=part.dram_bytes / device.bandwidth,
    )


def _misfits(moved: NetworkTraffic, device: Device) -> tuple[str, ...]:
    needs = (
        ("weights", moved.weight_bytes, device.weight_memory),
        ("activations at their peak", moved.peak_bytes, device.activation_memory),
    )
    return tuple(
        f"{what} take {format_bytes(need)}, but {device.title} has {format_bytes(limit)} for them"
        for what, need, limit in needs
        if limit is not None and need > limit
    )
