import random

import pytest
import torch

from featherweight.measure import profile_module
from featherweight.search.costs import plan_cost
from featherweight.search.network import PlannedNetwork
from featherweight.search.spaces.registry import find_space, space_names
from featherweight.zoo import resolve


@pytest.mark.parametrize("name", space_names())
def test_cost_of_the_plan_is_that_of_the_graph(name: str) -> None:
    architecture = find_space(name).sample(random.Random(5))
    plan = architecture.plan((1, 28, 28), 10)
    profile, cost = profile_module(PlannedNetwork(plan), (1, 28, 28)), plan_cost(plan)
    assert cost.params == profile.params
    assert cost.macs == profile.macs
    assert cost.peak_activation_bytes == profile.peak_activation_bytes


@pytest.mark.parametrize("name", space_names())
def test_shapes_are_the_plans_and_every_parameter_gets_a_gradient(name: str) -> None:
    for seed in range(8):
        plan = find_space(name).sample(random.Random(seed)).plan((3, 21, 21), 7)
        module = PlannedNetwork(plan)
        sizes: dict[str, tuple[int, ...]] = {}
        for layer in plan.layers:
            part = module.layers[layer.name.replace(".", "_")] if layer.op == "conv" else None
            if part is not None:
                part.register_forward_hook(
                    lambda _, __, y, name=layer.name, sizes=sizes: sizes.update(
                        {name: tuple(y.shape[1:])}
                    )
                )
        logits = module(torch.randn(4, 3, 21, 21))
        assert logits.shape == (4, 7)
        assert sizes == {layer.name: layer.shape for layer in plan.layers if layer.op == "conv"}
        logits.square().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_an_architecture_is_a_model() -> None:
    text = find_space("mobile").sample(random.Random(1)).text
    resolved = resolve(f"search:{text}", shape=(1, 28, 28), num_classes=10, seed=3)
    again = resolve(f"search:{text}", shape=(1, 28, 28), num_classes=10, seed=3)
    x = torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(resolved.module.eval()(x), again.module.eval()(x))
