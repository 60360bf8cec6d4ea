"""Recipes: the only place that composes methods of compression."""

from featherweight.recipes.accounting import LayerRow
from featherweight.recipes.compression import Compression, compress
from featherweight.recipes.pack import example_input
from featherweight.recipes.recipe import (
    LayerRule,
    Recipe,
    find_recipe,
    find_training,
    from_data,
    recipe_names,
    scaled,
    to_yaml,
)
from featherweight.recipes.stages import Settings, layers_with_weights, train_reference

__all__ = [
    "Compression",
    "LayerRow",
    "LayerRule",
    "Recipe",
    "Settings",
    "compress",
    "example_input",
    "find_recipe",
    "find_training",
    "from_data",
    "layers_with_weights",
    "recipe_names",
    "scaled",
    "to_yaml",
    "train_reference",
]
