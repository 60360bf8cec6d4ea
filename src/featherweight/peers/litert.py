"""LiteRT runs a `.tflite` file, whose pictures are [N, H, W, C]."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featherweight.extras import require
from featherweight.peers.quietly import quietly
from featherweight.peers.runner import Array, Runner


def open_file(path: Path, threads: int) -> Runner:
    """Run a file on the CPU, where XNNPACK takes what it can."""
    with quietly():
        interpreter = interpreter_of(path, threads)
    (source,), (sink,) = interpreter.get_input_details(), interpreter.get_output_details()
    into, out_of = _into_steps(source), _out_of_steps(sink)

    def run(x: Array) -> Array:
        interpreter.set_tensor(source["index"], into(channels_last(x)))
        interpreter.invoke()
        return out_of(interpreter.get_tensor(sink["index"]))

    return run


def channels_last(x: Array) -> Array:
    """[N, C, H, W] as [N, H, W, C]; other inputs stay."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def interpreter_of(path: Path, threads: int = 1) -> Any:
    """A file loaded, its memory planned."""
    interpreter = require("ai_edge_litert.interpreter", extra="litert")
    made = interpreter.Interpreter(str(path), num_threads=threads)
    made.allocate_tensors()
    return made


def _into_steps(port: dict[str, Any]) -> Callable[[Array], NDArray[Any]]:
    scale, zero = port["quantization"]
    ends = np.iinfo(port["dtype"]) if np.issubdtype(port["dtype"], np.integer) else None
    if ends is None:
        return lambda x: x
    return lambda x: np.clip(np.rint(x / scale) + zero, ends.min, ends.max).astype(port["dtype"])


def _out_of_steps(port: dict[str, Any]) -> Callable[[NDArray[Any]], Array]:
    scale, zero = port["quantization"]
    if not np.issubdtype(port["dtype"], np.integer):
        return lambda y: y
    return lambda y: ((y.astype(np.float32) - zero) * scale).astype(np.float32)
