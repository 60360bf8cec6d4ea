"""Core ML runs an `.mlpackage`, on Apple's machines."""

from pathlib import Path

from featherweight.extras import require
from featherweight.peers.runner import Array, Runner


def open_file(path: Path, threads: int) -> Runner:
    """Run a package where Core ML is, on its CPU; it chooses its own threads."""
    tools = require("coremltools", extra="coreml")
    model = tools.models.MLModel(str(path), compute_units=tools.ComputeUnit.CPU_ONLY)

    def run(x: Array) -> Array:
        output: Array = model.predict({"input": x})["output"]
        return output

    return run
