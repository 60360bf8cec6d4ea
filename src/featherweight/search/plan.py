"""The layers of an architecture as data: what is built from it, and what it costs, read one list.

| op | does | channels |
|---|---|---|
| conv | convolution, batch norm, activation | any; `groups` may split them |
| max, avg | pooling over `kernel` | its input's |
| add | sum of its inputs | theirs |
| concat | its inputs side by side | their sum |
| squeeze-excite | each channel weighed by what is in all of them | its input's |
| shuffle | channels cross between `groups` | its input's |
| act | activation | its input's |
| mean | mean of each channel: maps become vectors | its input's |
| linear | dense layer with bias | any |

Maps are padded so that a stride of 1 keeps their size and a stride of s divides it by s, up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

INPUT = "input"
Shape = tuple[int, int, int]
"""(channels, height, width) of a map; a vector has height and width 1."""


@dataclass(frozen=True)
class Layer:
    """One step. `shape` is its output's; `inputs` name earlier layers, or `INPUT`."""

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: Shape
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    groups: int = 1
    activation: str = ""
    """relu, relu6, hard-swish or nothing."""


@dataclass(frozen=True)
class Plan:
    """Layers in execution order; the last one gives the logits."""

    input_shape: Shape
    layers: tuple[Layer, ...]

    def input_shapes(self) -> dict[str, tuple[Shape, ...]]:
        """The shapes that each layer reads."""
        shapes = {INPUT: self.input_shape} | {layer.name: layer.shape for layer in self.layers}
        return {layer.name: tuple(shapes[name] for name in layer.inputs) for layer in self.layers}


class PlanWriter:
    """Writes layers one after the other; each call returns the new layer's name."""

    def __init__(self, input_shape: Shape) -> None:
        self.input_shape = input_shape
        self._shapes: dict[str, Shape] = {INPUT: input_shape}
        self._layers: list[Layer] = []

    def shape(self, name: str) -> Shape:
        """Of what a layer gives."""
        return self._shapes[name]

    def conv(
        self,
        name: str,
        source: str,
        channels: int,
        kernel: tuple[int, int] | int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        activation: str = "relu",
    ) -> str:
        """Convolution, batch norm, activation."""
        size = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        shape = (channels, *_strided(self.shape(source), stride))
        return self._add(Layer(name, "conv", (source,), shape, size, stride, groups, activation))

    def pool(self, name: str, op: str, source: str, kernel: int = 3, stride: int = 1) -> str:
        """The maximum (`max`) or mean (`avg`) of each window."""
        shape = (self.shape(source)[0], *_strided(self.shape(source), stride))
        return self._add(Layer(name, op, (source,), shape, (kernel, kernel), stride))

    def add(self, name: str, sources: Sequence[str]) -> str:
        """The sum of maps of one shape."""
        return self._add(Layer(name, "add", tuple(sources), self.shape(sources[0])))

    def concat(self, name: str, sources: Sequence[str]) -> str:
        """Maps of one size side by side; of one map, the map itself."""
        if len(sources) == 1:
            return sources[0]
        channels = sum(self.shape(source)[0] for source in sources)
        shape = (channels, *self.shape(sources[0])[1:])
        return self._add(Layer(name, "concat", tuple(sources), shape))

    def squeeze_excite(self, name: str, source: str) -> str:
        """`nn.SqueezeExcite`."""
        return self._add(Layer(name, "squeeze-excite", (source,), self.shape(source)))

    def shuffle(self, name: str, source: str, groups: int) -> str:
        """`nn.ChannelShuffle`."""
        return self._add(Layer(name, "shuffle", (source,), self.shape(source), groups=groups))

    def act(self, name: str, source: str, activation: str) -> str:
        """An activation alone."""
        return self._add(Layer(name, "act", (source,), self.shape(source), activation=activation))

    def shrink(self, name: str, source: str, size: tuple[int, int]) -> str:
        """Pool by 2 until the map has this size."""
        step = 0
        while self.shape(source)[1:] != size:
            source = self.pool(f"{name}.shrink{step}", "max", source, 3, 2)
            step += 1
        return source

    def classify(self, source: str, num_classes: int) -> Plan:
        """The mean of each channel, a dense layer: the end of the plan."""
        mean = self._add(Layer("mean", "mean", (source,), (self.shape(source)[0], 1, 1)))
        self._add(Layer("classifier", "linear", (mean,), (num_classes, 1, 1)))
        return Plan(self.input_shape, tuple(self._layers))

    def _add(self, layer: Layer) -> str:
        self._layers.append(layer)
        self._shapes[layer.name] = layer.shape
        return layer.name


def _strided(shape: Shape, stride: int) -> tuple[int, int]:
    return -(-shape[1] // stride), -(-shape[2] // stride)
