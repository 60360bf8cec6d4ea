"""featherweight binarize: the contract's JSON, its options, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from featherweight.cli.main import app

RUNNER = CliRunner()


def binarize(*arguments: str) -> dict[str, Any]:
    result = RUNNER.invoke(app, ["binarize", *arguments, "--json", "--threads", "1"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def test_without_data(tmp_path: Path) -> None:
    out = str(tmp_path / "net.fwt")
    told = binarize("lenet-5", "--scheme", "bwn", "--out", out)
    assert told["params"] == 431_080 and told["float32_bytes"] == 4 * 431_080
    assert told["reference_top1"] is told["compressed_top1"] is None
    assert [(row["name"], row["num_bits"], row["density"]) for row in told["layers"]] == [
        ("conv2.weight", 1, 1.0), ("ip1.weight", 1, 1.0),
    ]  # fmt: skip
    change = told["on_this_machine"]
    assert [layer["name"] for layer in change["layers"]] == ["conv1", "conv2", "ip1", "ip2"]
    assert (
        change["layers"][2]["weight_bytes_after"] < change["layers"][2]["weight_bytes_before"] / 25
    )

    every = binarize("lenet-5", "--scheme", "xnor", "--all-layers", "--out", out)
    assert [row["name"] for row in every["layers"]] == [
        f"{name}.conv.weight" for name in ("conv1", "conv2", "ip1", "ip2")
    ]
    layers = every["on_this_machine"]["layers"]
    assert {(layer["name"], layer["format_after"]) for layer in layers} == {
        (name, "binary") for name in ("conv1", "conv2", "ip1", "ip2")
    }


def test_with_data(tmp_path: Path) -> None:
    """profile, eval and run take the file."""
    out = tmp_path / "net.fwt"
    told = binarize(
        "lenet-300-100", "--scheme", "xnor", "--data", "digits", "--epochs", "6", "--out", str(out)
    )
    assert told["reference_top1"] > 85 and told["compressed_top1"] > 70
    evaluated = RUNNER.invoke(app, ["eval", str(out), "--data", "digits", "--json"])
    assert json.loads(evaluated.stdout)["top1"] == pytest.approx(told["compressed_top1"])
    profile = json.loads(RUNNER.invoke(app, ["profile", str(out), "--json"]).stdout)
    binary = next(layer for layer in profile["layers"] if layer["type"].endswith("BinaryGemm"))
    assert binary["weight_bytes"] < 300 * 100 / 8 + 4 * 100 * 2 + 16
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 8, 8), np.float32))
    run = RUNNER.invoke(app, ["run", str(out), str(tmp_path / "x.npy"), "--json"])
    assert run.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet-5", "--scheme", "ternary"], "`scheme` must be one of binary-connect, bwn, xnor"),
        (["lenet-5", "--scheme", "bwn", "--epochs", "-1"], "--epochs"),
        (["lenet-9", "--scheme", "bwn"], "no network 'lenet-9'"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["binarize", *arguments, "--out", str(tmp_path / "x.fwt")])
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("model", "scheme", "layer"),
    [
        ("xnor-lenet-5", "xnor", "conv2.conv"),
        ("reactnet:width=0.25", "reactnet", "blocks.0.spatial.conv"),
    ],
)
def test_a_network_written_for_it_is_its_own_reference(
    model: str, scheme: str, layer: str, tmp_path: Path
) -> None:
    told = binarize(model, "--scheme", scheme, "--out", str(tmp_path / "net.fwt"))
    assert f"{layer}.weight" in {row["name"] for row in told["layers"]}
    assert {row["num_bits"] for row in told["layers"]} == {1}
    formats = {
        change["name"]: (change["format_before"], change["format_after"])
        for change in told["on_this_machine"]["layers"]
    }
    assert formats[layer] == ("dense", "binary")
