"""Recipes: the only place that composes methods of compression."""

from featherweight.recipes.accounting import LayerRow
from featherweight.recipes.compression import compress
from featherweight.recipes.fit import fit_to_size
from featherweight.recipes.pack import example_input
from featherweight.recipes.recipe import (
    BinarizationStage,
    LayerRule,
    Recipe,
    find_recipe,
    find_training,
    fitting_base,
    from_data,
    recipe_names,
    scaled,
    to_yaml,
)
from featherweight.recipes.stages import Settings, layers_with_weights, train_reference
from featherweight.recipes.written import Compression, write_compressed

__all__ = [
    "BinarizationStage",
    "Compression",
    "LayerRow",
    "LayerRule",
    "Recipe",
    "Settings",
    "compress",
    "example_input",
    "find_recipe",
    "find_training",
    "fit_to_size",
    "fitting_base",
    "from_data",
    "layers_with_weights",
    "recipe_names",
    "scaled",
    "to_yaml",
    "train_reference",
    "write_compressed",
]
