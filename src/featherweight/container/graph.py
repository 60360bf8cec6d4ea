"""A network's graph as data: ONNX operators by ONNX's own definitions (docs/format.md)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from featherweight.errors import InvalidArgumentError

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...]
Dimension = int | str
"""A size, or the name of a symbolic one such as ``"batch"``."""


@dataclass(frozen=True)
class ValueInfo:
    """Name, element type and shape of a graph's input or output."""

    name: str
    dtype: str
    shape: tuple[Dimension, ...]


@dataclass(frozen=True)
class Node:
    """One operator. A missing optional input is the empty name, as in ONNX."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """Nodes in execution order; the tensors that they read stand beside the graph, by name."""

    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    nodes: tuple[Node, ...]
    operator_set: int


@dataclass(frozen=True, eq=False)
class CodedTensor:
    """A tensor in the form in which it is stored, before entropy coding.

    `format` (docs/format.md) says which of the parts are there:

    ============= =================================================================
    raw           `values` of the tensor's own shape
    shared        `codebook` [k], `codes` [elements]
    sparse        `positions` [kept], `values` [kept]
    sparse_shared `positions` [kept], `codebook` [k], `codes` [kept]
    ============= =================================================================

    `positions` are the flat row-major indices of the kept elements, strictly increasing.
    `index_bits` asks for a width of relative indices (1 to 8); without it the writer takes the
    one that gives the fewest bytes. What is read from a file has None.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    format: str
    values: NDArray[np.generic] | None = None
    positions: NDArray[np.int64] | None = None
    codebook: NDArray[np.generic] | None = None
    codes: NDArray[np.uint8] | None = None
    index_bits: int | None = None

    @property
    def elements(self) -> int:
        """How many elements the tensor has, zeros included."""
        return math.prod(self.shape)

    def dense(self) -> NDArray[np.generic]:
        """Return all elements in the tensor's shape: codebook entries or values, else zeros."""
        if self.codebook is not None and self.codes is not None:
            kept = self.codebook[self.codes.reshape(-1)]
        elif self.values is not None:
            kept = self.values.reshape(-1)
        else:
            raise InvalidArgumentError(
                f"tensor {self.name!r} must have values, or a codebook and codes, but has neither."
            )
        if self.positions is None:
            return kept.reshape(self.shape)
        flat = np.zeros(self.elements, dtype=self.dtype)
        flat[self.positions] = kept
        return flat.reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Network:
    """All that one `.fwt` file says: graph, tensors by name, metadata."""

    graph: Graph
    tensors: Mapping[str, CodedTensor]
    metadata: Mapping[str, object] = field(default_factory=dict)
    storage_only: bool = False
