"""Energy of one inference by the lecture's table: arithmetic, registers, SRAM, DRAM apart.

A multiply-add costs a multiplication in its type and an addition in the type of its accumulator;
another operation costs one addition. Every byte that a layer moves passes the SRAM once; what
comes from or goes to DRAM pays that access on top. Figures: `energy.yaml`. The table is of a 45 nm
process: newer ones need less for arithmetic, hardly less for DRAM. Control, leakage and idle time
are not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from featherweight.errors import InvalidArgumentError
from featherweight.measure.counting import Profile
from featherweight.measure.device import Device
from featherweight.measure.traffic import Traffic, traffic
from featherweight.measure.values import element_bytes

_MJ_PER_PJ = 1e-9
_WORD_BYTES = 4


@dataclass(frozen=True)
class Energy:
    """Millijoules, by what they are spent on."""

    arithmetic_mj: float = 0.0
    register_mj: float = 0.0
    sram_mj: float = 0.0
    dram_mj: float = 0.0

    @property
    def total_mj(self) -> float:
        """Their sum."""
        return self.arithmetic_mj + self.register_mj + self.sram_mj + self.dram_mj

    def __add__(self, other: "Energy") -> "Energy":
        return Energy(
            self.arithmetic_mj + other.arithmetic_mj,
            self.register_mj + other.register_mj,
            self.sram_mj + other.sram_mj,
            self.dram_mj + other.dram_mj,
        )


@dataclass(frozen=True)
class EnergyEstimate:
    """Energy of one inference, in all and by layer, with what was assumed."""

    layers: tuple[Energy, ...]
    assumptions: tuple[str, ...]

    @property
    def total(self) -> Energy:
        """The sum over the layers."""
        return sum(self.layers, Energy())

    def watts(self, fps: float) -> float:
        """Power at `fps` inferences a second."""
        return self.total.total_mj * 1e-3 * fps

    def battery_hours(self, battery_wh: float, fps: float) -> float:
        """How long a battery lasts if it does nothing but this, `fps` times a second."""
        return battery_wh / self.watts(fps)


def estimate_energy(profile: Profile, device: Device | None = None) -> EnergyEstimate:
    """Return the energy of one inference on the arithmetic and memories of the lecture's table.

    Args:
        profile: the counted network.
        device: gives the type to compute in and the cache; without one, the network's own type,
            weights from DRAM and activations on the chip.

    Raises:
        InvalidArgumentError: the table has no figures for the type.
    """
    moved = traffic(profile, device)
    layers = tuple(_energy(layer) for layer in moved.layers)
    notes = ("45 nm, 0.9 V; no control logic, leakage or idle time", *moved.assumptions)
    return EnergyEstimate(layers, notes)


def _energy(layer: Traffic) -> Energy:
    table = _table()
    accesses, types = table["accesses"], table["types"]
    if layer.dtype not in types:
        if layer.macs == 0:  # Indices and masks: moved, not computed with.
            return _with_memory(0.0, 0.0, layer)
        raise InvalidArgumentError(
            f"the energy table has figures for {', '.join(types)}, but not for {layer.dtype}."
        )
    costs = types[layer.dtype]
    mac, register_bytes = _one_mac(layer)
    arithmetic = layer.macs * mac + layer.other_operations * costs["add"]
    registers = layer.macs * register_bytes / _WORD_BYTES * accesses["register"]
    return _with_memory(arithmetic, registers, layer)


def _one_mac(layer: Traffic) -> tuple[float, float]:
    """Picojoules of a multiply-add, and the bytes of registers that it reads and writes."""
    table = _table()
    types = table["types"]
    accumulate = types[layer.dtype]["accumulate"]
    multiply, add = types[layer.dtype]["multiply"], types[accumulate]["add"]
    operand, total = element_bytes(layer.dtype), element_bytes(accumulate)
    if layer.one_bit == "weights":  # The sign decides whether the input is added or taken away.
        return add, operand + 1 / 8 + table["sums_per_mac"] * total
    if layer.one_bit == "both":
        word = table["one_bit_word"]
        energy = word["operations"] * types["int32"]["add"] / word["bits"]
        return energy, table["operands_per_mac"] / 8 + _WORD_BYTES / word["bits"]
    return multiply + add, table["operands_per_mac"] * operand + table["sums_per_mac"] * total


def _with_memory(arithmetic_pj: float, register_pj: float, layer: Traffic) -> Energy:
    accesses = _table()["accesses"]
    return Energy(
        arithmetic_mj=_MJ_PER_PJ * arithmetic_pj,
        register_mj=_MJ_PER_PJ * register_pj,
        sram_mj=_MJ_PER_PJ * accesses["sram"] * layer.moved_bytes / _WORD_BYTES,
        dram_mj=_MJ_PER_PJ * accesses["dram"] * layer.dram_bytes / _WORD_BYTES,
    )


@cache
def _table() -> Mapping[str, Any]:
    file = resources.files("featherweight.measure") / "energy.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
