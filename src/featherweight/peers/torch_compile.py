"""torch.compile: Inductor compiles the network of a `.fwt` file with the machine's C++ compiler."""

from pathlib import Path

import torch

from featherweight.graph import load
from featherweight.peers.runner import Runner
from featherweight.peers.torch_eager import without_gradients


def open_file(path: Path, threads: int) -> Runner:
    """Run a file without gradients; it is compiled when it is first called."""
    torch.set_num_threads(threads)
    return without_gradients(torch.compile(load(path)))
