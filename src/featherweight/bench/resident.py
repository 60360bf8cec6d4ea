"""What the native runtime holds in memory while it runs a network, as it plans it."""

import tempfile
from dataclasses import dataclass
from math import prod
from pathlib import Path

from torch import Tensor, nn

from featherweight import container
from featherweight.errors import RunError, UnsupportedOperatorError
from featherweight.recipes.pack import pack
from featherweight.runtime import Session

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Resident:
    """Bytes of one inference; what a counting allocator sees, to 1 % (`benchmarks/memory.py`)."""

    weight_bytes: int
    """Weights in the formats that they are run in."""
    arena_bytes: int
    """Activations and scratch: each layer's output where no value that is still needed lies."""
    plan_bytes: int
    """The list of steps: names, shapes, pointers."""
    port_bytes: int
    """The network's inputs and outputs, which are the caller's."""

    @property
    def activation_bytes(self) -> int:
        """Inputs and outputs too: beside `Profile.peak_activation_bytes`, which fuses nothing."""
        return self.arena_bytes + self.port_bytes


def resident_file(path: Path, batch: int = 1) -> Resident | str:
    """Plan a `.fwt` file; where the runtime cannot run it, return the reason."""
    try:
        session = Session(path, batch=batch)
    except RunError as error:
        return str(error)
    ports = (*session.inputs, *session.outputs)
    return Resident(
        weight_bytes=session.memory.weights,
        arena_bytes=session.memory.arena,
        plan_bytes=session.memory.plan,
        port_bytes=_FLOAT_BYTES * sum(prod(port.shape) for port in ports),
    )


def resident_module(module: nn.Module, example: Tensor) -> Resident | str:
    """Plan a module in inputs of `example`'s shape: packed as it is, weights not compressed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.fwt"
        try:
            container.write(path, pack(module.eval(), example, {}, {}), coder="packed")
        except UnsupportedOperatorError as error:
            return str(error)
        return resident_file(path, batch=len(example))
