"""Peak memory of this process, and RAPL's counters on a made-up tree."""

from pathlib import Path

import numpy as np

from featherweight.measure.process import measure_energy, peak_memory_bytes, reset_peak_memory


def test_peak_memory_sees_a_large_allocation() -> None:
    reset_peak_memory()
    before = peak_memory_bytes()
    block = np.ones(16 * 2**20)  # 128 MiB
    assert peak_memory_bytes() >= before + block.nbytes // 2


def package(powercap: Path, index: int, energy: int) -> Path:
    folder = powercap / f"intel-rapl:{index}"
    folder.mkdir(parents=True)
    (folder / "energy_uj").write_text(str(energy))
    (folder / "max_energy_range_uj").write_text("1000000")
    return folder / "energy_uj"


def test_rapl_adds_packages_and_wraps_around(tmp_path: Path) -> None:
    first, second = package(tmp_path, 0, 100), package(tmp_path, 1, 999_000)
    package(tmp_path, 2, 0).parent.rename(tmp_path / "intel-rapl:0:0")  # a part of package 0

    def work() -> None:
        first.write_text("500100")
        second.write_text("1000")

    reading = measure_energy(work, tmp_path)
    assert reading.joules == (500_000 + 2_000) * 1e-6
    assert "2 package" in reading.note


def test_a_machine_without_counters_says_so(tmp_path: Path) -> None:
    reading = measure_energy(lambda: None, tmp_path)
    assert reading.joules is None
    assert reading.note == "this machine has no RAPL counters"
