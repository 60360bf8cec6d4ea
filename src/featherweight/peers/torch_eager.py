"""torch runs the network of a `.fwt` file, its weights decoded, operator by operator."""

from collections.abc import Callable
from pathlib import Path

import torch

from featherweight.graph import load
from featherweight.peers.runner import Array, Runner


def open_file(path: Path, threads: int) -> Runner:
    """Run a file without gradients."""
    torch.set_num_threads(threads)
    return without_gradients(load(path))


def without_gradients(module: Callable[[torch.Tensor], torch.Tensor]) -> Runner:
    """NumPy in and out of a module."""

    def run(x: Array) -> Array:
        with torch.inference_mode():
            output: Array = module(torch.from_numpy(x)).numpy()
        return output

    return run
