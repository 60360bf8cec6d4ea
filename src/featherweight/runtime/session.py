"""A file that runs: `native/include/featherweight/session.h` for Python."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featherweight import _native
from featherweight.errors import FormatError, InvalidArgumentError, RunError
from featherweight.runtime.break_even import find
from featherweight.validation import check_choice, check_range

Array = NDArray[np.float32]

_PREFERENCES = ("speed", "memory")


@dataclass(frozen=True)
class Port:
    """An input or output: float32, of this shape. The first size is the batch if `is_batched`."""

    name: str
    shape: tuple[int, ...]
    is_batched: bool


@dataclass(frozen=True)
class Layer:
    """One step of a run.

    `format` is the one its weights are held in ("" without weights), `detail` which of those of
    that name, `note` why this one, where that needs a word, `weight_bytes` what they take in
    memory, `milliseconds` what the step took in the last run with `Session.time_layers` on.
    """

    name: str
    operator: str
    format: str
    detail: str
    note: str
    weight_bytes: int
    milliseconds: float


@dataclass(frozen=True)
class Memory:
    """Bytes that a session holds: weights as they are run, activations with scratch, the steps."""

    weights: int
    arena: int
    plan: int


class Session:
    """A network of a `.fwt` file, ready to run. One run at a time: calls of threads wait.

    Args:
        source: the path of a file, or its bytes.
        batch: how many samples one pass over the network takes, where the file leaves that open.
        threads: of the processor; results do not depend on their number.
        prefer: "speed" or "memory", where a layer's weights can be held in several formats.
        exact: float32 arithmetic only: no format that rounds activations to 8 bits.
        break_even: the table that `featherweight calibrate` wrote, which says up to which density
            each format is faster than dense; without one, what `break_even.find` finds.
        memory_limit: bytes that activations, and decoded weights, may take.

    Raises:
        FormatError: the file is truncated, altered, hostile or of another major version.
        RunError: the file is sound, but an operator in it cannot run, or takes too much memory.
        InvalidArgumentError: an argument breaks its rule.
        OSError: the file cannot be opened.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        batch: int = 1,
        threads: int = 1,
        prefer: str = "speed",
        exact: bool = False,
        break_even: str | os.PathLike[str] | None = None,
        memory_limit: int | None = None,
    ) -> None:
        check_range("batch", batch, 1, 1 << 20)
        check_range("threads", threads, 1, 1024)
        check_choice("prefer", prefer, _PREFERENCES)
        table = find(break_even, exact=exact)
        options = (batch, threads, prefer == "memory", exact, table, memory_limit)
        self._name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
        with _our_errors(self._name):
            if isinstance(source, bytes):
                self._native = _native.Session.load(source, *options)
            else:
                with Path(source).open("rb"):  # says what is wrong as Python says it
                    pass
                self._native = _native.Session.open(self._name, *options)
        self._lock = threading.Lock()
        self._batch = batch
        self._milliseconds = 0.0
        self.inputs = tuple(Port(n, tuple(shape), b) for n, shape, b in self._native.inputs)
        self.outputs = tuple(Port(n, tuple(shape), b) for n, shape, b in self._native.outputs)

    def run(self, inputs: NDArray[Any] | Sequence[NDArray[Any]]) -> Any:
        """Return the network's output: an array, or a list of arrays if it has several.

        Where the batch is open, the inputs may have any number of samples: they pass through the
        network `batch` at a time, the last time with zeros beside them. C-contiguous float32
        arrays are read where they lie; other numbers are converted.

        Args:
            inputs: an array of the input's shape, or a list with one array for each input.

        Raises:
            InvalidArgumentError: another number of inputs, or a shape that does not fit.
        """
        arrays = self._checked(inputs)
        count = self._samples(arrays)
        outputs = [np.empty(_shape(port, count, self._batch), np.float32) for port in self.outputs]
        with self._lock, _our_errors(self._name):
            if count is None:
                self._milliseconds = self._native.run(arrays, outputs)
            else:
                self._milliseconds = self._run_in_chunks(arrays, outputs, count)
        return outputs[0] if len(outputs) == 1 else outputs

    def time_layers(self, on: bool = True) -> None:
        """From the next run on, `layers` says how long each took; costs two clock reads a step."""
        self._native.time_layers(on)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The steps of a run, in their order; what was fused into a step is not listed."""
        return tuple(Layer(*layer) for layer in self._native.layers)

    @property
    def milliseconds(self) -> float:
        """What the network took in the last run: without Python, which takes microseconds more."""
        return self._milliseconds

    @property
    def memory(self) -> Memory:
        """What the session holds, inputs and outputs left out."""
        return Memory(self._native.weight_bytes, self._native.arena_bytes, self._native.plan_bytes)

    def _checked(self, inputs: NDArray[Any] | Sequence[NDArray[Any]]) -> list[Array]:
        given = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
        if len(given) != len(self.inputs):
            names = ", ".join(port.name for port in self.inputs)
            raise InvalidArgumentError(
                f"{self._name} takes {len(self.inputs)} inputs ({names}), but got {len(given)}."
            )
        return [self._fitting(value, port) for value, port in zip(given, self.inputs, strict=True)]

    def _fitting(self, value: NDArray[Any], port: Port) -> Array:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise InvalidArgumentError(
                f"input {port.name!r} must hold real numbers, but holds {array.dtype}."
            )
        free = 1 if port.is_batched else 0
        if array.ndim != len(port.shape) or array.shape[free:] != port.shape[free:]:
            wanted = ["n" if free and not i else str(size) for i, size in enumerate(port.shape)]
            raise InvalidArgumentError(
                f"input {port.name!r} must be [{', '.join(wanted)}], but is {list(array.shape)}."
            )
        return np.asarray(array, dtype=np.float32, order="C")  # keeps a shape of no dimension

    def _samples(self, arrays: Sequence[Array]) -> int | None:
        """How many samples the inputs hold; None if the batch is fixed, and they pass as they are.

        Inputs share one open batch: of two symbolic sizes in a file, the runtime knows one.
        """
        counts = {
            len(array) for array, port in zip(arrays, self.inputs, strict=True) if port.is_batched
        }
        if not counts:
            return None
        if len(counts) > 1:
            raise InvalidArgumentError(
                f"the inputs must have one number of samples, but have {sorted(counts)}."
            )
        count = counts.pop()
        if count != self._batch and not all(p.is_batched for p in (*self.inputs, *self.outputs)):
            raise InvalidArgumentError(
                f"there must be {self._batch} samples, the session's batch, since some input or "
                f"output of {self._name} has no batch, but there are {count}."
            )
        return count

    def _run_in_chunks(self, inputs: list[Array], outputs: list[Array], count: int) -> float:
        milliseconds = 0.0
        for begin in range(0, count, self._batch):
            rows = min(self._batch, count - begin)
            part = [array[begin : begin + rows] for array in inputs]
            # An output may have several rows a sample.
            sizes = [
                port.shape[0] // self._batch if port.is_batched else 0 for port in self.outputs
            ]
            result = [
                array[begin * size : (begin + rows) * size] if size else array
                for array, size in zip(outputs, sizes, strict=True)
            ]
            if rows == self._batch:
                milliseconds += self._native.run(part, result)
                continue
            padded = [np.zeros(port.shape, np.float32) for port in self.inputs]
            for whole, some in zip(padded, part, strict=True):
                whole[:rows] = some
            whole_result = [np.empty(port.shape, np.float32) for port in self.outputs]
            milliseconds += self._native.run(padded, whole_result)
            for some, whole in zip(result, whole_result, strict=True):
                some[...] = whole[: len(some)]
        return milliseconds


def _shape(port: Port, count: int | None, batch: int) -> tuple[int, ...]:
    if count is None or not port.is_batched:
        return port.shape
    return (port.shape[0] // batch * count, *port.shape[1:])


@contextmanager
def _our_errors(name: str) -> Iterator[None]:
    """The native exceptions as ours, with the file's name before their one sentence."""
    try:
        yield
    except ValueError as error:
        raise FormatError(f"{name}: {error}") from error
    except RuntimeError as error:
        raise RunError(f"{name}: {error}") from error
    except MemoryError as error:
        raise RunError(f"{name}: there is not enough memory to run it.") from error
