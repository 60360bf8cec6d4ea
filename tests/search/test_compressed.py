"""Architecture and compression searched together."""

import random
from pathlib import Path

import pytest
import torch

from featherweight.recipes import compress, from_data
from featherweight.recipes.recipe import Recipe, to_data
from featherweight.search.evaluation.proxy import Proxy
from featherweight.search.evaluation.rewards import SURE, Reward
from featherweight.search.evaluation.training import TrainingEvaluator
from featherweight.search.network import PlannedNetwork
from featherweight.search.spaces.compressed import CompressedSpace
from featherweight.search.spaces.registry import find_space
from featherweight.training import TrainingConfig

SHAPE = (1, 28, 28)
ONE_EPOCH = TrainingConfig(epochs=1)


def space_of(name: str) -> CompressedSpace:
    space = find_space(name)
    assert isinstance(space, CompressedSpace)
    return space


def test_every_architecture_at_every_compression() -> None:
    space = space_of("chain-compressed")
    assert space.count == 648 * (3 * 3) ** 2
    assert len({one.text for one in map(space.sample, map(random.Random, range(200)))}) > 150


def test_the_text_says_both_and_the_network_is_the_inner_one() -> None:
    space = space_of("mobile-compressed")
    one = space.sample(random.Random(1))
    assert space.parse(one.text) == one
    assert "conv.density=" in one.text
    inner = space.inner.architecture(one.choices[: len(space.inner.decisions)])
    assert one.plan(SHAPE, 10) == inner.plan(SHAPE, 10)


def test_the_recipe_says_what_was_chosen_and_is_a_recipe_as_any() -> None:
    space = space_of("chain-compressed")
    one = space.parse("conv.density=0.25,conv.bits=3,linear.density=0.5,linear.bits=6")
    recipe = space.recipe(one, ONE_EPOCH)
    assert from_data(to_data(recipe), "test", Recipe) == recipe
    conv, linear = recipe.rule("layers.conv1.conv"), recipe.rule("layers.classifier")
    assert conv is not None
    assert linear is not None
    assert (conv.density, conv.num_bits) == (0.25, 3)
    assert (linear.density, linear.num_bits) == (0.5, 6)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["chain-compressed", "mobile-compressed"])
def test_the_size_is_known_before(name: str, seed: int, tmp_path: Path) -> None:
    space = space_of(name)
    one = space.sample(random.Random(seed))
    torch.manual_seed(seed)
    module = PlannedNetwork(one.plan(SHAPE, 10)).eval()
    recipe = space.recipe(one, ONE_EPOCH)
    done = compress(module, recipe, None, tmp_path / "n.fwt", input_shape=SHAPE)
    predicted = space.cost(one, one.plan(SHAPE, 10)).file_bytes
    assert predicted == pytest.approx(done.file_bytes, rel=SURE - 1)


def test_a_trained_child_is_what_its_file_holds() -> None:
    space = space_of("chain-compressed")
    kernels = "height1=3,width1=3,height2=3,width2=3"
    one = space.parse(f"{kernels},filters1=16,filters2=16,conv.density=0.5,conv.bits=4")
    evaluator = TrainingEvaluator("digits", TrainingConfig(epochs=6, learning_rate=0.01), Proxy())
    judged = evaluator(one, lambda epoch, top1: None)
    again = evaluator(one, lambda epoch, top1: None)
    assert judged[:1] + judged[2:] == again[:1] + again[2:]
    assert judged.top1 > 30.0
    predicted = space.cost(one, one.plan((1, 8, 8), 10)).file_bytes
    assert judged.file_bytes == pytest.approx(predicted, rel=SURE - 1)
    plain = evaluator(space.inner.parse(kernels), lambda epoch, top1: None)
    assert plain.file_bytes is None


def test_what_is_too_large_has_a_reward_below_what_fits() -> None:
    reward = Reward(max_file_bytes=1000)
    assert reward.refused(None, 2000) == -2.0
    assert reward.refused(None, 1200) is None  # by prediction it may fit
    assert reward(90.0, None, 1100) == pytest.approx(-1.1)
    assert reward(90.0, None, 1000) == 90.0
