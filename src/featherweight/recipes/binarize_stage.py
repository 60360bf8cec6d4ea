"""The first stage of a recipe that has one: layers become binary, and are trained so.

What comes after it (pruning, sharing) works on the layers that stayed real; the binary ones go on
being trained with them.
"""

from fnmatch import fnmatchcase

from torch import nn

from featherweight.binarization import (
    BinaryConnect,
    Course,
    binarize,
    binary_candidates,
    binary_layers,
    find_scheme,
    train_binary,
    train_binary_connect,
)
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.nn import set_stage
from featherweight.recipes.recipe import BinarizationStage, Recipe
from featherweight.recipes.stages import Settings, stage_checkpoint


def binarize_stage(
    network: nn.Module,
    teacher: nn.Module,
    recipe: Recipe,
    data: Dataset | None,
    settings: Settings,
) -> nn.Module:
    """The network with binary layers, trained where there is data; itself if none are asked for.

    A network that was written with binary layers keeps its other ones, unless the recipe asks for
    the first and last layer too.

    Raises:
        InvalidArgumentError: no layer can become binary.
    """
    stage = recipe.binarization
    if stage is None:
        return network
    scheme = find_scheme(stage.scheme)
    names = chosen_layers(network, stage)
    course = None
    if data is not None and stage.training.epochs > 0:
        course = Course(
            data, stage.training, teacher, settings.seed,
            lambda name, at: stage_checkpoint(name.replace(" ", "-"), at, recipe, data, settings),
            settings.report,
        )  # fmt: skip
    if scheme.is_trained_in_place:
        if course is not None:
            return train_binary_connect(network, names, course)
        BinaryConnect(network, [f"{name}.weight" for name in names])
        return binarize(network, "bwn", names)
    if names:
        network = binarize(network, scheme, names, norms=course is not None)
    set_stage(network, "binary")
    if course is not None:
        train_binary(network, scheme, course)
    return network


def chosen_layers(network: nn.Module, stage: BinarizationStage) -> list[str]:
    """The layers that the stage makes binary, in the order in which they are called.

    Raises:
        InvalidArgumentError: there are none, and the network has no binary layers of its own.
    """
    has_binary = bool(binary_layers(network))
    found: list[str] = []
    if not (has_binary and stage.keep_first_last):
        found = binary_candidates(network, stage.scheme, keep_first_last=stage.keep_first_last)
    names = [name for name in found if any(fnmatchcase(name, p) for p in stage.layers)]
    if not names and not has_binary:
        raise InvalidArgumentError(
            f"no layer can become binary: of {', '.join(found) or 'none that could'}, "
            f"none matches {', '.join(stage.layers)}."
        )
    return names


def binary_weights(network: nn.Module) -> set[str]:
    """The names of the weights that the file holds with one bit each."""
    return {f"{name}.weight" if name else "weight" for name in binary_layers(network)}
