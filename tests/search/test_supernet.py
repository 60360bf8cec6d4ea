import random

import pytest
import torch

from featherweight.errors import InvalidArgumentError
from featherweight.search.evaluation.supernet import Supernet, _sources, shared_top1, train_supernet
from featherweight.search.network import PlannedNetwork, module_name
from featherweight.search.spaces.registry import find_space
from featherweight.training import TrainingConfig


@pytest.mark.parametrize("name", ["chain-table", "mobile-shared"])
def test_a_child_is_the_network_of_its_plan_with_the_shared_weights(name: str) -> None:
    torch.manual_seed(0)
    space = find_space(name)
    supernet = Supernet(space, (1, 14, 14), 10)
    x = torch.randn(8, 1, 14, 14)
    for seed in range(4):
        architecture = space.sample(random.Random(seed))
        supernet.choose(architecture)
        plan = architecture.plan((1, 14, 14), 10)
        alone = PlannedNetwork(plan).train()
        sources = _sources(plan)
        with torch.no_grad():
            for layer in plan.layers:
                if layer.op == "conv":
                    part = alone.layers[module_name(layer.name)]
                    part.conv.weight.copy_(supernet._weight(layer, sources[layer.name]))
            last = plan.layers[-1]
            weight = supernet._weight(last, sources[last.name])[:, :, 0, 0]
            alone.layers["classifier"].weight.copy_(weight)
            alone.layers["classifier"].bias.copy_(supernet.weights["classifier/bias"])
            torch.testing.assert_close(supernet(x), alone(x), rtol=1e-4, atol=1e-5)


def test_it_learns(blobs) -> None:
    space = find_space("chain-tuning")
    supernet = train_supernet(
        space, blobs, TrainingConfig(epochs=6, batch_size=16, learning_rate=0.01)
    )
    assert shared_top1(supernet, supernet.largest, blobs) > 60.0


def test_groups_cannot_be_shared() -> None:
    with pytest.raises(InvalidArgumentError, match="plain and depthwise"):
        Supernet(find_space("mobile"), (1, 28, 28), 10)
