"""featherweight prune --pruning-ratio: layers become smaller, and the table says so."""

from pathlib import Path

import pytest

from cli.test_prune import KEYS, run, run_json
from featherweight.graph import load


def test_half_of_the_channels(tmp_path: Path) -> None:
    file = tmp_path / "half.fwt"
    result = run_json("prune", "mobilenet-v2:width=0.5,num_classes=10", "--pruning-ratio", "0.5",
                      "--out", str(file))  # fmt: skip
    assert result.keys() >= KEYS
    assert result["file_bytes"] == file.stat().st_size < 0.5 * result["float32_bytes"]
    assert all(group["after"] < group["before"] for group in result["channels"])
    after, before = (result["on_this_machine"][at] for at in ("after", "before"))
    assert after["weight_bytes"] < 0.5 * before["weight_bytes"]


def test_neurons_by_data_with_shared_values(tmp_path: Path) -> None:
    file, checkpoint, page = (tmp_path / name for name in ("m.fwt", "c.safetensors", "r.html"))
    run_json("train", "lenet-300-100", "--data", "mnist5k", "--epochs", "3", "--out",
             str(checkpoint))  # fmt: skip
    result = run_json(
        "prune", "lenet-300-100", "--method", "taylor", "--pruning-ratio", "0.5", "--structure",
        "neurons", "--layer", "ip2=40", "--num-bits", "5", "--data", "mnist5k", "--checkpoint",
        str(checkpoint), "--epochs", "3", "--out", str(file), "--report", str(page),
    )  # fmt: skip
    network = load(file)
    assert network.get_parameter("ip1.weight").shape == (150, 784)
    assert network.get_parameter("ip2.weight").shape == (40, 150)
    assert {layer["num_bits"] for layer in result["layers"]} == {5}
    assert result["compressed_top1"] > 80.0
    assert "ip1: 300 channels, 150 of them left" in page.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pruning-ratio", "1.0"), "less than 1, but got 1.0"),
        (("--pruning-ratio", "0.5", "--density", "0.1"), "give one of both"),
        (("--pruning-ratio", "0.5", "--method", "second-order"), "but got 'second-order'"),
        (("--pruning-ratio", "0.5", "--layer", "conv1=0.5"), "but got 'conv1=0.5'"),
        (("--method", "group-lasso"), "penalties of `channels` needs `--data`"),
        (("--pruning-ratio", "0.5", "--structure", "rows"), "but got 'rows'"),
    ],
)
def test_wrong_use_is_told_in_one_sentence(
    options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    code, out, err = run("prune", "lenet-5", *options, "--out", str(tmp_path / "m.fwt"))
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
