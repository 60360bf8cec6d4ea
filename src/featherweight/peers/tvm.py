"""TVM's virtual machine runs a compiled library."""

from pathlib import Path

from featherweight.extras import require
from featherweight.peers.runner import Array, Runner


def open_file(path: Path, threads: int) -> Runner:
    """Run a library on the virtual machine."""
    tvm = require("tvm", extra="tvm")
    relax = require("tvm.relax", extra="tvm")
    tvm.get_global_func("runtime.config_threadpool")(1, threads)
    machine = relax.VirtualMachine(tvm.runtime.load_module(str(path)), tvm.cpu())
    main = machine["main"]

    def run(x: Array) -> Array:
        output: Array = main(tvm.runtime.tensor(x)).numpy()
        return output

    return run
