import random
from pathlib import Path

import numpy as np
import pytest

from featherweight.search.evaluation.latency import (
    LatencyTable,
    _fit,
    calibrate_latency,
    layer_times,
    load_latency,
    signature,
)
from featherweight.search.spaces.registry import find_space

SHAPE = (1, 14, 14)


def test_a_known_layer_takes_what_was_measured_and_others_follow_the_fit() -> None:
    plan = find_space("chain-table").sample(random.Random(0)).plan(SHAPE, 10)
    first = plan.layers[0]
    inputs = plan.input_shapes()[first.name]
    table = LatencyTable({signature(first, inputs): 5.0}, {"conv0": (1.0, 0.0, 0.0)})
    convolutions = sum(layer.op == "conv" for layer in plan.layers)
    assert table.predict(plan) == pytest.approx(5.0 + convolutions - 1)


def test_the_fit_finds_factors_and_leaves_negative_ones_out() -> None:
    x = np.random.default_rng(0).random((30, 3))
    assert _fit([(row, float(row @ [0.1, 2.0, 3.0])) for row in x]) == pytest.approx((0.1, 2, 3))
    least = _fit([(row, float(row @ [0.5, 2.0, -1.0])) for row in x])
    assert least[2] == 0.0
    assert min(least) >= 0.0


def test_every_layer_that_computes_is_timed_and_the_table_reads_back(tmp_path: Path) -> None:
    space = find_space("chain-table")
    plan = space.sample(random.Random(1)).plan(SHAPE, 10)
    timed = {layer.name for layer, _ in layer_times(plan, rounds=5)}
    assert {layer.name for layer in plan.layers if layer.op in ("conv", "linear")} <= timed
    table = calibrate_latency(space, SHAPE, 10, count=2)
    table.save(tmp_path / "table.json")
    assert load_latency(tmp_path / "table.json") == table
    assert table.predict(plan) > 0
