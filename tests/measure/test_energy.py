"""Energy against the lecture's table, worked out by hand, and Han et al.'s 12.8 W."""

import numpy as np
import pytest
import torch
from torch import nn

from featherweight import zoo
from featherweight.container import CodedTensor, Graph, Node, ValueInfo
from featherweight.errors import InvalidArgumentError
from featherweight.measure import estimate_energy, find_device, profile_module, profile_network
from featherweight.measure.energy import Energy


def one_layer(inputs: int, outputs: int, dtype: str = "float32") -> Graph:
    return Graph(
        (ValueInfo("input", dtype, ("batch", inputs)),),
        (ValueInfo("output", dtype, ("batch", outputs)),),
        (Node("Gemm", ("input", "fc.weight"), ("output",), {"transB": 1}),),
        20,
    )


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def test_a_billion_connections_at_20_hertz_need_12_8_watts_for_dram() -> None:
    """Han et al. 2015, arXiv 1506.02626, section 1: (20 Hz)(1G)(640 pJ) = 12.8 W."""
    profile = profile_network(one_layer(40_000, 25_000), {"fc.weight": meta(25_000, 40_000)})
    assert profile.macs == 1_000_000_000
    energy = estimate_energy(profile)
    assert energy.total.dram_mj * 1e-3 * 20 == pytest.approx(12.8, rel=1e-12)
    assert energy.watts(20) == pytest.approx(12.8 + 20 * (4.6 + 3 + 5) * 1e-3, rel=1e-3)
    phone = estimate_energy(profile, find_device("mobile-phone"))
    assert phone.total.dram_mj * 1e-3 * 20 == pytest.approx(12.8, rel=1e-12)


def test_each_part_by_hand() -> None:
    profile = profile_network(one_layer(10, 6), {"fc.weight": meta(6, 10)})
    assert estimate_energy(profile).total == Energy(
        arithmetic_mj=pytest.approx(60 * (3.7 + 0.9) * 1e-9),
        register_mj=pytest.approx(60 * 3 * 1.0 * 1e-9),
        sram_mj=pytest.approx((60 + 10 + 6) * 5.0 * 1e-9),
        dram_mj=pytest.approx(60 * 640.0 * 1e-9),
    )


def test_float16_halves_traffic_and_pays_its_own_arithmetic() -> None:
    weight = meta(6, 10, dtype=torch.float16)
    profile = profile_network(one_layer(10, 6, "float16"), {"fc.weight": weight})
    energy = estimate_energy(profile).total
    assert energy.dram_mj == pytest.approx(30 * 640.0 * 1e-9)
    assert energy.arithmetic_mj == pytest.approx(60 * (1.1 + 0.9) * 1e-9)
    assert energy.register_mj == pytest.approx(60 * (2 * 0.5 + 1) * 1e-9)


def test_a_matrix_processor_computes_in_its_own_type() -> None:
    profile = profile_module(nn.Linear(4096, 4096, bias=False), (4096,))
    energy = estimate_energy(profile, find_device("pixel-visual-core"))
    assert energy.total.arithmetic_mj == pytest.approx(4096**2 * (0.2 + 0.1) * 1e-9)
    assert energy.total.dram_mj == pytest.approx(4096**2 / 4 * 640.0 * 1e-9)
    assert any("converted to int8" in note for note in energy.assumptions)


def test_weights_that_fit_the_cache_are_not_read_from_dram() -> None:
    profile = profile_module(zoo.create("lenet-5"), (1, 28, 28))
    assert estimate_energy(profile, find_device("tensor-cores")).total.dram_mj == 0
    assert estimate_energy(profile, find_device("mobile-phone")).total.dram_mj == pytest.approx(
        431_080 * 640.0 * 1e-9
    )


def test_pruned_weights_cost_nothing_where_zeros_can_be_skipped() -> None:
    weight = CodedTensor(
        "fc.weight", "float32", (600, 1000), "sparse",
        positions=np.arange(0, 600_000, 10, dtype=np.int64), values=np.ones(60_000, np.float32),
    )  # fmt: skip
    profile = profile_network(one_layer(1000, 600), {"fc.weight": weight})
    dense = profile_network(one_layer(1000, 600), {"fc.weight": meta(600, 1000)})
    sparse, whole = estimate_energy(profile).total, estimate_energy(dense).total
    assert sparse.arithmetic_mj == pytest.approx(whole.arithmetic_mj / 10)
    # Each entry holds 32 bits of value and four of index.
    assert sparse.dram_mj == pytest.approx(whole.dram_mj / 10 * 36 / 32)
    tpu = find_device("tpu-v1")
    assert estimate_energy(profile, tpu).total == estimate_energy(dense, tpu).total


def test_battery_and_power_at_a_frame_rate() -> None:
    profile = profile_module(zoo.create("lenet-5"), (1, 28, 28))
    energy = estimate_energy(profile)
    watts = 1e-3 * energy.total.total_mj * 30
    assert energy.watts(30) == pytest.approx(watts)
    assert energy.battery_hours(10.0, 30) == pytest.approx(10.0 / watts)


def test_a_type_without_figures_is_refused() -> None:
    weight = meta(6, 10, dtype=torch.float64)
    profile = profile_network(one_layer(10, 6, "float64"), {"fc.weight": weight})
    with pytest.raises(InvalidArgumentError, match="float64"):
        estimate_energy(profile)
