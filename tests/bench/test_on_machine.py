"""Before and after on this machine: what is told apart from what is measured."""

import pytest
from rich.console import Console

from featherweight import recipes
from featherweight.bench.on_machine import MachineChange, change_on_this_machine
from featherweight.bench.on_machine_table import HEADERS, change_cells, change_line, change_table
from featherweight.zoo import resolve


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> MachineChange:
    resolved = resolve("lenet-5", seed=0)
    file = tmp_path_factory.mktemp("on_machine") / "lenet-5.fwt"
    recipe = recipes.find_recipe("deep-compression", "lenet-5")
    recipes.compress(resolved.module, recipe, None, file, input_shape=(1, 28, 28))
    example = recipes.example_input((1, 28, 28))
    return change_on_this_machine(resolved.module, example, file, rounds=3)


def test_bytes_are_counted_on_both_sides(change: MachineChange) -> None:
    before, after = change.before, change.after
    assert before.weight_bytes >= 4 * 430_500  # every float of LeNet-5
    assert after.weight_bytes < before.weight_bytes / 8  # the densities of the paper
    assert after.file_bytes < before.file_bytes / 30
    assert after.activation_bytes > 0


def test_each_layer_with_weights_is_there(change: MachineChange) -> None:
    assert [layer.name for layer in change.layers] == ["conv1", "conv2", "ip1", "ip2"]
    formats = {layer.name: (layer.format_before, layer.format_after) for layer in change.layers}
    assert formats["ip1"] == ("dense", "slots")
    assert formats["conv1"] == ("dense", "dense")  # 66 % of its weights are kept


def test_who_is_not_faster_says_why(change: MachineChange) -> None:
    for layer in change.layers:
        is_faster = layer.ms_before >= 1.05 * layer.ms_after
        assert bool(layer.why_not_faster) != is_faster


def test_the_table_ends_with_the_whole_network(change: MachineChange) -> None:
    cells = change_cells(change)
    assert len(cells) == len(change.layers) + 1
    assert {len(row) for row in cells} == {len(HEADERS)}
    assert cells[-1][0] == "whole network"
    console = Console(width=100)
    with console.capture() as captured:
        console.print(change_table("lenet-5", change))
    text = captured.get()
    for layer in change.layers:
        assert layer.name in text
    assert "x as fast" in change_line(change)


def test_a_dense_layer_that_is_slower_says_that_it_was_not_pruned() -> None:
    from featherweight.bench.on_machine import _why_not_faster
    from featherweight.runtime import Layer

    layer = Layer("conv", "Conv", "dense", "", "", 400, 0.0)
    assert _why_not_faster(layer, 1.0, 1.0) == "its weights were not pruned"
    assert _why_not_faster(layer, 1.0, 0.9) == ""
    noted = Layer("conv", "Conv", "dense", "", "60 % are kept", 400, 0.0)
    assert _why_not_faster(noted, 1.0, 1.0) == "60 % are kept"
