"""One network that holds the weights of all architectures of a space: train once, rank in seconds.

ENAS (Pham et al. 2018, arXiv 1802.03268) shares weights between all children; once-for-all (Cai et
al. 2019, arXiv 1908.09791) cuts a child's kernels and channels out of the largest ones, and trains
the largest first, then smaller ones with it (progressive shrinking). So here: a convolution has a
weight for each layer that it may read, of the most channels and the largest kernel; a child takes
the first channels and the middle of the kernel. In each step one child is trained: in the first
share of the steps the largest, then more and more often any.

What we changed: batch norm always normalises by the batch at hand, as no running mean could be that
of every child; hence children are evaluated in batches.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, cat, nn
from torch.nn import functional

from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.search.network import ACTIVATIONS, module_name
from featherweight.search.plan import INPUT, Layer, Plan, Shape
from featherweight.search.spaces.space import Architecture, Space
from featherweight.training import TrainingConfig, evaluate, fit

_SAMPLED = 400
_LARGEST_FIRST = 0.1


class Supernet(nn.Module):
    """Maps pictures [N, C, H, W] to the logits of the child in `plan`.

    Raises:
        InvalidArgumentError: the space has layers whose weights cannot be shared (groups other than
            depthwise, squeeze-and-excite).
    """

    def __init__(self, space: Space, shape: Shape, num_classes: int, *, seed: int = 0) -> None:
        super().__init__()
        self.space, self.shape, self.num_classes = space, shape, num_classes
        self.plan = self.largest.plan(shape, num_classes)
        generator = random.Random(seed)
        children = [self.largest, *(space.sample(generator) for _ in range(_SAMPLED))]
        sizes: dict[str, tuple[int, ...]] = {}
        for child in children:
            for key, size in _sizes(child.plan(shape, num_classes)).items():
                known = sizes.get(key, size)
                sizes[key] = tuple(max(pair) for pair in zip(known, size, strict=True))
        self.weights = nn.ParameterDict({key: _start(key, size) for key, size in sizes.items()})

    @property
    def largest(self) -> Architecture:
        """The last option of every decision."""
        return self.space.architecture([len(d.options) - 1 for d in self.space.decisions])

    def choose(self, architecture: Architecture) -> None:
        """Be this child from now on."""
        self.plan = architecture.plan(self.shape, self.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        values = {INPUT: x}
        sources = _sources(self.plan)
        for layer in self.plan.layers:
            inputs = [values[name] for name in layer.inputs]
            values[layer.name] = self._run_layer(layer, inputs, sources[layer.name])
        return values[self.plan.layers[-1].name]

    def _run_layer(
        self, layer: Layer, inputs: Sequence[Tensor], sources: Sequence[tuple[str, int]]
    ) -> Tensor:
        x = inputs[0]
        if layer.op == "conv":
            return self._convolve(layer, x, self._weight(layer, sources))
        if layer.op == "linear":
            bias = self.weights[f"{module_name(layer.name)}/bias"]
            return functional.linear(x, self._weight(layer, sources)[:, :, 0, 0], bias)
        return _without_weights(layer, inputs)

    def _convolve(self, layer: Layer, x: Tensor, weight: Tensor) -> Tensor:
        padding = (layer.kernel[0] // 2, layer.kernel[1] // 2)
        y = functional.conv2d(x, weight, None, layer.stride, padding, 1, layer.groups)
        y = self._norm(layer, y)
        return ACTIVATIONS[layer.activation]()(y) if layer.activation else y

    def _weight(self, layer: Layer, sources: Sequence[tuple[str, int]]) -> Tensor:
        """[out, in, height, width] of this child: first channels, middle of the kernel."""
        parts = []
        for name, channels in sources:
            whole = self.weights[_key(layer, name)]
            top = (whole.shape[2] - layer.kernel[0]) // 2
            left = (whole.shape[3] - layer.kernel[1]) // 2
            rows, columns = slice(top, top + layer.kernel[0]), slice(left, left + layer.kernel[1])
            depth = 1 if layer.groups > 1 else channels
            parts.append(whole[: layer.shape[0], :depth, rows, columns])
        return cat(parts, dim=1)

    def _norm(self, layer: Layer, x: Tensor) -> Tensor:
        key, channels = module_name(layer.name), layer.shape[0]
        scale = self.weights[f"{key}/scale"][:channels]
        offset = self.weights[f"{key}/offset"][:channels]
        return functional.batch_norm(x, None, None, scale, offset, training=True)


class Shrinking:
    """Which child each step trains: a `training.Constraint`."""

    def __init__(self, supernet: Supernet, seed: int) -> None:
        self._supernet, self._generator = supernet, random.Random(seed)

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        return list(module.parameters())

    def before_step(self, progress: float) -> None:
        """The largest at first; then each decision more often at random."""
        freedom = min(1.0, max(0.0, progress - _LARGEST_FIRST) / 0.3)
        space = self._supernet.space
        choices = list(self._supernet.largest.choices)
        for index, decision in enumerate(space.decisions):
            if self._generator.random() < freedom:
                choices[index] = self._generator.randrange(len(decision.options))
        self._supernet.choose(space.architecture(choices))

    def after_backward(self) -> None:
        """Weights that this child does not use have no gradient: they stay, without decay."""

    def after_step(self) -> None:
        """Nothing to hold."""

    def state(self) -> Mapping[str, Tensor]:
        return {}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Nothing was kept."""


