"""featherweight profile: the contract's keys, estimates, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from featherweight import container, zoo
from featherweight.bench.resident import resident_module
from featherweight.cli.main import app
from featherweight.recipes.pack import pack

KEYS = {"params", "macs", "weight_bytes", "peak_activation_bytes", "energy_mj", "layers"}
LAYER_KEYS = {"name", "type", "params", "macs", "weight_bytes", "output_shape"}


def run(*arguments: str, width: int = 120) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["profile", *arguments], env={"COLUMNS": str(width)})
    return result.exit_code, result.stdout, result.stderr


def run_json(*arguments: str) -> dict:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_keys_of_the_contract() -> None:
    found = run_json("lenet-5")
    assert found.keys() >= KEYS
    assert all(layer.keys() >= LAYER_KEYS for layer in found["layers"])
    assert (found["params"], found["macs"]) == (431_080, 2_293_000)
    assert found["energy_mj"] == pytest.approx(sum(found["energy"].values()))
    assert found["energy_mj"] == pytest.approx(sum(layer["energy_mj"] for layer in found["layers"]))
    assert found["layers"][0]["output_shape"] == [1, 20, 24, 24]
    assert found["cloud"] is None
    assert found["measured"] is None
    assert found["battery_hours"] > 0


def test_frames_a_second_on_a_device() -> None:
    found = run_json("lenet-5", "--device", "cortex-m7", "--fps", "30")
    assert found["meets_fps"] is True
    assert found["battery_hours"] is None
    assert found["watts_at_target"] == pytest.approx(found["energy_mj"] * 30e-3)
    assert run_json("vgg-16", "--device", "cortex-m7", "--input", "3,64,64")["misfits"]


def test_cloud_or_edge_options() -> None:
    given = ("--round-trip-ms", "100", "--uplink-mbps", "8", "--mj-per-mb", "1000")
    found = run_json("lenet-5", *given, "--sent-bytes", "1000000")
    cloud = found["cloud"]["cloud"]
    assert cloud["bytes_leaving"] == 1_000_000
    assert cloud["latency_ms"] == pytest.approx(1100, rel=1e-3)
    assert cloud["device_energy_mj"] == pytest.approx(1000, rel=1e-3)
    assert found["cloud"]["link"]["name"] == "4g, as given"


def test_measured_here() -> None:
    measured = run_json("lenet-300-100", "--measure", "--rounds", "3")["measured"]
    assert measured["rounds"] == 3
    assert measured["low_ms"] <= measured["median_ms"] <= measured["high_ms"]
    assert measured["peak_rss_bytes"] > 1e6


def test_what_our_runtime_holds(tmp_path: Path) -> None:
    assert run_json("lenet-300-100")["resident"] is None
    found = run_json("lenet-300-100", "--measure", "--rounds", "1")
    resident = found["resident"]
    # Dense float32 weights are held as they are, rows padded to whole vectors at most.
    assert found["weight_bytes"] <= resident["weight_bytes"] < 1.1 * found["weight_bytes"]
    # 784 in, 10 out and, in the arena, 300 and 100 at once at least.
    assert resident["activation_bytes"] == resident["arena_bytes"] + 4 * (784 + 10)
    assert resident["arena_bytes"] >= 4 * (300 + 100)
    assert resident["plan_bytes"] > 0

    module = zoo.create("lenet-300-100").eval()
    file = tmp_path / "n.fwt"
    container.write(file, pack(module, torch.zeros(1, 1, 28, 28), {}, {}))
    assert run_json(str(file))["resident"] == resident
    _, out, _ = run(str(file))
    assert "our runtime holds" in out


def test_why_our_runtime_cannot_run_it() -> None:
    class Cumulative(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.cumsum(1)

    reason = resident_module(Cumulative(), torch.zeros(1, 1, 4, 4))
    assert isinstance(reason, str)
    assert "CumSum" in reason


def test_tables_for_people_and_a_picture(tmp_path: Path) -> None:
    plot = tmp_path / "roofline.svg"
    code, out, _ = run("alexnet", "--link", "wifi", "--plot", str(plot), "--device", "tpu-v1")
    assert code == 0
    for expected in ("conv4", "1,327,104", "Cloud or edge", "frames a second", "Assumed:"):
        assert expected in out
    assert plot.exists()
    code, out, _ = run("lenet-5", "--all", width=80)
    assert "conv2" in out
    assert "maxpool_2" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lenet-5", "--input", "1,x"), "input"),
        (("lenet-5", "--input", "0,28,28"), "input"),
        (("lenet-5", "--fps", "0"), "fps"),
        (("lenet-5", "--device", "abacus"), "device"),
        (("lenet-5", "--link", "pigeon"), "link"),
        (("no-net",), "no-net"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
