"""Recipes as data: YAML there and back, every shipped file, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featherweight.errors import InvalidArgumentError
from featherweight.recipes import (
    LayerRule,
    Recipe,
    find_recipe,
    find_training,
    recipe_names,
    scaled,
)
from featherweight.recipes.recipe import from_yaml, to_yaml
from featherweight.training import TrainingConfig
from featherweight.zoo import small_setting

SHIPPED = [(name, network) for name, networks in recipe_names().items() for network in networks]

rules = st.builds(
    LayerRule,
    pattern=st.text("abc*?_.", min_size=1),
    density=st.none() | st.floats(0.001, 1.0),
    num_bits=st.none() | st.integers(1, 8),
    bias_bits=st.none() | st.integers(1, 8),
)


@given(st.builds(Recipe, name=st.text(), layers=st.lists(rules, max_size=4).map(tuple)))
def test_yaml_there_and_back(recipe: Recipe) -> None:
    assert from_yaml(to_yaml(recipe), "test", Recipe) == recipe


@pytest.mark.parametrize(("name", "network"), SHIPPED)
def test_every_shipped_recipe_reads_back_equal(name: str, network: str) -> None:
    model, _, data = network.partition("@")
    recipe = find_recipe(name, model, data or None)
    assert from_yaml(to_yaml(recipe), "test", Recipe) == recipe
    assert recipe.layers


def test_the_papers_recipes_are_there() -> None:
    networks = {"alexnet", "lenet-300-100", "lenet-5", "vgg-16"}
    assert set(recipe_names()["deep-compression"]) == networks
    rule = find_recipe("deep-compression", "vgg-16").rule("fc6")
    assert rule is not None
    assert (rule.density, rule.num_bits) == (0.04, 5)


def test_the_first_matching_rule_holds() -> None:
    recipe = Recipe("r", (LayerRule("conv1", num_bits=8), LayerRule("conv*", num_bits=4)))
    found = [recipe.rule(layer) for layer in ("conv1", "conv2", "fc")]
    assert [rule and rule.num_bits for rule in found] == [8, 4, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: r\nlayers: [{pattern: a, density: 1.5}]", "density"),
        ("name: r\nlayers: [{pattern: a, num_bits: 9}]", "num_bits"),
        ("name: r\nlayers: [{pattern: a, denisty: 0.1}]", "denisty"),
        ("name: r\nlayers: [{pattern: a, density: 0.1, quality: 1.0}]", "not both"),
        ("name: r", "layers"),
        ("name: [", "YAML"),
    ],
)
def test_bad_recipes_get_one_clear_sentence(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        from_yaml(text, "my.yaml", Recipe)
    assert "my.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_recipes_name_what_there_is() -> None:
    with pytest.raises(InvalidArgumentError, match="deep-compression"):
        find_recipe("nonsense", "lenet-5")
    with pytest.raises(InvalidArgumentError, match="no recipe file"):
        find_recipe("missing.yaml", "lenet-5")


def test_reference_training_and_scaling() -> None:
    assert find_training("lenet-5", "mnist5k", epochs=3).epochs == 3
    assert find_training("vgg-16:width=0.25").learning_rate == small_setting("vgg-16").learning_rate
    assert find_training("my.package:network") == TrainingConfig()
    recipe = find_recipe("deep-compression", "lenet-5")
    assert scaled(recipe, 0.001).pruning.training.epochs == 1
