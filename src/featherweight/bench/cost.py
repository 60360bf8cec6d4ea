"""What `featherweight profile` says of a network: counted, estimated, measured."""

from dataclasses import dataclass
from typing import Any

from featherweight.bench.resident import Resident
from featherweight.measure import (
    CloudOrEdge,
    EnergyEstimate,
    Measured,
    Profile,
    TimeEstimate,
    estimate_energy,
    estimate_time,
)
from featherweight.measure.device import Device

DEFAULT_FPS = 30.0
"""The lecture's question: can we do 30 frames a second?"""


@dataclass(frozen=True)
class Cost:
    """A counted network on one device; energy and battery for `fps` inferences a second."""

    profile: Profile
    time: TimeEstimate
    energy: EnergyEstimate
    fps: float
    cloud: CloudOrEdge | None = None
    measured: Measured | None = None
    resident: Resident | str | None = None
    """In our runtime; why it cannot run it; None where that was not asked for."""

    @property
    def device(self) -> Device:
        """The device of the estimates."""
        return self.time.device

    @property
    def battery_hours(self) -> float | None:
        """How long the device's battery lasts at `fps`, if it has one and does nothing else."""
        if self.device.battery_wh is None:
            return None
        return self.energy.battery_hours(self.device.battery_wh, self.fps)


def cost_on(profile: Profile, device: Device, fps: float = DEFAULT_FPS) -> Cost:
    """Return the estimates for a counted network on a device."""
    return Cost(profile, estimate_time(profile, device), estimate_energy(profile, device), fps)


def payload(cost: Cost) -> dict[str, Any]:
    """Return the cost as JSON has it: bytes, milliseconds, millijoules."""
    profile, time, energy = cost.profile, cost.time, cost.energy
    return {
        "input_shape": profile.input_shape,
        "params": profile.params,
        "kept_params": profile.kept_params,
        "macs": profile.macs,
        "dense_macs": profile.dense_macs,
        "other_operations": profile.other_operations,
        "weight_bytes": profile.weight_bytes,
        "activation_bytes": profile.activation_bytes,
        "peak_activation_bytes": profile.peak_activation_bytes,
        "peak_layer": profile.peak_layer,
        "energy_mj": energy.total.total_mj,
        "energy": energy.total,
        "device": cost.device.name,
        "estimated_latency_ms": 1e3 * time.seconds,
        "estimated_fps": time.fps,
        "utilisation": time.utilisation,
        "fps_target": cost.fps,
        "meets_fps": time.fps >= cost.fps and not time.misfits,
        "watts_at_target": energy.watts(cost.fps),
        "battery_hours": cost.battery_hours,
        "misfits": time.misfits,
        "assumptions": tuple(dict.fromkeys((*energy.assumptions, *time.assumptions))),
        "sources": dict(cost.device.sources),
        "layers": _layers(cost),
        "cloud": cost.cloud,
        "measured": _measured(cost.measured),
        "resident": _resident(cost.resident),
    }


def _layers(cost: Cost) -> list[dict[str, Any]]:
    return [
        {
            "name": layer.name,
            "type": layer.type,
            "params": layer.params,
            "kept_params": layer.kept_params,
            "macs": layer.macs,
            "dense_macs": layer.dense_macs,
            "other_operations": layer.other_operations,
            "weight_bytes": layer.weight_bytes,
            "activation_bytes": layer.activation_bytes,
            "output_shape": layer.output_shape,
            "arithmetic_intensity": layer.arithmetic_intensity,
            "energy_mj": energy.total_mj,
            "estimated_latency_ms": 1e3 * time.seconds,
            "utilisation": time.utilisation,
            "bound": time.bound,
        }
        for layer, energy, time in zip(
            cost.profile.layers, cost.energy.layers, cost.time.layers, strict=True
        )
    ]


def _measured(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    interval = measured.timing.interval
    return {
        "backend": "torch",
        "threads": measured.threads,
        "rounds": len(measured.timing.seconds),
        "median_ms": 1e3 * interval.median,
        "low_ms": 1e3 * interval.low,
        "high_ms": 1e3 * interval.high,
        "p10_ms": 1e3 * measured.timing.percentile(10),
        "p90_ms": 1e3 * measured.timing.percentile(90),
        "peak_rss_bytes": measured.peak_memory_bytes,
        "peak_rss_note": measured.peak_memory_note,
        "energy_mj": measured.energy_mj,
        "energy_note": measured.energy_note,
    }


def _resident(resident: Resident | str | None) -> dict[str, Any] | None:
    if isinstance(resident, Resident):
        return {
            "weight_bytes": resident.weight_bytes,
            "arena_bytes": resident.arena_bytes,
            "plan_bytes": resident.plan_bytes,
            "activation_bytes": resident.activation_bytes,
        }
    return None if resident is None else {"reason": resident}
