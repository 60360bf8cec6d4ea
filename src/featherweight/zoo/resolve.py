"""What a MODEL may be.

- a zoo name with options: ``mobilenet-v2:width=0.5``
- a callable with options: ``torchvision.models:resnet18:num_classes=10``
- a network of timm by its name, with options: ``timm:mobilenetv3_small_100``
- an architecture that a search found: ``search:mobile:stem=16,...``
- a `.pt2`, `.onnx` or `.fwt` file
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from featherweight import container, graph
from featherweight.errors import InvalidArgumentError
from featherweight.extras import require
from featherweight.graph.torchvision_guard import torchvision
from featherweight.training import checkpoint as checkpoints
from featherweight.zoo import registry

FILE_SUFFIXES = frozenset({".fwt", ".onnx", ".pt2"})
"""Endings by which a MODEL is known to be a file."""


@dataclass(frozen=True, eq=False)
class Resolved:
    """A network ready for use."""

    name: str
    module: nn.Module
    input_shape: tuple[int, ...]
    """(channels, height, width)."""
    fresh: bool
    """Whether its weights are the untrained ones of its initialisation."""


def resolve(
    model: str,
    *,
    seed: int = 0,
    shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    checkpoint: Path | None = None,
    weights: Path | None = None,
) -> Resolved:
    """Make the network that `model` names.

    Args:
        model: see above.
        seed: of the initial weights.
        shape: (channels, height, width) of the pictures it is to see, where that is known.
        num_classes: of the data, where that is known.
        checkpoint: weights to load, `.safetensors` or a `.pt` state dict (never unpickled).
        weights: the same, of other data (ImageNet), to be trained on: the last layer stays fresh
            if the number of classes is another one. Nothing is ever fetched.

    Raises:
        InvalidArgumentError: there is no such network, file or callable, or both checkpoint and
            weights are given.
        CheckpointError: the checkpoint or the weights do not fit the network.
    """
    if checkpoint is not None and weights is not None:
        raise InvalidArgumentError(
            f"`checkpoint` and `weights` exclude each other, but got checkpoint={checkpoint} and "
            f"weights={weights}."
        )
    path = Path(model)
    if path.suffix in FILE_SUFFIXES:
        if not path.is_file():
            raise InvalidArgumentError(f"there is no file {model}.")
        resolved = _from_file(path)
    elif model.startswith("search:"):
        resolved = _from_search(model, seed, shape, num_classes)
    elif model.startswith("timm:"):
        resolved = _from_timm(model, seed, shape, num_classes)
    elif _is_callable(model):
        resolved = _from_callable(model, seed, shape)
    else:
        resolved = _from_zoo(model, seed, shape, num_classes)
    if weights is not None:
        checkpoints.load_pretrained(weights, resolved.module)
    if checkpoint is None:
        return resolved
    checkpoints.load_weights(checkpoint, resolved.module)
    return Resolved(resolved.name, resolved.module, resolved.input_shape, fresh=False)


def _from_zoo(
    model: str, seed: int, shape: tuple[int, int, int] | None, num_classes: int | None
) -> Resolved:
    name, options = registry.parse(model)
    known = registry.options_of(name)
    defaults: dict[str, object] = {}
    if shape is not None:
        defaults |= {"in_channels": shape[0], "input_size": shape[1]}
    if num_classes is not None:
        defaults["num_classes"] = num_classes
    defaults = {key: value for key, value in defaults.items() if key in known}
    torch.manual_seed(seed)
    module = registry.create(name, **(defaults | options))
    return Resolved(model, module, shape or registry.entry(name).input_shape, fresh=True)


def _is_callable(model: str) -> bool:
    """Whether it is ``module:callable``, not a zoo name with its options (``name:key=value``)."""
    name, _, rest = model.partition(":")
    named = rest.partition(":")[0]
    return name not in registry.names() and bool(named) and "=" not in named


def _from_callable(model: str, seed: int, shape: tuple[int, int, int] | None) -> Resolved:
    """``package.module:callable``, called with the options that follow it, must give a module.

    The user names the code on the command line; a file never does.
    """
    module_name, _, rest = model.partition(":")
    attribute, options = registry.parse(rest)
    if module_name.partition(".")[0] == "torchvision":
        torchvision()
    if str(Path.cwd()) not in sys.path:  # a console script does not look where it is called
        sys.path.append(str(Path.cwd()))
    try:
        build = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidArgumentError(f"{model!r} cannot be imported: {error}.") from error
    return Resolved(model, _build(model, build, options, seed), shape or (3, 224, 224), fresh=True)


def _from_timm(
    model: str, seed: int, shape: tuple[int, int, int] | None, num_classes: int | None
) -> Resolved:
    """``timm:NAME``, which timm builds for the channels and classes of the data."""
    torchvision()  # timm imports it, too
    timm = require("timm", extra="timm")
    name, options = registry.parse(model.partition(":")[2])
    if not timm.is_model(name):
        raise InvalidArgumentError(f"timm {timm.__version__} has no network {name!r}.")
    defaults: dict[str, object] = {}
    if shape is not None:
        defaults["in_chans"] = shape[0]
    if num_classes is not None:
        defaults["num_classes"] = num_classes

    def build(**options: object) -> nn.Module:
        return timm.create_model(name, **options)  # type: ignore[no-any-return]

    module = _build(model, build, defaults | options, seed)
    size = timm.get_pretrained_cfg(name).input_size
    return Resolved(model, module, shape or tuple(size), fresh=True)


def _from_search(
    model: str, seed: int, shape: tuple[int, int, int] | None, num_classes: int | None
) -> Resolved:
    """``search:ARCHITECTURE``; by name, since `search` is a room above this one."""
    made = importlib.import_module("featherweight.search.models")
    text = model.partition(":")[2]
    shape = shape or (1, 28, 28)
    torch.manual_seed(seed)
    return Resolved(model, made.build(text, shape, num_classes or 10), shape, fresh=True)


def _build(
    model: str, build: Callable[..., nn.Module], options: Mapping[str, object], seed: int
) -> nn.Module:
    for option in ("weights", "pretrained"):
        if options.get(option):
            raise InvalidArgumentError(
                f"{model!r} would fetch weights by itself: give a file of them as `weights`."
            )
    torch.manual_seed(seed)
    try:
        module = build(**options)
    except TypeError as error:
        raise InvalidArgumentError(f"{model!r} cannot be called so: {error}.") from error
    if not isinstance(module, nn.Module):
        raise InvalidArgumentError(
            f"{model!r} must return a torch.nn.Module, but it returned {type(module).__name__}."
        )
    return module


def _from_file(path: Path) -> Resolved:
    """A file names no code: its graph is rebuilt as a module."""
    if path.suffix == ".fwt":
        module = graph.load(path)
        network = container.read(path).graph
    else:
        read = graph.from_onnx if path.suffix == ".onnx" else graph.from_pt2
        network, weights = read(path)
        module = graph.rebuild(network, weights)
    shape = network.inputs[0].shape[1:]
    if not all(isinstance(size, int) for size in shape):
        raise InvalidArgumentError(
            f"{path}: only the batch of the input may be symbolic, but its shape is {shape}."
        )
    return Resolved(path.stem, module, tuple(int(size) for size in shape), fresh=False)
