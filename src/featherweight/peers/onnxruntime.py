"""ONNX Runtime runs an `.onnx` file."""

from pathlib import Path

from featherweight.extras import require
from featherweight.peers.runner import Array, Runner


def open_file(path: Path, threads: int) -> Runner:
    """Run a file on ONNX Runtime, with all of its graph optimizations."""
    onnxruntime = require("onnxruntime", extra="onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(x: Array) -> Array:
        output: Array = session.run(None, {name: x})[0]
        return output

    return run
