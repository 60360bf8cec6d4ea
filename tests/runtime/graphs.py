"""Small graphs for tests of the runtime: built in a line, computed by torch or ONNX Runtime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from featherweight.container import CodedTensor, Graph, Network, Node, ValueInfo, write
from featherweight.container.graph import Attribute
from featherweight.graph import rebuild, to_onnx


@dataclass(frozen=True)
class X:
    """An input of this shape; numbers from `low` on where a function wants them positive."""

    shape: tuple[int, ...]
    low: float | None = None


@dataclass
class Case:
    """A graph, its inputs' shapes, and its constants. The first size of inputs may be the batch."""

    nodes: list[Node]
    inputs: Mapping[str, X]
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    outputs: Sequence[str] = ("y",)
    is_batched: bool = True
    oracle: str = "torch"

    def arrays(self, seed: int = 0) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [
            np.asarray(rng.standard_normal(x.shape) if x.low is None else x.low + rng.random(x.shape),
                       np.float32)
            for x in self.inputs.values()
        ]  # fmt: skip

    def graph(self, shapes: Sequence[tuple[int, ...]]) -> Graph:
        return Graph(
            tuple(self._info(name, x.shape) for name, x in self.inputs.items()),
            tuple(self._info(n, shape) for n, shape in zip(self.outputs, shapes, strict=True)),
            tuple(self.nodes),
            20,
        )

    def _info(self, name: str, shape: tuple[int, ...]) -> ValueInfo:
        is_open = self.is_batched and len(shape) > 0
        return ValueInfo(name, "float32", ("batch", *shape[1:]) if is_open else shape)

    def expected(
        self, arrays: Sequence[np.ndarray], shapes: Sequence[tuple[int, ...]], folder: Path
    ) -> list[np.ndarray]:
        """What the oracle computes, float32; ONNX Runtime is told the outputs' `shapes`."""
        graph = self.graph(shapes)
        constants = {
            name: value.astype(np.float32) if value.dtype == np.float16 else value
            for name, value in self.constants.items()
        }
        if self.oracle == "torch":
            with torch.no_grad():
                result = rebuild(graph, constants)(*map(torch.from_numpy, arrays))
            values = result if isinstance(result, tuple) else (result,)
            return [value.numpy() for value in values]
        path = folder / "network.onnx"
        to_onnx(graph, constants, path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(None, dict(zip(self.inputs, arrays, strict=True)))

    def write(self, path: Path, shapes: Sequence[tuple[int, ...]]) -> Path:
        tensors = {
            name: CodedTensor(name, str(value.dtype), value.shape, "raw", values=value)
            for name, value in self.constants.items()
        }
        write(path, Network(self.graph(shapes), tensors), coder="packed")
        return path


def one(
    operator: str,
    *inputs: X | np.ndarray | None,
    outputs: int = 1,
    is_batched: bool = True,
    oracle: str = "torch",
    **attributes: Attribute,
) -> Case:
    """One node; an array is a constant, None an input that is not given."""
    names = ["" if value is None else f"i{i}" for i, value in enumerate(inputs)]
    results = ["y"] if outputs == 1 else [f"y{i}" for i in range(outputs)]
    return Case(
        [Node(operator, tuple(names), tuple(results), attributes)],
        {n: v for n, v in zip(names, inputs, strict=True) if isinstance(v, X)},
        {n: v for n, v in zip(names, inputs, strict=True) if isinstance(v, np.ndarray)},
        results,
        is_batched,
        oracle,
    )


def weights(*shape: int, dtype: str = "float32", seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)
