"""featherweight compare: the contract's keys, the picture, and wrong input."""

import json
from pathlib import Path

from typer.testing import CliRunner

from featherweight.cli.main import app

KEYS = {"name", "params", "macs", "top1", "latency_ms", "energy_mj", "file_bytes"}


def test_rows_and_picture(tmp_path: Path) -> None:
    plot = tmp_path / "compare.svg"
    done = CliRunner().invoke(
        app,
        ["compare", "lenet-300-100", "lenet-5", "--rounds", "1", "--plot", str(plot), "--json"],
    )
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["plot"] == str(plot)
    assert [row["name"] for row in result["rows"]] == ["lenet-300-100", "lenet-5"]
    assert [row["params"] for row in result["rows"]] == [266_610, 431_080]
    assert all(row.keys() >= KEYS for row in result["rows"])
    assert "lenet-300-100" in plot.read_text()


def test_latencies_of_the_native_runtime(tmp_path: Path) -> None:
    arguments = ["compare", "lenet-5", "--rounds", "1", "--plot", str(tmp_path / "c.svg")]
    done = CliRunner().invoke(app, [*arguments, "--backend", "native"])
    assert done.exit_code == 0, done.stderr
    assert "Latency by the native runtime" in " ".join(done.stdout.split())
    done = CliRunner().invoke(app, [*arguments, "--backend", "abacus"])
    assert done.exit_code == 2 and "backend='abacus'" in done.stderr


def test_an_input_that_is_no_picture_is_wrong_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["compare", "lenet-5", "--input", "28,28"])
    assert done.exit_code == 2
    assert "channels, height and width" in done.stderr
