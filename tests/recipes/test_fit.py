"""compress --max-size: a file that fits, and as much of the network as fits into it."""

from pathlib import Path

import pytest
import torch

from featherweight import recipes
from featherweight.errors import InvalidArgumentError
from featherweight.graph import load
from featherweight.zoo import resolve


@pytest.mark.parametrize("max_bytes", [200_000, 30_000, 8_000])
def test_the_file_fits_and_is_nearly_full(tmp_path: Path, max_bytes: int) -> None:
    module = resolve("lenet-5", seed=0).module
    file = tmp_path / "fit.fwt"
    recipe, result = recipes.fit_to_size(module, max_bytes, None, file, input_shape=(1, 28, 28))
    assert result.file_bytes == file.stat().st_size <= max_bytes
    densities = [rule.density or 1.0 for rule in recipe.layers]
    assert result.file_bytes > 0.9 * max_bytes or min(densities) == 1.0
    x = torch.randn(2, 1, 28, 28)
    with torch.inference_mode():
        assert torch.equal(load(file)(x), result.module(x))


def test_more_room_keeps_more(tmp_path: Path) -> None:
    module = resolve("lenet-300-100", seed=0).module
    kept = [
        sum(
            row.kept
            for row in recipes.fit_to_size(
                module, size, None, tmp_path / "fit.fwt", input_shape=(1, 28, 28)
            )[1].rows
        )
        for size in (10_000, 20_000, 40_000)
    ]
    assert kept == sorted(kept)
    assert kept[-1] > 2 * kept[0]


def test_a_size_below_the_graph_alone_is_refused(tmp_path: Path) -> None:
    module = resolve("lenet-5", seed=0).module
    with pytest.raises(InvalidArgumentError, match="must be at least"):
        recipes.fit_to_size(module, 500, None, tmp_path / "fit.fwt", input_shape=(1, 28, 28))
    assert not (tmp_path / "fit.fwt").exists()


def test_the_training_is_that_of_the_network(tmp_path: Path) -> None:
    lightest = recipes.find_recipe("lightest", "lenet-5", "mnist5k")
    assert recipes.fitting_base("lenet-5", "mnist5k") == lightest
    other = recipes.fitting_base("mobilenet-v2")
    assert other.pruning.training.distillation is not None
    assert other.layers == ()
