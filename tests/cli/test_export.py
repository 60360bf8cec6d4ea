"""featherweight export, bench and doctor: the contract's keys, and clear refusals."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from featherweight import container
from featherweight.cli.main import app
from featherweight.recipes.pack import pack

pytestmark = pytest.mark.filterwarnings("ignore")
RUNNER = CliRunner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 3))
    with torch.no_grad():
        module[3].weight.mul_(module[3].weight.abs() > module[3].weight.abs().median())
    path = tmp_path / "net.fwt"
    container.write(path, pack(module.eval(), torch.zeros(1, 1, 8, 8), {}, {}))
    return path


def test_export_prints_the_contract_s_keys_and_warns_of_zeros(file: Path) -> None:
    out = file.with_suffix(".onnx")
    result = RUNNER.invoke(app, ["export", str(file), "--to", "onnx", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    payload = json.loads(result.stdout)
    assert (payload["target"], payload["file"]) == ("onnx", str(out))
    assert payload["file_bytes"] == out.stat().st_size
    assert payload["max_abs_diff"] < 1e-5 and payload["top1_agreement"] == 100.0
    assert "zeros" in result.stderr and "native runtime" in result.stderr
    assert Path(payload["manifest"]).exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--to", "cuda"], "to='cuda'"),
        (["--to", "onnx", "--precision", "float16"], "precision='float16'"),
        (["--to", "onnx", "--precision", "int8"], "featherweight quantize"),
        (["--to", "onnx", "--data", "mnist5k"], "the pictures of mnist5k"),
    ],
)
def test_what_cannot_be_exported_is_refused(file: Path, options: list[str], what: str) -> None:
    pytest.importorskip("onnxruntime")
    out = file.with_suffix(".onnx")
    command = ["export", str(file), "--out", str(out), *options]
    result = RUNNER.invoke(app, command)
    assert result.exit_code == 2 and what in result.stderr
    assert not out.exists()


def test_bench_prints_the_contract_s_keys(file: Path) -> None:
    command = ["bench", str(file), "--backends", "native,torch", "--rounds", "2", "--json"]
    result = RUNNER.invoke(app, command)
    assert result.exit_code == 0, result.output
    first, second = json.loads(result.stdout)["rows"]
    keys = {
        "file", "backend", "median_ms", "p10_ms", "p90_ms", "ratio", "ratio_low", "ratio_high",
        "peak_rss_bytes", "file_bytes", "load_ms", "status",
    }  # fmt: skip
    assert keys <= set(first) and first["ratio"] == 1.0
    assert (first["backend"], second["backend"]) == ("native", "torch")


def test_doctor_asks_what_to_look_at() -> None:
    result = RUNNER.invoke(app, ["doctor"])
    assert result.exit_code == 2 and "--environment" in result.stderr
