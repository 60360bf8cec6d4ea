"""The devices' files, their tiles, and what they say about their figures."""

from pathlib import Path

import pytest

from featherweight.errors import InvalidArgumentError
from featherweight.measure import device_names, find_device
from featherweight.measure.device import Tile
from featherweight.measure.operations import MatrixProduct

WANTED = {
    "mobile-phone", "raspberry-pi-4", "jetson-tx1", "cortex-m7", "x86-core", "tensor-cores",
    "tpu-v1", "pixel-visual-core",
}  # fmt: skip


def test_the_devices_of_the_lecture_are_there() -> None:
    assert set(device_names()) >= WANTED


@pytest.mark.parametrize("name", device_names())
def test_every_figure_has_a_source(name: str) -> None:
    device = find_device(name)
    assert device.peak_macs > 0
    assert device.bandwidth > 0
    assert {"peak_macs", "bandwidth", "cache_bytes"} <= device.sources.keys()
    assert all(len(source) > 10 for source in device.sources.values())


def test_peaks_follow_from_the_published_operations() -> None:
    assert find_device("tpu-v1").peak_macs == pytest.approx(256 * 256 * 700e6, rel=0.01)
    assert find_device("tensor-cores").peak_macs == pytest.approx(640 * 64 * 1.53e9, rel=0.01)
    assert find_device("pixel-visual-core").peak_macs == pytest.approx(8 * 512 * 8e8 / 2, rel=0.01)


@pytest.mark.parametrize(
    ("product", "share"),
    [
        (MatrixProduct(1, 1, 256, 256), 1.0),
        (MatrixProduct(1, 1, 257, 256), 257 / 512),
        (MatrixProduct(1, 7, 64, 10), 64 / 256 * 10 / 256),
        (MatrixProduct(32, 196, 9, 1), 9 / 256 * 1 / 256),  # a depthwise convolution
    ],
)
def test_a_systolic_array_is_filled_by_inputs_and_outputs(
    product: MatrixProduct, share: float
) -> None:
    assert find_device("tpu-v1").utilisation(product) == pytest.approx(share)


def test_tensor_cores_multiply_4x4_blocks() -> None:
    device = find_device("tensor-cores")
    assert device.utilisation(MatrixProduct(1, 1, 4096, 1000)) == pytest.approx(1 / 4)
    assert device.tile == Tile(4, 4, 4)


def test_vectors_lie_over_the_channels_of_all_groups() -> None:
    phone = find_device("mobile-phone")
    assert phone.utilisation(MatrixProduct(32, 196, 9, 1)) == 1.0
    assert phone.utilisation(MatrixProduct(1, 196, 9, 6)) == pytest.approx(6 / 8)


def test_a_device_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    figure = "{value: 1.0e+9, source: made up for a test}"
    path.write_text(
        f"title: mine\ndtype: float32\nskips_zeros: true\npeak_macs: {figure}\n"
        f"bandwidth: {figure}\ncache_bytes: {figure}\n"
    )
    device = find_device(str(path))
    assert (device.name, device.peak_macs, device.lanes) == ("mine", 1e9, 1)
    path.write_text("title: mine\n")
    with pytest.raises(InvalidArgumentError, match=r"mine\.yaml is not a device"):
        find_device(str(path))
    with pytest.raises(InvalidArgumentError, match="there is no file"):
        find_device("none.yaml")
    with pytest.raises(InvalidArgumentError, match="abacus"):
        find_device("abacus")
