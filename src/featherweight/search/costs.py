"""What an architecture costs, read off its plan: nothing is built, traced or run.

Parameters, multiply-adds and peak memory are those that `measure.profile_module` counts on the
graph of the built module, and tests hold the two equal; the file is float32.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from featherweight.search.plan import INPUT, Layer, Plan, Shape

_FLOAT_BYTES = 4
_FILE_BYTES_PER_LAYER = 180
"""About what the graph of a `.fwt` file says of one layer, names and shapes."""


@dataclass(frozen=True)
class Cost:
    """Of one inference on one picture, in float32."""

    params: int
    macs: int
    peak_activation_bytes: int
    """The most bytes of activations alive at once, as docs/cost.md defines them."""
    file_bytes: int
    """About what a `.fwt` file takes whose weights are stored as they are."""


def plan_cost(plan: Plan) -> Cost:
    """What a plan costs."""
    shapes = plan.input_shapes()
    params = sum(layer_params(layer, shapes[layer.name]) for layer in plan.layers)
    statistics = sum(2 * layer.shape[0] for layer in plan.layers if layer.op == "conv")
    return Cost(
        params=params,
        macs=sum(layer_macs(layer, shapes[layer.name]) for layer in plan.layers),
        peak_activation_bytes=_peak_elements(plan) * _FLOAT_BYTES,
        file_bytes=(params + statistics) * _FLOAT_BYTES + _FILE_BYTES_PER_LAYER * len(plan.layers),
    )


def layer_params(layer: Layer, inputs: tuple[Shape, ...]) -> int:
    """Weights and biases, those of batch norm included."""
    channels, out = inputs[0][0], layer.shape[0]
    match layer.op:
        case "conv":
            return layer_weights(layer, inputs) + 2 * out
        case "squeeze-excite":
            return layer_weights(layer, inputs) + squeezed_channels(channels) + channels
        case "linear":
            return layer_weights(layer, inputs) + out
    return 0


def layer_weights(layer: Layer, inputs: tuple[Shape, ...]) -> int:
    """What can be pruned and shared: the weights of convolutions and dense layers."""
    channels, out = inputs[0][0], layer.shape[0]
    match layer.op:
        case "conv":
            return channels // layer.groups * prod(layer.kernel) * out
        case "squeeze-excite":
            return 2 * channels * squeezed_channels(channels)
        case "linear":
            return channels * out
    return 0


def layer_macs(layer: Layer, inputs: tuple[Shape, ...]) -> int:
    """Multiply-adds of convolutions and dense layers."""
    channels = inputs[0][0]
    match layer.op:
        case "conv":
            return channels // layer.groups * prod(layer.kernel) * prod(layer.shape)
        case "squeeze-excite":
            return 2 * channels * squeezed_channels(channels)
        case "linear":
            return channels * layer.shape[0]
    return 0


def squeezed_channels(channels: int) -> int:
    """Of the narrow layer of squeeze-and-excite: a quarter."""
    return max(1, channels // 4)


_Step = tuple[str, tuple[str, ...], int]
"""What a graph's node gives, what it reads, and how many elements it writes."""


def _peak_elements(plan: Plan) -> int:
    """A value lives from its node to its last reader; a node's inputs and output live at once."""
    steps = [step for layer in plan.layers for step in _steps(layer, plan.input_shapes())]
    born, size, last = {INPUT: 0}, {INPUT: prod(plan.input_shape)}, {INPUT: 0}
    for index, (name, inputs, elements) in enumerate(steps):
        born[name], size[name], last[name] = index, elements, index
        last.update(dict.fromkeys(inputs, index))
    return max(
        sum(size[name] for name in born if born[name] <= index <= last[name])
        for index in range(len(steps))
    )


def _steps(layer: Layer, shapes: dict[str, tuple[Shape, ...]]) -> Iterator[_Step]:
    """The nodes of a layer; the last one gives its name."""
    out = prod(layer.shape)
    name, inputs = layer.name, layer.inputs
    if layer.op == "conv":
        parts = ["conv", "norm", *(["act"] if layer.activation else [])]
        for part in parts[:-1]:
            yield f"{name}/{part}", inputs, out
            inputs = (f"{name}/{part}",)
    elif layer.op == "squeeze-excite":
        channels = shapes[name][0][0]
        source = inputs
        for part in ("pool", "squeeze", "relu", "excite", "sigmoid"):
            width = squeezed_channels(channels) if part in ("squeeze", "relu") else channels
            yield f"{name}/{part}", source, width
            source = (f"{name}/{part}",)
        inputs = (*inputs, *source)
    elif layer.op == "shuffle":  # two views around one transpose
        yield name, inputs, out
        return
    elif layer.op == "add" and len(inputs) > 2:
        total = inputs[0]
        for index, term in enumerate(inputs[1:-1]):
            yield f"{name}/{index}", (total, term), out
            total = f"{name}/{index}"
        inputs = (total, inputs[-1])
    yield name, inputs, out
