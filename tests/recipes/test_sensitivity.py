"""What pruning one layer costs, kept in a file; and where a budget is best spent."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.functional.pruning import magnitude_mask
from featherweight.recipes.allocation import allocate
from featherweight.recipes.sensitivity import (
    LayerCurve,
    Point,
    Question,
    Sensitivity,
    measure_sensitivity,
    read_sensitivity,
)
from featherweight.training import TrainingConfig, evaluate, fit

QUESTION = Question(densities=(0.5, 0.05), bits=(4, 1))


@pytest.fixture(scope="module")
def trained(blobs: Dataset) -> nn.Module:
    torch.manual_seed(2)
    module = nn.Sequential(nn.Flatten(), nn.Linear(144, 20), nn.ReLU(), nn.Linear(20, 3))
    fit(module, blobs, TrainingConfig(epochs=4, batch_size=50, learning_rate=5e-3))
    return module


def test_points_are_the_accuracy_with_one_layer_pruned(
    trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    before = copy.deepcopy(trained.state_dict())
    found = measure_sensitivity(trained, blobs, QUESTION, tmp_path / "s.json")
    assert all(torch.equal(value, before[key]) for key, value in trained.state_dict().items())
    assert [layer.name for layer in found.layers] == ["1", "3"]
    assert [layer.params for layer in found.layers] == [144 * 20, 60]
    for layer in found.layers:
        assert [(p.density, p.num_bits) for p in layer.points] == [
            (1.0, None), (0.5, None), (0.05, None), (1.0, 4), (1.0, 1),
        ]  # fmt: skip
        cut = copy.deepcopy(trained)
        weight = cut.get_submodule(layer.name).weight
        with torch.no_grad():
            weight.mul_(magnitude_mask(weight, 0.05))
        expected = evaluate(cut, blobs, blobs.val)
        assert layer.points[2].top1 == expected.top1
        assert layer.points[2].loss == pytest.approx(expected.loss)
        assert layer.points[0].top1 == evaluate(trained, blobs, blobs.val).top1
    assert read_sensitivity(tmp_path / "s.json") == found


def test_what_is_kept_is_not_measured_again(
    trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    file = tmp_path / "s.json"
    measure_sensitivity(trained, blobs, QUESTION, file)
    marked = json.loads(file.read_text())
    marked["layers"][1]["points"][1]["top1"] = 12.5
    file.write_text(json.dumps(marked))
    more = Question(densities=(0.5, 0.2, 0.05), bits=(4, 1))
    found = measure_sensitivity(trained, blobs, more, file)
    assert found.layers[1].points[1].top1 == 12.5
    assert [p.density for p in found.layers[0].points[:4]] == [1.0, 0.5, 0.2, 0.05]


def test_a_killed_measurement_goes_on(trained: nn.Module, blobs: Dataset, tmp_path: Path) -> None:
    file, seen = tmp_path / "s.json", []

    def stop(progress: object) -> None:
        seen.append(progress.epoch)
        if progress.epoch == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_sensitivity(trained, blobs, QUESTION, file, stop)
    assert sum(len(layer.points) for layer in read_sensitivity(file).layers) == 4
    straight = measure_sensitivity(trained, blobs, QUESTION, tmp_path / "other.json")
    assert measure_sensitivity(trained, blobs, QUESTION, file) == straight


def test_points_of_other_weights_are_never_mixed_in(
    trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    file = tmp_path / "s.json"
    measure_sensitivity(trained, blobs, QUESTION, file)
    other = copy.deepcopy(trained)
    with torch.no_grad():
        other[1].weight[0, 0] += 1.0
    with pytest.raises(InvalidArgumentError, match=r"s\.json.*other weights"):
        measure_sensitivity(other, blobs, QUESTION, file)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text('{"rows": []}')
    with pytest.raises(InvalidArgumentError, match=r"s\.json was not written by"):
        read_sensitivity(file)


def curves(*losses: tuple[str, int, dict[float, float]]) -> Sensitivity:
    return Sensitivity("", "", "magnitude", tuple(
        LayerCurve(name, params, tuple(Point(d, None, 0.0, loss) for d, loss in points.items()))
        for name, params, points in losses
    ))  # fmt: skip


def two_layers() -> nn.Module:
    return nn.Sequential(nn.Linear(100, 10), nn.Linear(10, 10))


@pytest.mark.parametrize("density", [0.02, 0.1, 0.3, 0.9, 1.0])
def test_the_budget_is_spent(density: float) -> None:
    points = {1.0: 0.1, 0.5: 0.12, 0.1: 0.4, 0.01: 2.0}
    found = allocate(curves(("0", 1000, points), ("1", 100, points)), two_layers(), density)
    kept = found["0"] * 1000 + found["1"] * 100
    assert kept == pytest.approx(density * 1100, rel=1e-3)
    assert max(found.values()) <= 1.0
    # The same loss costs fewer weights in the small layer.
    assert found["1"] >= found["0"]


def test_the_sum_of_losses_is_the_least_of_all_ways_to_spend() -> None:
    first = {1.0: 0.0, 0.3: 0.05, 0.1: 0.3, 0.02: 1.5}
    second = {1.0: 0.0, 0.3: 0.6, 0.1: 1.4, 0.02: 2.0}
    found = allocate(curves(("0", 1000, first), ("1", 100, second)), two_layers(), 0.2)

    def loss(points: dict[float, float], density: float) -> float:
        order = sorted(points)
        return float(np.interp(np.log(density), np.log(order), [points[d] for d in order]))

    ways = [
        (loss(first, kept) + loss(second, rest), kept)
        for kept in np.linspace(0.12, 0.2199, 400)
        if 0.02 <= (rest := (0.2 * 1100 - 1000 * kept) / 100) <= 1.0
    ]
    chosen = loss(first, found["0"]) + loss(second, found["1"])
    assert chosen <= min(ways)[0] + 0.01


def test_layers_of_another_network_are_refused() -> None:
    found = curves(("conv", 10, {1.0: 0.0, 0.1: 1.0}))
    with pytest.raises(InvalidArgumentError, match=r"layers conv, which are not those.*0, 1"):
        allocate(found, two_layers(), 0.5)


def test_bits_alone_do_not_say_where_to_prune() -> None:
    found = Sensitivity("", "", "magnitude", tuple(
        LayerCurve(name, params, (Point(1.0, None, 90.0, 0.1), Point(1.0, 4, 90.0, 0.1)))
        for name, params in (("0", 1000), ("1", 100))
    ))  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="0 to pruning was not measured"):
        allocate(found, two_layers(), 0.5)