def train_supernet(
    space: Space, dataset: Dataset, config: TrainingConfig, *, seed: int = 0
) -> Supernet:
    """Train the weights of all architectures of a space at once."""
    torch.manual_seed(seed)
    supernet = Supernet(space, dataset.shape, len(dataset.class_names), seed=seed)
    fit(supernet, dataset, config, seed=seed, constraint=Shrinking(supernet, seed))
    return supernet


def shared_top1(supernet: Supernet, architecture: Architecture, dataset: Dataset) -> float:
    """Top-1 in percent on validation of a child with the supernet's weights."""
    supernet.choose(architecture)
    return evaluate(supernet, dataset, dataset.val).top1


def _without_weights(layer: Layer, inputs: Sequence[Tensor]) -> Tensor:
    x, padding = inputs[0], (layer.kernel[0] // 2, layer.kernel[1] // 2)
    makers: dict[str, Callable[[], Tensor]] = {
        "max": lambda: functional.max_pool2d(x, layer.kernel, layer.stride, padding),
        "avg": lambda: functional.avg_pool2d(
            x, layer.kernel, layer.stride, padding, count_include_pad=False
        ),
        "add": lambda: sum(inputs[1:], start=x),
        "concat": lambda: cat(list(inputs), dim=1),
        "act": lambda: ACTIVATIONS[layer.activation]()(x),
        "mean": lambda: x.mean(dim=(2, 3)),
    }
    return makers[layer.op]()


def _sources(plan: Plan) -> dict[str, list[tuple[str, int]]]:
    """The maps that each layer reads, through joins and means: name and channels of each."""
    by_name = {layer.name: layer for layer in plan.layers}

    def through(name: str) -> list[tuple[str, int]]:
        layer = by_name.get(name)
        if layer is None:
            return [(INPUT, plan.input_shape[0])]
        if layer.op in ("concat", "mean"):
            return [found for source in layer.inputs for found in through(source)]
        if layer.op in ("max", "avg", "act"):  # where a map comes from, not how it was pooled
            return through(layer.inputs[0])
        return [(name, layer.shape[0])]

    return {
        layer.name: [found for source in layer.inputs for found in through(source)]
        for layer in plan.layers
    }


def _sizes(plan: Plan) -> dict[str, tuple[int, ...]]:
    """What a child needs of each shared tensor."""
    found: dict[str, tuple[int, ...]] = {}
    sources = _sources(plan)
    for layer in plan.layers:
        is_depthwise = 1 < layer.groups == layer.shape[0]
        if layer.op in ("shuffle", "squeeze-excite") or (layer.groups > 1 and not is_depthwise):
            raise InvalidArgumentError(
                f"a supernet shares plain and depthwise convolutions, but layer {layer.name!r} "
                f"is {layer.op} with {layer.groups} groups."
            )
        if layer.op not in ("conv", "linear"):
            continue
        for name, channels in sources[layer.name]:
            size = (layer.shape[0], 1 if is_depthwise else channels, *layer.kernel)
            found[_key(layer, name)] = size
        vectors = ("scale", "offset") if layer.op == "conv" else ("bias",)
        found.update({f"{module_name(layer.name)}/{v}": layer.shape[:1] for v in vectors})
    return found


def _key(layer: Layer, source: str) -> str:
    if 1 < layer.groups == layer.shape[0]:
        return module_name(layer.name)
    return f"{module_name(layer.name)}<{module_name(source)}"


def _start(key: str, size: tuple[int, ...]) -> nn.Parameter:
    """He's start for weights, 1 for scales, 0 for the rest."""
    if len(size) == 1:
        return nn.Parameter(torch.full(size, float(key.endswith("/scale"))))
    return nn.Parameter(torch.randn(size) * math.sqrt(2.0 / math.prod(size[1:])))
