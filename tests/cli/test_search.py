import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featherweight.cli.main import app
from featherweight.recipes import compress, find_recipe
from featherweight.search.models import build

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def search(out: Path, *more: str) -> dict:
    result = CliRunner().invoke(
        app,
        ["search", "--space", "chain-tuning", "--data", "digits", "--strategy", "evolution",
         "--epochs", "1", "--train-pictures", "128", "--out", str(out), "--json", *more],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_search_goes_on_where_it_stopped_and_its_best_is_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = search(tmp_path, "--trials", "2")
    again = search(tmp_path, "--trials", "4")
    assert (first["trials"], again["trials"]) == (2, 4)
    assert again["recipe"] is None
    ours = {one["architecture"] for one in first["best"]}
    assert ours <= {one["architecture"] for one in again["best"]}
    assert all(Path(picture).stat().st_size > 1000 for picture in again["pictures"])
    best = again["best"][0]
    profiled = CliRunner().invoke(
        app, ["profile", f"search:{best['architecture']}", "--input", "1,8,8", "--json"]
    )
    assert json.loads(profiled.stdout)["params"] == best["params"]


def test_a_latency_that_is_none_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app,
        ["search", "--space", "chain", "--data", "digits", "--max-latency", "fast",
         "--out", str(tmp_path)],
    )  # fmt: skip
    assert result.exit_code == 2
    assert "max-latency" in result.stderr


def test_compression_is_searched_too_and_its_recipe_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ("--space", "chain-compressed", "--max-size", "4kB", "--trials", "2")
    found = search(tmp_path, *options)
    best = found["best"][0]
    assert best["file_bytes"] < 5e3
    recipe = find_recipe(found["recipe"], best["architecture"])
    module = build(best["architecture"], (1, 8, 8), 10).eval()
    done = compress(module, recipe, None, tmp_path / "best.fwt", input_shape=(1, 8, 8))
    # Weights that were not trained have a little less to say.
    assert done.file_bytes == pytest.approx(best["file_bytes"], rel=0.25)
