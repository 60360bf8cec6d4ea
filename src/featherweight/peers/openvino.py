"""OpenVINO runs an `.xml` with its `.bin`."""

from pathlib import Path

from featherweight.extras import require
from featherweight.peers.runner import Array, Runner


def open_file(path: Path, threads: int) -> Runner:
    """Run a file on the CPU in float32 arithmetic, or integers where it says so."""
    openvino = require("openvino", extra="openvino")
    compiled = openvino.Core().compile_model(
        str(path),
        "CPU",
        {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1},
    )
    request = compiled.create_infer_request()

    def run(x: Array) -> Array:
        output: Array = request.infer([x])[0]
        return output

    return run
