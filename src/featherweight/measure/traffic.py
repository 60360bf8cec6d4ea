"""What each layer moves and does on a device: in its type, through its cache or past it.

The rules, which `assumptions` says in words: a layer's inputs and outputs stay on the chip if they
fit into its cache together; weights come from DRAM once an inference, unless all of them and the
peak of the activations fit into the cache at once. A device that computes in another type than the
network is given the network converted to it.
"""

from dataclasses import dataclass

from featherweight.measure.counting import Profile
from featherweight.measure.device import Device
from featherweight.measure.layers import LayerCost
from featherweight.measure.operations import OneBit
from featherweight.measure.values import element_bytes
from featherweight.units import format_bytes


@dataclass(frozen=True)
class Traffic:
    """One layer on a device: its work in `dtype`, and the bytes that it moves."""

    dtype: str
    macs: int
    other_operations: int
    moved_bytes: float
    """Weights and inputs read once, outputs written once."""
    dram_bytes: float
    """The part of them that crosses to DRAM."""
    one_bit: OneBit = ""


@dataclass(frozen=True)
class NetworkTraffic:
    """All layers of a network on a device, and what was assumed."""

    layers: tuple[Traffic, ...]
    weight_bytes: float
    peak_bytes: float
    """Of activations alive at once, in the device's type."""
    weights_resident: bool
    assumptions: tuple[str, ...]

    @property
    def dram_bytes(self) -> float:
        """Bytes that cross to DRAM in one inference."""
        return sum(layer.dram_bytes for layer in self.layers)


def traffic(profile: Profile, device: Device | None = None) -> NetworkTraffic:
    """Return what each layer moves; without a device, activations stay on the chip."""
    weights = sum(_weight_bytes(layer, device) for layer in profile.layers)
    scale = max((_scale(layer, device) for layer in profile.layers), default=1.0)
    peak = profile.peak_activation_bytes * scale
    resident = device is not None and weights + peak <= device.cache_bytes
    layers = tuple(_layer_traffic(layer, device, resident) for layer in profile.layers)
    return NetworkTraffic(layers, weights, peak, resident, _assumptions(profile, device, resident))


def _layer_traffic(layer: LayerCost, device: Device | None, resident: bool) -> Traffic:
    weights = _weight_bytes(layer, device)
    activations = _scale(layer, device) * (layer.input_bytes + layer.activation_bytes)
    if layer.is_view:
        activations = 0.0
    spills = device is not None and activations > device.cache_bytes
    return Traffic(
        dtype=device.dtype if device else layer.arithmetic,
        macs=layer.macs if device is None or device.skips_zeros else layer.dense_macs,
        other_operations=layer.other_operations,
        moved_bytes=weights + activations,
        dram_bytes=(0.0 if resident else weights) + (activations if spills else 0.0),
        one_bit=layer.one_bit,
    )


def _weight_bytes(layer: LayerCost, device: Device | None) -> float:
    """Bytes of the layer's weights: as stored, or dense in the device's type if smaller.

    Bits are a dense layout, which every processor has operations for.
    """
    if device is None or layer.one_bit:
        return layer.weight_bytes
    dense = layer.weight_elements * element_bytes(device.dtype)
    return min(layer.weight_bytes, dense) if device.skips_zeros else dense


def _scale(layer: LayerCost, device: Device | None) -> float:
    return element_bytes(device.dtype) / element_bytes(layer.dtype) if device else 1.0


def _assumptions(profile: Profile, device: Device | None, resident: bool) -> tuple[str, ...]:
    weights = (
        f"all weights stay in the cache of {format_bytes(device.cache_bytes)}"
        if device and resident
        else "weights are read from DRAM once an inference"
    )
    if device is None:
        return (weights, "activations stay on the chip")
    notes = [
        weights,
        f"a layer's inputs and outputs stay on the chip if they fit into "
        f"{format_bytes(device.cache_bytes)} together",
    ]
    types = sorted({layer.dtype for layer in profile.layers if layer.macs} - {device.dtype})
    if types:
        notes.append(f"the network, {', '.join(types)}, is taken as converted to {device.dtype}")
    if any(layer.one_bit for layer in profile.layers):
        notes.append(f"multiply-adds of one bit take as long as those of {device.dtype}")
    if profile.macs < profile.dense_macs and not device.skips_zeros:
        notes.append("the device multiplies zeros too, and holds weights dense")
    return tuple(notes)
