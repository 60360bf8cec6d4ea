"""What layers of one bit are charged, worked out by hand."""

from pathlib import Path

import pytest
import torch
from torch import nn

from featherweight import container
from featherweight.measure import estimate_energy, find_device, profile_module, profile_network
from featherweight.nn import BinaryWeightLinear, XnorLinear
from featherweight.recipes.pack import pack

MACS = 64 * 16
OTHER = 16 * 0.9  # alpha times each output


def binary(bias: bool = False) -> nn.Module:
    return nn.Sequential(XnorLinear(64, 16, bias=bias)).eval()


def test_inputs_and_weights_of_one_bit() -> None:
    """32 multiply-adds are three additions of int32; 2 bits are read for each, a word written."""
    profile = profile_module(binary(), (64,))
    (layer,) = profile.layers
    assert (layer.macs, layer.one_bit) == (MACS, "both")
    assert layer.weight_bytes == MACS / 8 + 16 * 4  # alpha is float32
    energy = estimate_energy(profile).total
    assert energy.arithmetic_mj == pytest.approx((MACS * 3 * 0.1 / 32 + OTHER) * 1e-9)
    assert energy.register_mj == pytest.approx(MACS * (2 / 8 + 4 / 32) / 4 * 1e-9)
    assert energy.dram_mj == pytest.approx((MACS / 8 + 64) * 640 / 4 * 1e-9)


def test_weights_of_one_bit() -> None:
    """A multiply-add is one addition; a float and a bit are read, a float is written."""
    profile = profile_module(nn.Sequential(BinaryWeightLinear(64, 16, bias=False)).eval(), (64,))
    assert profile.layers[0].one_bit == "weights"
    energy = estimate_energy(profile).total
    assert energy.arithmetic_mj == pytest.approx((MACS * 0.9 + OTHER) * 1e-9)
    assert energy.register_mj == pytest.approx(MACS * (4 + 1 / 8 + 4) / 4 * 1e-9)


def test_a_file_is_charged_as_its_module(tmp_path: Path) -> None:
    module = binary(bias=True)
    packed = pack(module, torch.zeros(1, 64), {}, {})
    container.write(tmp_path / "net.fwt", packed)
    read = container.read(tmp_path / "net.fwt")
    ours, theirs = profile_network(read.graph, read.tensors), profile_module(module, (64,))
    assert ours.weight_bytes == theirs.weight_bytes == MACS / 8 + 2 * 16 * 4
    assert ours.layers[0].formats[0] == "shared"


def test_bits_stay_bits_on_a_device_of_another_type() -> None:
    profile = profile_module(binary(), (64,))
    device = find_device("pixel-visual-core")
    estimate = estimate_energy(profile, device)
    assert estimate.total.sram_mj > 0
    assert any("one bit take as long" in note for note in estimate.assumptions)
    real = profile_module(nn.Sequential(nn.Linear(64, 16, bias=False)).eval(), (64,))
    assert not any("one bit" in note for note in estimate_energy(real, device).assumptions)
