from pathlib import Path

import pytest
import torch

from featherweight import container, recipes
from featherweight.bench.tradeoff_plot import plot_tradeoffs
from featherweight.bench.tradeoffs import (
    TradeOff,
    compare_models,
    float32_file_bytes,
    published_tradeoffs,
)
from featherweight.errors import InvalidArgumentError
from featherweight.zoo import create

RECIPE = recipes.Recipe("half", (recipes.LayerRule("ip*", density=0.5, num_bits=3),))


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet-300-100 with half of its weights, as a file."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("half") / "half.fwt"
    recipes.compress(create("lenet-300-100"), RECIPE, None, file, input_shape=(1, 28, 28))
    return file


def test_a_file_is_charged_for_what_it_keeps(half: Path) -> None:
    whole, pruned = compare_models(["lenet-300-100", str(half)], rounds=2)
    assert whole.params == 266_610
    assert whole.macs == 784 * 300 + 300 * 100 + 100 * 10
    assert pruned.macs == whole.macs // 2
    assert pruned.params == whole.macs // 2 + 410
    assert pruned.file_bytes == half.stat().st_size
    assert 4 * whole.params < whole.file_bytes < 4 * whole.params + 4096
    assert pruned.energy_mj < whole.energy_mj
    assert whole.latency_ms is not None
    assert whole.latency_ms > 0
    assert whole.top1 == 100 - 1.64  # the papers' reference network
    assert whole.top1_source.startswith("MNIST")
    assert (pruned.top1, pruned.top1_source) == (None, "not trained")


def test_a_file_tells_its_accuracy(half: Path, tmp_path: Path) -> None:
    network = container.read(half)
    told = container.Network(
        network.graph, network.tensors, {"accuracy": {"data": "mnist5k", "top1": 91.5}}
    )
    container.write(tmp_path / "told.fwt", told)
    (row,) = compare_models([str(tmp_path / "told.fwt")], rounds=1)
    assert (row.top1, row.top1_source) == (91.5, "mnist5k, by the file")


def test_the_zoo_has_the_accuracy_that_was_published() -> None:
    (row,) = compare_models(["squeezenet-1.1"], rounds=1)
    assert row.top1 is not None
    assert row.top1_source.startswith("ImageNet, ")


def test_published_points_are_networks_with_all_three_figures() -> None:
    rows = published_tradeoffs()
    assert len(rows) > 40
    vgg = next(row for row in rows if row.name.startswith("vgg-16"))
    assert (vgg.params, vgg.macs, vgg.top1) == (138_000_000, 15_300_000_000, 71.5)
    squeezenet = next(row for row in rows if row.name.startswith("squeezenet-1.0"))
    assert squeezenet.macs < 900_000_000  # the paper counts two operations a multiply-add


def test_the_file_of_a_network_as_it_is_holds_every_byte() -> None:
    size = float32_file_bytes(create("lenet-5"), (1, 28, 28))
    assert 4 * 431_080 < size < 4 * 431_080 + 4096


def test_no_network_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="at least one network"):
        compare_models([])


def point(name: str, top1: float | None) -> TradeOff:
    return TradeOff(name, 1000, 10**6, top1, "", 2.0, 0.5, 4000, 800)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_names_every_network(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"plot.{suffix}"
    plot_tradeoffs([point("small-one", 90.0), point("other-one", 80.0)], file, costs=["macs"])
    assert file.stat().st_size > 1000
    if suffix == "svg":
        text = file.read_text()
        assert "small-one" in text
        assert "other-one" in text
        assert "top-1, %" in text


def test_without_accuracies_latency_stands_up(tmp_path: Path) -> None:
    plot_tradeoffs([point("small-one", None)], tmp_path / "plot.svg", costs=["macs", "latency_ms"])
    text = (tmp_path / "plot.svg").read_text()
    assert "latency, ms" in text
    assert "top-1" not in text


def test_an_unknown_cost_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="macs, params"):
        plot_tradeoffs([point("a", 1.0)], tmp_path / "plot.svg", costs=["beauty"])
