"""Cloud or edge, by hand."""

import pytest
from torch import nn

from featherweight.errors import InvalidArgumentError
from featherweight.measure import (
    Link,
    compare_cloud,
    estimate_energy,
    estimate_time,
    find_device,
    find_link,
    link_names,
    profile_module,
)

LINK = Link("test", 50.0, 8.0, 16.0, 100.0, 10.0)


def comparison(link: Link = LINK, sent_bytes: int | None = None):
    profile = profile_module(nn.Conv2d(3, 250, 1), (3, 100, 100))
    phone = find_device("mobile-phone")
    server = estimate_time(profile, find_device("tensor-cores"))
    return compare_cloud(
        profile, link, estimate_time(profile, phone), estimate_energy(profile, phone), server,
        sent_bytes=sent_bytes,
    ), server  # fmt: skip


def test_latency_energy_and_privacy_by_hand() -> None:
    found, server = comparison()
    # 30 kB of pixels at 1 MB/s up, 10 MB of answer at 2 MB/s down.
    assert found.cloud.latency_ms == pytest.approx(50 + 30 + 5000 + 1e3 * server.seconds)
    assert found.cloud.device_energy_mj == pytest.approx(0.03 * 100 + 10 * 10)
    assert found.cloud.bytes_leaving == 30_000
    assert found.edge.bytes_leaving == 0
    assert found.edge.latency_ms > 0
    compressed, _ = comparison(sent_bytes=3_000)
    assert compressed.cloud.bytes_leaving == 3_000


def test_energy_to_send_follows_from_the_radio() -> None:
    """Huang et al. 2012: alpha * rate + beta milliwatts while a megabyte takes 8 / rate seconds."""
    link = find_link("4g")
    assert link.uplink_mj_per_mb == pytest.approx((438.39 * 6 + 1288.04) * 8 / 6)
    assert link.downlink_mj_per_mb == pytest.approx((51.97 * 13 + 1288.04) * 8 / 13)
    assert {"3g", "4g", "wifi"} <= set(link_names())
    assert find_link("wifi").source


def test_a_link_that_moves_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="uplink_mbps"):
        comparison(Link("dead", 1.0, 0.0, 1.0, 1.0, 1.0))
    with pytest.raises(InvalidArgumentError, match="pigeon"):
        find_link("pigeon")
