"""The race: rows, reasons, and processes that hold one runtime and no more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from featherweight import container
from featherweight.bench.race import RaceOptions, backend_names, find_backends, race
from featherweight.bench.race.plot import plot_race
from featherweight.bench.race.processes import Worker, WorkerError
from featherweight.bench.race.row import Row
from featherweight.bench.race.table import fastest_row, race_tables
from featherweight.errors import InvalidArgumentError
from featherweight.recipes.pack import pack

INSTALLED = ("native", "torch", "onnxruntime")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    path = tmp_path_factory.mktemp("race") / "net.fwt"
    container.write(path, pack(module.eval(), torch.zeros(1, 1, 8, 8), {}, {}))
    return path


def test_every_row_ran_and_stands_beside_the_first(file: Path, tmp_path: Path) -> None:
    rows = race([str(file)], RaceOptions(INSTALLED, rounds=3, warmup=1, folder=tmp_path))
    assert [row.backend for row in rows] == list(INSTALLED)
    assert [row.status for row in rows] == ["ok"] * 3
    assert rows[0].ratio == 1.0 and rows[0].file_bytes == file.stat().st_size
    for row in rows:
        assert row.median_ms is not None and row.p10_ms is not None and row.p90_ms is not None
        assert 0 < row.p10_ms <= row.median_ms <= row.p90_ms
        assert row.ratio_low is not None and row.ratio is not None and row.ratio_high is not None
        assert row.ratio_low <= row.ratio <= row.ratio_high
    native, eager, _ = rows
    if sys.platform == "linux":
        # torch is not in the memory of what does not need it.
        assert native.peak_rss_bytes is not None and eager.peak_rss_bytes is not None
        assert native.peak_rss_bytes < eager.peak_rss_bytes / 2
    assert rows[2].max_rel_diff is not None and rows[2].max_rel_diff < 1e-5
    assert (tmp_path / "0" / "onnxruntime" / "net.onnx.manifest.json").exists()


def test_a_backend_that_fails_is_a_row_with_its_reason(tmp_path: Path) -> None:
    missing = tmp_path / "missing.fwt"
    (row,) = race([str(missing)], RaceOptions("native", rounds=1))
    assert "there is no file" in row.status and row.median_ms is None


def test_a_backend_that_is_not_installed_names_its_extra(file: Path) -> None:
    absent = [backend for backend in find_backends("all") if backend.hint()]
    if not absent:
        pytest.skip("all backends are installed")
    (row,) = race([str(file)], RaceOptions([absent[0].name], rounds=1))
    assert absent[0].target is not None
    assert f"featherweight[{absent[0].target.extra}]" in row.status


def test_an_unknown_backend_and_no_round_are_refused(file: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="'cuda'"):
        race([str(file)], RaceOptions("native,cuda"))
    with pytest.raises(InvalidArgumentError, match="rounds"):
        race([str(file)], RaceOptions("native", rounds=0))


def test_a_worker_says_how_it_failed_and_that_it_died() -> None:
    with Worker("featherweight.peers.worker", 1) as worker:
        worker.ask(60, do="import", peer="native", modules=[])
        with pytest.raises(WorkerError, match=r"FileNotFoundError.*input.npy"):
            worker.ask(60, do="load", file="no.fwt", threads=1, input="/nowhere/input.npy")
        worker.close()
        with pytest.raises(WorkerError, match="signal 9"):
            worker.ask(60, do="run")


def test_a_worker_that_takes_too_long_is_ended() -> None:
    with (
        Worker("featherweight.peers.worker", 1) as worker,
        pytest.raises(WorkerError, match="longer"),
    ):
        worker.ask(0.0, do="import", peer="native", modules=[])


@pytest.mark.parametrize("peer", ["native", "onnxruntime", "litert", "openvino", "tvm"])
def test_runtimes_are_opened_without_torch(peer: str) -> None:
    imports = f"import sys, featherweight.peers.{peer}, featherweight.peers.worker"
    code = f"{imports}; print([name for name in sys.modules if name == 'torch'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ROWS = [
    Row(
        "a.fwt",
        "native",
        "ok",
        "int8",
        "ours",
        2.0,
        1.9,
        2.2,
        1.0,
        1.0,
        1.0,
        10**7,
        10**6,
        5000,
        3.0,
    ),
    Row(
        "a.fwt", "torch", "ok", "int8", None, 4.0, 3.9, 4.2, 0.5, 0.4, 0.6, 10**8, 10**6, 5000, 9.0
    ),
    Row("b.fwt", "tvm", "it left with code 3"),
]


def test_tables_mark_the_fastest_and_give_reasons() -> None:
    first, second = race_tables(ROWS, 1)
    assert fastest_row(ROWS[:2]) is ROWS[0] and fastest_row(ROWS[2:]) is None
    assert [row.style for row in first.rows] == ["bold", ""]
    assert "tvm: it left with code 3" in str(second.caption)


def test_the_plot_is_written_and_nothing_to_plot_is_said(tmp_path: Path) -> None:
    plot_race(ROWS, tmp_path / "race.svg")
    text = (tmp_path / "race.svg").read_text()
    assert "latency, ms" in text and "native" in text
    with pytest.raises(InvalidArgumentError, match="no backend ran"):
        plot_race(ROWS[2:], tmp_path / "none.svg")


def test_names_are_those_of_the_contract() -> None:
    wanted = {"native", "torch", "torch-compile", "onnxruntime", "litert", "executorch", "tvm"}
    assert wanted | {"openvino"} == set(backend_names())
    assert json.dumps(backend_names())
