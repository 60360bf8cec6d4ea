"""The module of a plan: trainable, exportable and compressible as any other."""

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, cat, nn

from featherweight.nn import ChannelShuffle, SqueezeExcite
from featherweight.search.plan import INPUT, Layer, Plan, Shape

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hard-swish": nn.Hardswish,
}


class PlannedNetwork(nn.Module):
    """Maps pictures [N, C, H, W] to logits [N, num_classes] as its plan says."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        shapes = plan.input_shapes()
        self.layers = nn.ModuleDict()
        for layer in plan.layers:
            module = _module(layer, shapes[layer.name])
            if module is not None:
                self.layers[module_name(layer.name)] = module
        self._last = _last_uses(plan)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        values = {INPUT: x}
        for layer in self.plan.layers:
            inputs = [values[name] for name in layer.inputs]
            for name in self._last[layer.name]:
                del values[name]
            if layer.op == "add":
                values[layer.name] = sum(inputs[1:], start=inputs[0])
            elif layer.op == "concat":
                values[layer.name] = cat(inputs, dim=1)
            else:
                values[layer.name] = self.layers[module_name(layer.name)](inputs[0])
        return values[self.plan.layers[-1].name]


def module_name(name: str) -> str:
    """What a layer is called among the modules, whose names have no dots."""
    return name.replace(".", "_")


def _module(layer: Layer, inputs: tuple[Shape, ...]) -> nn.Module | None:
    """What a layer holds, None where it only joins its inputs."""
    channels = inputs[0][0]
    padding = (layer.kernel[0] // 2, layer.kernel[1] // 2)
    makers: dict[str, Callable[[], nn.Module]] = {
        "conv": lambda: _convolution(layer, channels, padding),
        "max": lambda: nn.MaxPool2d(layer.kernel, layer.stride, padding),
        "avg": lambda: nn.AvgPool2d(layer.kernel, layer.stride, padding, count_include_pad=False),
        "squeeze-excite": lambda: SqueezeExcite(channels, reduction=4),
        "shuffle": lambda: ChannelShuffle(layer.groups),
        "act": ACTIVATIONS.get(layer.activation, nn.Identity),
        "mean": lambda: nn.Sequential(
            OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())
        ),
        "linear": lambda: nn.Linear(channels, layer.shape[0]),
    }
    return makers[layer.op]() if layer.op in makers else None


def _convolution(layer: Layer, channels: int, padding: tuple[int, int]) -> nn.Module:
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(
            channels,
            layer.shape[0],
            layer.kernel,
            stride=layer.stride,
            padding=padding,
            groups=layer.groups,
            bias=False,
        ),
        norm=nn.BatchNorm2d(layer.shape[0]),
    )
    if layer.activation:
        parts["act"] = ACTIVATIONS[layer.activation]()
    return nn.Sequential(parts)


def _last_uses(plan: Plan) -> dict[str, tuple[str, ...]]:
    """For each layer the values that no later one reads, so that training frees them early."""
    last: dict[str, str] = {}
    for layer in plan.layers:
        last.update(dict.fromkeys(layer.inputs, layer.name))
    return {
        layer.name: tuple(name for name, user in last.items() if user == layer.name)
        for layer in plan.layers
    }


def _initialise(module: nn.Module) -> None:
    """He's start (arXiv 1502.01852): what a convolution gives has the variance of what it reads."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
