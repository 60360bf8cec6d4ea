"""The roofline's picture: drawn for every device, with the layers that take the time."""

from pathlib import Path

import pytest

from featherweight.bench.model_profile import profile
from featherweight.bench.roofline_plot import plot_roofline
from featherweight.measure import device_names, estimate_time, find_device


@pytest.mark.parametrize("name", device_names())
def test_a_picture_of_every_device(name: str, tmp_path: Path) -> None:
    path = tmp_path / "roofline.svg"
    plot_roofline(estimate_time(profile("lenet-5"), find_device(name)), "lenet-5", path)
    drawn = path.read_text()
    assert "conv2" in drawn
    assert find_device(name).title in drawn


def test_a_png_is_one(tmp_path: Path) -> None:
    path = tmp_path / "roofline.png"
    plot_roofline(estimate_time(profile("lenet-5"), find_device("tpu-v1")), "lenet-5", path)
    assert path.read_bytes().startswith(b"\x89PNG")
