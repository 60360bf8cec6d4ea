"""A module timed here, and this machine as a device."""

import pytest
import torch

from featherweight import zoo
from featherweight.measure import calibrate, estimate_time, measure_module, profile_module


def test_a_module_is_run_and_left_as_it_was() -> None:
    module = zoo.create("lenet-5").train()
    measured = measure_module(module, torch.zeros(1, 1, 28, 28), rounds=4)
    assert module.training
    assert len(measured.timing.seconds) == 4
    assert measured.peak_memory_bytes > 4 * 431_080
    assert (measured.energy_mj is None) == (not measured.energy_note.startswith("RAPL, "))


def test_this_machine_can_be_estimated_for() -> None:
    device = calibrate(rounds=1)
    assert device.peak_macs > 1e6
    assert device.bandwidth > 1e6
    assert "measured" in device.sources["peak_macs"]
    time = estimate_time(profile_module(zoo.create("lenet-5"), (1, 28, 28)), device)
    assert time.seconds == pytest.approx(sum(layer.seconds for layer in time.layers))
