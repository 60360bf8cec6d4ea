"""The contract of the command line: keys, exit codes, clean stdout, a light `--help`."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import featherweight
from featherweight.cli.main import app
from featherweight.data import load
from featherweight.zoo import names

SMALL = """
name: small
layers:
  - {pattern: "ip*", density: 0.1, num_bits: 3, bias_bits: 3}
pruning: {training: {epochs: 2}}
sharing: {training: {epochs: 1}}
"""


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def run_json(*arguments: str) -> dict[str, object]:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained checkpoint and a compressed file, made by the commands themselves."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "small.yaml").write_text(SMALL)
    trained = run_json(
        "train", "lenet-300-100", "--data", "mnist5k", "--epochs", "4",
        "--out", str(folder / "net.safetensors"),
    )  # fmt: skip
    assert trained["top1"] > 75.0
    assert trained["epochs"] == 4
    assert trained["checkpoint"] == str(folder / "net.safetensors")
    return folder


def test_compress_inspect_eval(folder: Path) -> None:
    file = folder / "net.fwt"
    result = run_json(
        "compress", "lenet-300-100", "--data", "mnist5k", "--recipe", str(folder / "small.yaml"),
        "--checkpoint", str(folder / "net.safetensors"), "--out", str(file),
        "--report", str(folder / "report.html"),
    )  # fmt: skip
    assert result["params"] == 266_610
    assert result["float32_bytes"] == 4 * 266_610
    assert result["file_bytes"] == file.stat().st_size
    assert result["compression_ratio"] == result["float32_bytes"] / result["file_bytes"]
    assert {"reference_top1", "compressed_top1"} <= result.keys()
    layer = result["layers"][0]
    assert {"name", "params", "density", "num_bits", "bytes"} <= layer.keys()
    assert "<html" in (folder / "report.html").read_text()

    inside = run_json("inspect", str(file))
    assert inside["file_bytes"] == file.stat().st_size
    assert {"name", "kind", "bytes", "checksum"} <= inside["sections"][0].keys()
    layers = {layer["name"]: layer for layer in inside["layers"]}
    assert layers["ip1.weight"]["density"] == pytest.approx(0.1, abs=1e-3)
    assert layers["ip1.weight"]["format"] == "sparse_shared"

    for backend in ("torch", "onnxruntime", "native"):
        scored = run_json("eval", str(file), "--data", "mnist5k", "--backend", backend)
        # The native runtime rounds what these layers multiply to 8 bits: a few of 1000 differ.
        off = 0.5 if backend == "native" else 0.11
        assert scored["top1"] == pytest.approx(result["compressed_top1"], abs=off)
        assert scored["samples"] == 1000
        assert scored["backend"] == backend


def test_run_and_inspect_on_this_machine(folder: Path, tmp_path: Path) -> None:
    file, picture = folder / "net.fwt", tmp_path / "digit.png"
    digits = load("mnist5k").test
    Image.fromarray(digits.images[0, 0].numpy()).save(picture)
    result = run_json(
        "run", str(file), str(picture), "--output", str(tmp_path / "out.npy"), "--top", "2",
        "--repeat", "3",
    )  # fmt: skip
    assert result["outputs"] == [{"shape": [1, 10], "dtype": "float32"}]
    assert [row.keys() for row in result["top"]] == 2 * [{"label", "probability"}]
    assert result["top"][0]["label"] == str(int(digits.labels[0]))
    assert result["latency_ms"] > 0
    assert np.load(tmp_path / "out.npy").argmax() == int(digits.labels[0])
    code, out, _ = run("run", str(file), str(picture))
    assert code == 0 and "ms; outputs [1, 10]" in out

    here = run_json("inspect", str(file), "--on-this-machine")["machine"]
    assert {"layers", "weight_bytes", "activation_bytes", "milliseconds"} <= here.keys()
    layers = {layer["name"]: layer for layer in here["layers"]}
    assert layers["ip1"]["stored_format"] == "sparse_shared"
    assert layers["ip1"]["format"] and layers["ip1"]["weight_bytes"] > 0
    code, out, _ = run("inspect", str(file), "--on-this-machine")
    assert code == 0 and "On this machine" in out


def test_eval_of_a_named_network_on_the_native_runtime(folder: Path) -> None:
    scored = {
        backend: run_json(
            "eval", "lenet-300-100", "--data", "mnist5k", "--backend", backend,
            "--checkpoint", str(folder / "net.safetensors"),
        )["top1"]
        for backend in ("torch", "native")
    }  # fmt: skip
    assert scored["native"] == pytest.approx(scored["torch"], abs=0.11)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `compress` says of a LeNet-5 without data."""
    file = tmp_path_factory.mktemp("untrained") / "raw.fwt"
    return run_json("compress", "lenet-5", "--recipe", "deep-compression", "--out", str(file))


