"""Cloud or edge in numbers: network delay, power consumption, and data that leaves the device.

Sent to a server, an inference costs a round trip, the time and energy to send its input and to
receive its output, and the server's time; on the device it costs the device's time and energy.
What the radio spends before and after a transfer (its tail) is not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from featherweight.errors import InvalidArgumentError
from featherweight.measure.counting import Profile
from featherweight.measure.energy import EnergyEstimate
from featherweight.measure.roofline import TimeEstimate
from featherweight.validation import check_choice

_BITS_PER_MB = 8.0


@dataclass(frozen=True)
class Link:
    """A network between the device and a server."""

    name: str
    round_trip_ms: float
    uplink_mbps: float
    downlink_mbps: float
    uplink_mj_per_mb: float
    downlink_mj_per_mb: float
    source: str = ""


@dataclass(frozen=True)
class Place:
    """One inference at one place, as the device's user sees it."""

    latency_ms: float
    device_energy_mj: float
    bytes_leaving: int
    """Bytes of the user's data that leave the device."""


@dataclass(frozen=True)
class CloudOrEdge:
    """The same inference on the device and on a server."""

    link: Link
    edge: Place
    cloud: Place
    server: str


def link_names() -> list[str]:
    """Return the names of the links that come with the package, sorted."""
    return sorted(_links())


def find_link(name: str) -> Link:
    """Return a link by name. Energy per MB follows from a radio's power, alpha * rate + beta.

    Raises:
        InvalidArgumentError: there is no such link.
    """
    check_choice("link", name, link_names())
    figures = _links()[name]
    up, down = figures["uplink_mbps"], figures["downlink_mbps"]
    beta = figures["beta_mw"]
    return Link(
        name=name,
        round_trip_ms=figures["round_trip_ms"],
        uplink_mbps=up,
        downlink_mbps=down,
        uplink_mj_per_mb=_BITS_PER_MB * (figures["uplink_mw_per_mbps"] + beta / up),
        downlink_mj_per_mb=_BITS_PER_MB * (figures["downlink_mw_per_mbps"] + beta / down),
        source=figures["source"],
    )


def compare_cloud(
    profile: Profile,
    link: Link,
    local: TimeEstimate,
    energy: EnergyEstimate,
    server: TimeEstimate,
    *,
    sent_bytes: int | None = None,
) -> CloudOrEdge:
    """Return latency, energy on the device and data leaving it, here and over `link`.

    Args:
        sent_bytes: of one input as it is sent; by default one byte an element, as raw pixels take.

    Raises:
        InvalidArgumentError: a speed is not positive.
    """
    if min(link.uplink_mbps, link.downlink_mbps) <= 0:
        raise InvalidArgumentError(
            f"`uplink_mbps` and `downlink_mbps` must be more than 0, "
            f"but got {link.uplink_mbps} and {link.downlink_mbps}."
        )
    if sent_bytes is None:
        sent_bytes = 1
        for size in profile.input_shape:
            sent_bytes *= size
    up, down = sent_bytes / 1e6, profile.output_bytes / 1e6
    transfer = _BITS_PER_MB * (up / link.uplink_mbps + down / link.downlink_mbps)
    return CloudOrEdge(
        link=link,
        edge=Place(1e3 * local.seconds, energy.total.total_mj, 0),
        cloud=Place(
            link.round_trip_ms + 1e3 * (transfer + server.seconds),
            up * link.uplink_mj_per_mb + down * link.downlink_mj_per_mb,
            sent_bytes,
        ),
        server=server.device.title,
    )


@cache
def _links() -> Mapping[str, Any]:
    file = resources.files("featherweight.measure") / "links.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
