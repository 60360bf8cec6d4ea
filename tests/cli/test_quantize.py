"""featherweight quantize: the contract's JSON, every scheme in a file that runs, and refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from featherweight.cli.main import app
from featherweight.container import inspect
from featherweight.runtime import Session

KEYS = {
    "params", "float32_bytes", "file_bytes", "compression_ratio", "reference_top1",
    "compressed_top1", "layers",
}  # fmt: skip


def run(*arguments: object) -> dict[str, object]:
    result = CliRunner().invoke(app, ["quantize", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("options", "ratio"),
    [
        ("--scheme uniform --num-bits 8", 3.8),
        ("--scheme uniform --num-bits 8 --grid minmax", 3.8),
        ("--scheme uniform --num-bits 4 --granularity group --group-size 28", 6.0),
        ("--scheme uniform --num-bits 2", 12.0),
        ("--scheme kmeans --num-bits 5", 6.3),
        ("--scheme kmeans --num-bits 4 --granularity group --group-size 50 --init kmeans++", 7.5),
        ("--scheme kmeans --num-bits 8 --vector-size 4", 12.0),
    ],
)
def test_weights_as_they_are(tmp_path: Path, options: str, ratio: float) -> None:
    file = tmp_path / "m.fwt"
    found = run("lenet-300-100", *options.split(), "--out", file)
    assert found.keys() >= KEYS
    assert found["compression_ratio"] > ratio
    assert found["file_bytes"] == file.stat().st_size == inspect(file).file_bytes
    assert found["reference_top1"] is None and found["compressed_top1"] is None
    num_bits = int(options.split()[3])
    assert {layer["num_bits"] for layer in found["layers"]} == {num_bits}  # type: ignore[attr-defined]
    y = Session(file).run(np.zeros((2, 1, 28, 28), np.float32))
    assert y.shape == (2, 10) and bool(np.isfinite(y).all())


def test_with_data_layers_compute_in_integers(tmp_path: Path) -> None:
    checkpoint = tmp_path / "c.safetensors"
    trained = CliRunner().invoke(
        app, ["train", "lenet-300-100", "--data", "digits", "--epochs", "8", "--out",
              str(checkpoint), "--quiet"],
    )  # fmt: skip
    assert trained.exit_code == 0, trained.output
    common = (
        "lenet-300-100",
        "--data",
        "digits",
        "--checkpoint",
        checkpoint,
        "--scheme",
        "uniform",
    )
    file = tmp_path / "m.fwt"
    found = run(*common, "--num-bits", 8, "--out", file)
    assert found["compressed_top1"] >= found["reference_top1"] - 1.0  # type: ignore[operator]
    assert {layer.format for layer in Session(file).layers if layer.format} == {"int8"}
    run(*common, "--num-bits", 8, "--weight-only", "--out", file)
    assert "int8" not in {layer.format for layer in Session(file).layers}
    better = run(*common, "--num-bits", 2, "--aware", "--epochs", 2, "--out", file)
    rounded = run(*common, "--num-bits", 2, "--out", file)
    assert better["compressed_top1"] >= rounded["compressed_top1"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--scheme uniform --num-bits 1", "`featherweight binarize` stores 1 bit"),
        ("--scheme best --num-bits 4", "but got scheme='best'"),
        ("--scheme uniform --num-bits 4 --adaround", "`--adaround` needs --scheme uniform and"),
        ("--scheme uniform --num-bits 4 --granularity row", "granularity"),
        ("--scheme kmeans --num-bits 4 --init best", "init"),
    ],
)
def test_refusals(tmp_path: Path, options: str, message: str) -> None:
    arguments = ["quantize", "lenet-300-100", *options.split(), "--out", str(tmp_path / "m.fwt")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and message in result.stderr
    assert not (tmp_path / "m.fwt").exists()
