"""Cells: two small graphs are decided, and stacked into a network.

Zoph et al. 2017, "Learning Transferable Architectures for Scalable Image Recognition", arXiv
1707.07012 (NASNet), section 3; Pham et al. 2018, "Efficient Neural Architecture Search via
Parameter Sharing", arXiv 1802.03268 (ENAS), section 2.3. A cell reads the outputs of the two cells
before it, made equal in size and width. Each of its nodes reads two of these and of the nodes
before it, does one operation to each, and adds the results; nodes that no other one reads are put
side by side. Normal cells keep the size; reduction cells halve it, and the width doubles.

What we changed: a separable convolution is one depthwise and one 1x1 convolution (the paper stacks
two), with batch norm behind each and one activation at the end instead of in front; a larger map
is pooled by its maximum; an identity with a stride is a 1x1 convolution; the two operands of a node
may change places, which makes another text of the same network, as in the papers' counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from featherweight.search.plan import INPUT, Plan, PlanWriter
from featherweight.search.spaces.space import Architecture, Decision, Option, Space

_CELL_INPUTS = 2
_OPERANDS = (1, 2)


@dataclass(frozen=True)
class CellSpace(Space):
    """A stem, stages of normal cells with a reduction cell between two of them, the classifier."""

    nodes: int = 4
    operations: tuple[str, ...] = ("identity", "sep3", "sep5", "avg3", "max3")
    stages: int = 3
    repeats: tuple[int, ...] = (1,)
    """Normal cells of a stage."""
    widths: tuple[int, ...] = (16,)
    """Channels of a node in the first stage."""

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        found = [Decision("repeats", self.repeats), Decision("width", self.widths)]
        kinds = ("normal", "reduction") if self.stages > 1 else ("normal",)
        for kind in kinds:
            for node in range(1, self.nodes + 1):
                sources = tuple(range(_CELL_INPUTS + node - 1))
                for operand in _OPERANDS:
                    found.append(Decision(f"{kind}{node}.from{operand}", sources, node))
                    found.append(Decision(f"{kind}{node}.op{operand}", self.operations, node))
        return tuple(decision for decision in found if len(decision.options) > 1)

    @cached_property
    def count(self) -> int:
        total = 1
        for decision in self.decisions:
            total *= len(decision.options)
        return total

    def plan(
        self, architecture: Architecture, shape: tuple[int, int, int], num_classes: int
    ) -> Plan:
        values = architecture.values
        writer = PlanWriter(shape)
        width = cast(int, values.get("width", self.widths[0]))
        before = last = writer.conv("stem", INPUT, width, 3)
        for stage in range(1, self.stages + 1):
            if stage > 1:
                width *= 2
                cell = self._cell(values, "reduction", width)
                before, last = last, cell.write(writer, f"reduction{stage}", before, last, 2)
            for index in range(cast(int, values.get("repeats", self.repeats[0]))):
                cell = self._cell(values, "normal", width)
                before, last = last, cell.write(writer, f"stage{stage}.{index}", before, last, 1)
        return writer.classify(last, num_classes)

    def _cell(self, values: Mapping[str, Option], kind: str, width: int) -> "Cell":
        def operand(node: int, number: int) -> tuple[int, str]:
            source = cast(int, values[f"{kind}{node}.from{number}"])
            operation = values.get(f"{kind}{node}.op{number}", self.operations[0])
            return source, str(operation)

        nodes = range(1, self.nodes + 1)
        return Cell(width, tuple((operand(node, 1), operand(node, 2)) for node in nodes))


Operand = tuple[int, str]
"""What is read (0: the cell before the last, 1: the last, then the nodes), and what is done."""


@dataclass(frozen=True)
class Cell:
    """One cell as it was decided."""

    width: int
    nodes: tuple[tuple[Operand, Operand], ...]

    def write(self, writer: PlanWriter, name: str, before: str, last: str, stride: int) -> str:
        """Append the cell's layers and return its output."""
        size = writer.shape(last)[1:]
        states = []
        for number, source in enumerate((before, last)):
            shrunk = writer.shrink(f"{name}.in{number}", source, size)
            states.append(writer.conv(f"{name}.in{number}", shrunk, self.width))
        for number, operands in enumerate(self.nodes, start=1):
            parts = [
                self._operate(
                    writer, f"{name}.node{number}.{which}", operation, states[source],
                    stride if source < _CELL_INPUTS else 1,
                )
                for which, (source, operation) in enumerate(operands, start=1)
            ]  # fmt: skip
            states.append(writer.add(f"{name}.node{number}", parts))
        read = {source for operands in self.nodes for source, _ in operands}
        loose = [state for i, state in enumerate(states) if i >= _CELL_INPUTS and i not in read]
        return writer.concat(f"{name}.out", loose)

    def _operate(
        self, writer: PlanWriter, name: str, operation: str, source: str, stride: int
    ) -> str:
        kind, size = operation.rstrip("0123456789"), operation[-1]
        if kind == "sep":
            x = writer.conv(
                f"{name}.depthwise", source, self.width, int(size), stride, groups=self.width,
                activation="",
            )  # fmt: skip
            return writer.conv(f"{name}.pointwise", x, self.width)
        if kind in ("avg", "max"):
            return writer.pool(name, kind, source, int(size), stride)
        return source if stride == 1 else writer.conv(name, source, self.width, 1, stride)
