"""ExecuTorch runs a `.pte` program."""

from pathlib import Path

from featherweight.extras import require
from featherweight.peers.quietly import quietly
from featherweight.peers.runner import Array, Runner


def open_file(path: Path, threads: int) -> Runner:
    """Run a program, with a thread pool of this many threads."""
    torch = require("torch", extra="torch")
    runtime = require("executorch.runtime", extra="executorch")
    pool = require("executorch.extension.pybindings.portable_lib", extra="executorch")
    with quietly():
        pool._unsafe_reset_threadpool(threads)
        method = runtime.Runtime.get().load_program(str(path)).load_method("forward")

    def run(x: Array) -> Array:
        output: Array = method.execute([torch.from_numpy(x)])[0].numpy()
        return output

    return run
