"""What a MODEL costs, whatever it is: a zoo name, a callable, a file, a module, a network."""

from pathlib import Path

import torch
from torch import nn

from featherweight import container, graph, zoo
from featherweight.container import Network
from featherweight.errors import InvalidArgumentError
from featherweight.measure import Profile, profile_module, profile_network


def profile(
    model: str | Path | nn.Module | Network,
    input_shape: tuple[int, ...] | None = None,
    *,
    batch: int | None = None,
) -> Profile:
    """Return parameters, multiply-adds, bytes and peak memory of one inference, layer by layer.

    A `.fwt` file, or a `Network`, is charged what its coded tensors cost, pruned weights nothing.

    Args:
        model: whatever the command line takes for MODEL, or a module, or what `container.read`
            returns.
        input_shape: without the batch, such as (3, 224, 224); by default the model's own. A module
            has none, and needs it.
        batch: samples an inference takes; by default 1, or what a file fixes.

    Raises:
        InvalidArgumentError: there is no such model, or it does not fit the input.
        UnsupportedOperatorError: an operator outside the subset; the message names its layer.
    """
    if isinstance(model, nn.Module):
        if input_shape is None:
            raise InvalidArgumentError("`input_shape` must be given to profile a module.")
        return profile_module(model, input_shape, batch=batch or 1)
    if isinstance(model, Network):
        return profile_network(model.graph, model.tensors, input_shape, batch=batch)
    path = Path(model)
    if path.suffix in zoo.FILE_SUFFIXES:
        return _profile_file(path, input_shape, batch)
    resolved = _resolve_without_weights(str(model), input_shape)
    return profile_module(resolved.module, input_shape or resolved.input_shape, batch=batch or 1)


def _profile_file(path: Path, input_shape: tuple[int, ...] | None, batch: int | None) -> Profile:
    if not path.is_file():
        raise InvalidArgumentError(f"there is no file {path}.")
    if path.suffix == ".fwt":
        return profile(container.read(path), input_shape, batch=batch)
    read = graph.from_onnx if path.suffix == ".onnx" else graph.from_pt2
    return profile_network(*read(path), input_shape, batch=batch)


def _resolve_without_weights(model: str, shape: tuple[int, ...] | None) -> zoo.Resolved:
    """Make a zoo network without memory for its weights; the user's own code as it is."""
    if shape is not None and len(shape) != 3:
        raise InvalidArgumentError(
            f"`input_shape` of {model!r} must be channels, height and width, but got {shape}."
        )
    size = None if shape is None else (shape[0], shape[1], shape[2])
    if model.partition(":")[0] in zoo.names():
        with torch.device("meta"):
            return zoo.resolve(model, shape=size)
    return zoo.resolve(model, shape=size)
