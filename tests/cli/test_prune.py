"""featherweight prune and sensitivity: the contract's keys, the file, and what is refused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featherweight.cli.main import app
from featherweight.graph import load

KEYS = {
    "params", "float32_bytes", "file_bytes", "compression_ratio", "reference_top1",
    "compressed_top1", "layers",
}  # fmt: skip


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def run_json(*arguments: str) -> dict[str, object]:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("prune") / "net.safetensors"
    run_json("train", "lenet-300-100", "--data", "mnist5k", "--epochs", "4", "--out", str(file))
    return str(file)


def test_prune_with_data(checkpoint: str, tmp_path: Path) -> None:
    file, page = tmp_path / "m.fwt", tmp_path / "report.html"
    result = run_json(
        "prune", "lenet-300-100", "--method", "magnitude", "--density", "0.1", "--layer", "ip3=0.5",
        "--data", "mnist5k", "--checkpoint", checkpoint, "--epochs", "3", "--out", str(file),
        "--report", str(page),
    )  # fmt: skip
    assert result.keys() >= KEYS
    assert result["file_bytes"] == file.stat().st_size
    density = {layer["name"]: layer["density"] for layer in result["layers"]}
    assert density == {
        "ip1.weight": pytest.approx(0.1, abs=1e-4),
        "ip2.weight": pytest.approx(0.1, abs=1e-4),
        "ip3.weight": 0.5,
    }
    assert result["compressed_top1"] > 80.0
    after = result["on_this_machine"]["after"]
    assert 0 < after["weight_bytes"] < result["on_this_machine"]["before"]["weight_bytes"]
    assert after["latency_ms"]["median"] > 0
    assert "<html" in page.read_text()
    module = load(file)
    assert int((module.get_parameter("ip1.weight") != 0).sum()) == 23_520


def test_prune_without_data_works_on_the_weights_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "m.fwt"
    result = run_json(
        "prune", "lenet-5", "--method", "random", "--density", "0.25", "--pattern", "4x1",
        "--out", str(file),
    )  # fmt: skip
    assert result["reference_top1"] is None and result["compressed_top1"] is None
    assert [layer["density"] for layer in result["layers"]] == [pytest.approx(0.25, abs=0.02)] * 4


def test_two_of_sixteen_with_shared_values_runs_in_its_own_format(tmp_path: Path) -> None:
    file = str(tmp_path / "m.fwt")
    result = run_json(
        "prune", "lenet-300-100", "--pattern", "2:16", "--num-bits", "4", "--out", file
    )
    assert result["layers"][0]["density"] == 0.125
    assert result["layers"][0]["num_bits"] == 4
    formats = {layer["format_after"] for layer in result["on_this_machine"]["layers"]}
    assert formats == {"two_of_sixteen"}


def test_second_order_prunes_without_retraining(checkpoint: str, tmp_path: Path) -> None:
    def top1(method: str) -> float:
        result = run_json(
            "prune", "lenet-300-100", "--method", method, "--density", "0.1", "--data", "mnist5k",
            "--checkpoint", checkpoint, "--epochs", "0", "--out", str(tmp_path / "m.fwt"),
            "--calibration", "512",
        )  # fmt: skip
        return result["compressed_top1"]

    assert top1("second-order") > top1("magnitude") > top1("random")


def test_sensitivity_is_measured_drawn_kept_and_spent(checkpoint: str, tmp_path: Path) -> None:
    kept = tmp_path / "s.json"
    arguments = (
        "sensitivity", "lenet-300-100", "--data", "mnist5k", "--checkpoint", checkpoint,
        "--densities", "0.3,0.05", "--num-bits", "2", "--density", "0.1", "--out", str(kept),
    )  # fmt: skip
    result = run_json(*arguments)
    assert [layer["name"] for layer in result["layers"]] == ["ip1", "ip2", "ip3"]
    points = result["layers"][0]["points"]
    assert [(p["density"], p["num_bits"]) for p in points] == [
        (1.0, None), (0.3, None), (0.05, None), (1.0, 2),
    ]  # fmt: skip
    assert all({"density", "num_bits", "top1"} <= point.keys() for point in points)
    assert Path(result["plot"]).read_text().startswith("<?xml")
    before = kept.stat().st_mtime_ns
    assert run_json(*arguments)["layers"] == result["layers"]
    assert kept.stat().st_mtime_ns == before

    pruned = run_json(
        "prune", "lenet-300-100", "--density", "0.1", "--sensitivity", str(kept), "--data",
        "mnist5k", "--checkpoint", checkpoint, "--epochs", "1", "--out", str(tmp_path / "m.fwt"),
    )  # fmt: skip
    spent = {layer["name"].removesuffix(".weight"): layer["density"] for layer in pruned["layers"]}
    for name, density in result["densities"].items():
        assert spent.get(name, 1.0) == pytest.approx(density, abs=2e-3)
    code, out, _ = run(*arguments)
    assert code == 0
    assert "keep %" in out and "rounded to shared values" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prune", "lenet-5"), "nothing is to be pruned"),
        (("prune", "lenet-5", "--density", "1.5"), "less than or equal to 1, but got 1.5"),
        (("prune", "lenet-5", "--density", "0.1", "--method", "guess"), "but got method='guess'"),
        (("prune", "lenet-5", "--density", "0.1", "--method", "movement"), "needs `--data`"),
        (("prune", "lenet-5", "--density", "0.1", "--pattern", "3x"), "but got pattern='3x'"),
        (("prune", "lenet-5", "--density", "0.3", "--pattern", "2:16"), "keeps 0.125"),
        (("prune", "lenet-5", "--density", "0.3", "--layer", "conv1"), "as in ip3=0.5"),
        (("prune", "lenet-5", "--pattern", "2:16", "--scope", "global"), "pattern='2:16'"),
        (("prune", "lenet-5", "--density", "0.1", "--schedule", "never"), "masks.schedule"),
        (("prune", "no-net", "--density", "0.1"), "no-net"),
        (("sensitivity", "lenet-5", "--data", "mnist5k", "--densities", "x"), "densities='x'"),
        (("sensitivity", "lenet-5", "--data", "mnist5k", "--num-bits", "9"), "between 1 and 8"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence_and_code_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments, "--out", "m.fwt")
    assert code == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in out + err
    assert not (tmp_path / "m.fwt").exists()
