"""The demo end to end, with short trainings: files, table, report, and resuming."""

from pathlib import Path

import pytest

from featherweight import recipes
from featherweight.lecture import deep_compression
from featherweight.recipes import find_training

RECIPE = """
name: short
layers: [{pattern: "*", density: 0.2, num_bits: 4, bias_bits: 4}]
pruning: {training: {epochs: 2}}
sharing: {training: {epochs: 1}}
"""


def test_demo_makes_files_and_a_report_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short.yaml").write_text(RECIPE)
    monkeypatch.setattr(recipes, "find_training", lambda model, data: find_training(model, data, 2))
    arguments = {"recipe": str(tmp_path / "short.yaml")}

    def kill(stage: str, progress: object) -> None:
        if stage == "lenet-5: train shared weights":
            raise KeyboardInterrupt

    killed, straight = tmp_path / "killed", tmp_path / "straight"
    with pytest.raises(KeyboardInterrupt):
        deep_compression.run_demo(killed, report=kill, **arguments)
    resumed = deep_compression.run_demo(killed, **arguments)
    demo = deep_compression.run_demo(straight, **arguments)
    for name in ("lenet-300-100", "lenet-5"):
        assert (killed / f"{name}.fwt").read_bytes() == (straight / f"{name}.fwt").read_bytes()
        assert resumed.networks[name].compressed == demo.networks[name].compressed
        assert demo.networks[name].compressed.top1 > 60.0
    page = demo.report.read_text()
    assert "lenet-300-100" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    demo.show()
    shown = capsys.readouterr().out
    assert "conv2" in shown
    assert "bit for bit" in shown