def test_compress_without_data(untrained: dict[str, Any]) -> None:
    result = untrained
    assert result["reference_top1"] is None
    assert result["compressed_top1"] is None
    assert result["compression_ratio"] > 25


def test_tables_for_people(folder: Path) -> None:
    code, out, _ = run(
        "compress", "lenet-5", "--recipe", "deep-compression", "--out", str(folder / "t.fwt")
    )
    assert code == 0
    assert "conv1" in out
    assert run("inspect", str(folder / "t.fwt"))[0] == 0
    code, out, _ = run("data", "mnist5k")
    assert code == 0
    assert "3500" in out


def test_models_lists_the_zoo_with_published_figures() -> None:
    listed = run_json("models")["models"]
    assert {"name", "params", "macs", "top1", "source"} <= listed[0].keys()
    by_name = {entry["name"]: entry for entry in listed}
    assert {*names(), "nasnet-a", "mobilenet-v3"} - {"xnor-lenet-5"} <= by_name.keys()
    assert by_name["mobilenet-v1"]["params"] == 4_200_000
    assert by_name["mobilenet-v1"]["macs"] == 569_000_000
    rows = run_json("models", "mobilenet-v2")["models"]
    assert len(rows) > 20 and {row["name"] for row in rows} == {"mobilenet-v2"}


def test_models_for_people() -> None:
    code, out, _ = run("models", "googlenet")
    assert code == 0
    flat = " ".join(out.split())
    assert "12 times fewer parameters than AlexNet" in flat
    assert "the paper 12, ours 8.7" in flat and "the paper 2, ours 2.18" in flat
    assert run("models")[0] == 0


def test_data_keys() -> None:
    described = run_json("data", "mnist5k")
    assert described | {"name": "mnist5k", "classes": 10, "train": 3500, "val": 500} == described
    assert (described["test"], described["shape"]) == (1000, [1, 28, 28])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("data", "no-such-data"), 2, "no-such-data"),
        (("models", "no-such-net"), 2, "no-such-net"),
        (("inspect", "missing.fwt"), 1, "missing.fwt"),
        (("eval", "lenet-5", "--data", "mnist5k", "--backend", "abacus"), 2, "backend"),
        (("compress", "lenet-5", "--recipe", "none", "--out", "x.fwt"), 2, "recipe"),
        (("compress", "lenet-5"), 2, "Missing option"),
        (("train", "no-net", "--data", "mnist5k", "--out", "x"), 2, "no-net"),
    ],
)
def test_exit_codes_and_one_sentence(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    got, out, err = run(*arguments)
    assert got == code
    assert message in err
    assert "Traceback" not in out + err


def test_help_is_light_and_gives_examples() -> None:
    script = (
        "import sys; from featherweight.cli.main import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'onnx', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("[]")
    for name in (
        "models", "profile", "compare", "train", "compress", "eval", "inspect", "data", "demo",
        "run", "prune", "sensitivity",
    ):  # fmt: skip
        assert name in done.stdout
        code, out, _ = run(name, "--help")
        assert code == 0
        assert re.search(r"Example:\s+featherweight", out)


@pytest.mark.parametrize("command", ["models", "profile lenet-5", "compare lenet-5", "eval m.fwt"])
def test_the_base_install_says_what_is_missing(command: str) -> None:
    arguments = [*command.split(), *(["--data", "mnist5k"] if command.startswith("eval") else [])]
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from featherweight.cli.main import app\n"
        f"app({arguments!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "featherweight: `torch` is needed here but is not installed: "
        "pip install 'featherweight[torch]'.\n"
    )


def test_run_and_inspect_need_no_torch(untrained: dict[str, Any], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 28, 28), np.float32))
    file = str(untrained["file"])
    for arguments in (
        ["run", file, str(tmp_path / "x.npy")],
        ["inspect", file, "--on-this-machine"],
    ):
        script = (
            "import sys; sys.modules['torch'] = None\n"
            "from featherweight.cli.main import app\n"
            f"app({arguments!r})"
        )
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_importing_the_package_does_not_import_torch() -> None:
    script = "import sys, featherweight; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "featherweight", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"featherweight {featherweight.__version__}\n"
