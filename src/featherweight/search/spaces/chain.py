"""A chain of convolutions with skip connections.

Zoph & Le 2016, "Neural Architecture Search with Reinforcement Learning", arXiv 1611.01578,
sections 3.1 and 3.3: for each layer the height and width of its filters, their number and the
stride, and by its anchor which of the earlier layers it reads; what it reads is put side by side.
A layer that reads none sees the picture; what no layer reads goes to the classifier.

What we changed: with `chained` a layer always reads the one before it, and anchors add earlier
ones; maps of different sizes are pooled to the smallest (the paper pads them with zeros); the
classifier sees the mean of each channel; `halve_after` pools by 2 after these layers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from featherweight.search.plan import INPUT, Plan, PlanWriter
from featherweight.search.spaces.space import Architecture, Decision, Space


@dataclass(frozen=True)
class ChainSpace(Space):
    """`layers` convolutions, each with its own size, number of filters, stride and anchor."""

    layers: int = 6
    heights: tuple[int, ...] = (1, 3, 5, 7)
    widths: tuple[int, ...] = (1, 3, 5, 7)
    filters: tuple[int, ...] = (24, 36, 48, 64)
    strides: tuple[int, ...] = (1,)
    chained: bool = False
    halve_after: tuple[int, ...] = ()

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        found = []
        for layer in range(1, self.layers + 1):
            # The layer before is always read where the space is chained: no decision.
            for earlier in range(1, layer - 1 if self.chained else layer):
                name = f"skip{earlier}-{layer}"
                found.append(Decision(name, (0, 1), layer, anchor=(layer, earlier)))
            found.append(Decision(f"height{layer}", self.heights, layer))
            found.append(Decision(f"width{layer}", self.widths, layer))
            found.append(Decision(f"filters{layer}", self.filters, layer))
            found.append(Decision(f"stride{layer}", self.strides, layer))
        return tuple(decision for decision in found if len(decision.options) > 1)

    @cached_property
    def count(self) -> int:
        per_layer = len(self.heights) * len(self.widths) * len(self.filters) * len(self.strides)
        earlier = self.layers - 1 if self.chained else self.layers
        return int(per_layer**self.layers * 2 ** (earlier * (earlier - 1) // 2))

    def plan(
        self, architecture: Architecture, shape: tuple[int, int, int], num_classes: int
    ) -> Plan:
        values = architecture.values
        writer = PlanWriter(shape)
        outputs: list[str] = []
        read: set[str] = set()

        def chosen(what: str, layer: int, options: tuple[int, ...]) -> int:
            return cast(int, values.get(f"{what}{layer}", options[0]))

        for layer in range(1, self.layers + 1):
            sources = [
                output
                for earlier, output in enumerate(outputs, start=1)
                if values.get(f"skip{earlier}-{layer}", int(earlier == layer - 1 and self.chained))
            ]
            read.update(sources)
            joined = _join(writer, f"join{layer}", sources or [INPUT])
            kernel = (chosen("height", layer, self.heights), chosen("width", layer, self.widths))
            output = writer.conv(
                f"conv{layer}",
                joined,
                chosen("filters", layer, self.filters),
                kernel,
                chosen("stride", layer, self.strides),
            )
            if layer in self.halve_after:
                output = writer.pool(f"halve{layer}", "max", output, 3, 2)
            outputs.append(output)
        loose = [output for output in outputs if output not in read]
        return writer.classify(_join(writer, "join", loose), num_classes)


def _join(writer: PlanWriter, name: str, sources: list[str]) -> str:
    """Maps side by side, the larger ones pooled to the smallest."""
    size = min(writer.shape(source)[1:] for source in sources)
    shrunk = [writer.shrink(f"{name}.{source}", source, size) for source in sources]
    return writer.concat(name, shrunk)
