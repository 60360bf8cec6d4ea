"""Small graphs for tests of the runtime: built in a line, computed by torch or ONNX Runtime."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from featherweight import _native
from featherweight.container import CodedTensor, Graph, Network, Node, ValueInfo, write
from featherweight.container.graph import Attribute
from featherweight.graph import rebuild, to_onnx
from featherweight.runtime import Session


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
            np.asarray(
                rng.standard_normal(x.shape) if x.low is None else x.low + rng.random(x.shape),
                np.float32,
            )
            for x in self.inputs.values()
        ]

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


def chain(
    text: str,
    *,
    outputs: Sequence[str] = ("y",),
    is_batched: bool = True,
    oracle: str = "torch",
    **inputs: X | np.ndarray,
) -> Case:
    """Nodes as lines `a, b = Split(x, axis=1)`; `inputs` are inputs and constants by name."""
    nodes = []
    for line in text.strip().splitlines():
        statement = ast.parse(line.strip()).body[0]
        assert isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)
        names = [node.id for node in ast.walk(statement.targets[0]) if isinstance(node, ast.Name)]
        nodes.append(
            Node(
                ast.unparse(statement.value.func),
                tuple(ast.unparse(argument) for argument in statement.value.args),
                tuple(names),
                {str(key.arg): ast.literal_eval(key.value) for key in statement.value.keywords},
            )
        )
    return Case(
        nodes,
        {name: value for name, value in inputs.items() if isinstance(value, X)},
        {name: value for name, value in inputs.items() if isinstance(value, np.ndarray)},
        outputs,
        is_batched,
        oracle,
    )


def check(case: Case, folder: Path) -> None:
    """The case runs as the oracle says: with one and two threads (the same bits), again on the same

    session, in chunks of another batch, and by every instruction set of the machine.
    """
    arrays = case.arrays()
    # The outputs' sizes in a file are for its readers: the runtime computes its own.
    file = case.write(folder / "case.fwt", [(len(arrays[0]), 1)] * len(case.outputs))
    batch = len(arrays[0]) if case.is_batched else 1
    found = _outputs(file, arrays, batch=batch)
    expected = case.expected(arrays, [y.shape for y in found], folder)
    _close(found, expected)
    threads = _outputs(file, arrays, batch=batch, threads=2)
    assert all(np.array_equal(a, b) for a, b in zip(threads, found, strict=True))
    try:
        for instruction_set in _native.instruction_sets()[:-1]:
            _native.choose_instruction_set(instruction_set)
            _close(_outputs(file, arrays, batch=batch), expected)
    finally:
        _native.choose_instruction_set(_native.instruction_sets()[-1])
    if case.is_batched:
        for other in (1, 2):
            _close(_outputs(file, arrays, batch=other), expected)


def _outputs(file: Path, arrays: list[np.ndarray], **options: int) -> list[np.ndarray]:
    session = Session(file, **options)
    first, again = session.run(arrays), session.run(arrays)
    first, again = (y if isinstance(y, list) else [y] for y in (first, again))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True))
    return first


def _close(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        scale = max(1.0, float(np.abs(theirs).max())) if theirs.size else 1.0
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6 * scale)


def weights(*shape: int, dtype: str = "float32", seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)
