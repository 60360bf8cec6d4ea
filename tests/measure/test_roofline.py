"""The roofline against hand-made devices, and what does not fit."""

from dataclasses import replace

import pytest
from torch import nn

from featherweight import zoo
from featherweight.measure import Device, estimate_time, find_device, profile_module
from featherweight.measure.device import Tile

TOY = Device(
    "toy", "a toy", "float32", skips_zeros=True, peak_macs=1e6, bandwidth=1e6, cache_bytes=1000
)


def test_each_layer_takes_the_longer_of_arithmetic_and_traffic() -> None:
    profile = profile_module(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(200, 50)), (1, 12, 12)
    )
    time = estimate_time(profile, TOY)
    conv, flatten, linear = time.layers
    # The convolution's 576 + 800 bytes of activations are more than the cache.
    assert conv.dram_bytes == 4 * (20 + 144 + 200)
    assert conv.compute_seconds == pytest.approx(9 * 2 * 100 / 1e6)
    assert conv.seconds == conv.compute_seconds
    assert conv.bound == "compute"
    assert flatten.seconds == 0
    assert flatten.bound == ""
    assert linear.dram_bytes == 4 * (200 * 50 + 50) + 4 * (200 + 50) * (4 * 250 > 1000)
    assert linear.bound == "memory"
    assert linear.seconds == pytest.approx(4 * 10_050 / 1e6)
    assert time.seconds == pytest.approx(conv.seconds + linear.seconds)
    assert time.fps == pytest.approx(1 / time.seconds)
    assert time.utilisation == pytest.approx((1800 + 10_000) / (1e6 * time.seconds))


def test_tiles_that_do_not_fill_take_the_time_of_full_ones() -> None:
    profile = profile_module(nn.Conv2d(3, 10, 3, padding=1), (3, 16, 16))
    tiled = estimate_time(profile, replace(TOY, tile=Tile(rows=100, inner=16, columns=16)))
    assert tiled.layers[0].compute_seconds == pytest.approx(300 * 32 * 16 / 1e6)


def test_what_does_not_fit_is_said() -> None:
    profile = profile_module(zoo.create("lenet-5"), (1, 28, 28))
    assert not estimate_time(profile, find_device("cortex-m7")).misfits
    small = replace(find_device("cortex-m7"), activation_memory=50_000.0)
    assert estimate_time(profile, small).misfits == (
        "activations at their peak take 57.6 kB, but STM32H743, a Cortex-M7 at 480 MHz has "
        "50.0 kB for them",
    )


def test_fully_connected_layers_leave_a_tpu_waiting_for_weights() -> None:
    """Jouppi et al. 2017: at a batch of one, weights of a layer are read for one row of inputs."""
    module = nn.Linear(8192, 8192, bias=False)
    tpu = find_device("tpu-v1")
    one, many = (estimate_time(profile_module(module, (8192,), batch=n), tpu) for n in (1, 2048))
    assert one.layers[0].bound == "memory"
    assert one.utilisation < 0.001
    assert many.layers[0].bound == "compute"
    assert many.fps > 1000 * one.fps


def test_mobilenet_like_phone_estimate_is_a_lower_bound_of_the_published_time() -> None:
    """One thread of the same phone needs 75 ms for MobileNetV2's 300 M multiply-adds."""
    assert 300e6 / find_device("mobile-phone").peak_macs < 0.075
