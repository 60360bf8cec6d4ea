"""What is exported: a network as it is stored, and the pictures that it is checked on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featherweight import container
from featherweight.container import Network
from featherweight.errors import InvalidArgumentError
from featherweight.export.floating import is_quantized
from featherweight.export.pictures import Pictures

Array = NDArray[np.float32]

PRECISIONS = ("float32", "float16", "int8", "dynamic-int8")


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and what is known about it.

    `file` is the `.fwt` file it came from, if it did; `is_trained` says whether its answers mean
    something: those of fresh weights are nearly alike for all pictures.
    """

    name: str
    network: Network
    pictures: Pictures
    file: Path | None = None
    is_trained: bool = False

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[C, H, W] of the one input, or whatever follows its batch."""
        return tuple(int(size) for size in self.network.graph.inputs[0].shape[1:])

    @property
    def input_name(self) -> str:
        """The name of the one input."""
        return self.network.graph.inputs[0].name

    @property
    def precision(self) -> str:
        """In which numbers the network computes as it is: float32, or int8."""
        return "int8" if is_quantized(self.network) else "float32"

    def example(self) -> Array:
        """One picture as the network sees it, [1, C, H, W]."""
        return self.pictures.checked[:1]

    def bytes(self) -> bytes:
        """The `.fwt` file of the network: its own, or what would be written of it."""
        if self.file is not None:
            return self.file.read_bytes()
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.fwt"
            container.write(path, self.network, coder="packed")
            return path.read_bytes()

    def sparsity(self) -> tuple[int, int]:
        """How many weights of matrices and filters there are, and how many of them are zero."""
        total = zeros = 0
        for tensor in self.network.tensors.values():
            if len(tensor.shape) > 1 and tensor.format.startswith("sparse"):
                assert tensor.positions is not None
                zeros += tensor.elements - len(tensor.positions)
            if len(tensor.shape) > 1:
                total += tensor.elements
        return total, zeros


def check_ports(network: Network, name: str) -> None:
    """Raise where the network has several inputs or outputs, or an open size besides the batch.

    Raises:
        InvalidArgumentError: it has.
    """
    graph = network.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise InvalidArgumentError(
            f"a network to export must have one input and one output, but {name} has "
            f"{len(graph.inputs)} and {len(graph.outputs)}."
        )
    shape: tuple[Any, ...] = graph.inputs[0].shape
    if not shape or not all(isinstance(size, int) for size in shape[1:]):
        raise InvalidArgumentError(
            f"only the batch of the input of {name} may be symbolic, but its shape is {shape}."
        )
