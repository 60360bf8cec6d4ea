"""Core ML: an `.mlpackage`, converted here by coremltools.

It runs on Apple's machines only. On any other, what is checked is its structure: the operators of
its program, and the shapes of its input and output; the manifest says so. 8 bits are of the
weights, by coremltools.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from featherweight.errors import ExportError
from featherweight.export.subject import Subject
from featherweight.export.target import Target, Written
from featherweight.export.traced import traced
from featherweight.extras import require
from featherweight.peers.coreml import open_file
from featherweight.peers.quietly import quietly

_INPUT, _OUTPUT = "input", "output"


def write_coreml(subject: Subject, precision: str, path: Path) -> Written:
    """Write a package for a batch of one, for Core ML of iOS 16 and macOS 13 or later.

    Raises:
        ExportError: coremltools refuses the network, or its program is not the network's.
    """
    with quietly():
        tools = require("coremltools", extra="coreml")
        try:
            model = _converted(tools, subject, precision)
            model.save(str(path))
        except Exception as error:
            raise ExportError(f"coremltools cannot convert {subject.name}: {error}") from error
        operators = _operators(tools.utils.load_spec(str(path)), subject)
    is_apple = sys.platform == "darwin"
    return Written(
        scales="its own" if precision == "int8" else "none",
        notes=() if is_apple else ("runs on Apple's machines only: its structure was checked",),
        details={"operators": dict(operators)},
    )


def _converted(tools: Any, subject: Subject, precision: str) -> Any:
    numbers = tools.precision
    model = tools.convert(
        traced(subject).run_decompositions({}),
        convert_to="mlprogram",
        inputs=[tools.TensorType(name=_INPUT, shape=(1, *subject.input_shape))],
        outputs=[tools.TensorType(name=_OUTPUT)],
        compute_precision=numbers.FLOAT16 if precision == "float16" else numbers.FLOAT32,
        minimum_deployment_target=tools.target.iOS16,
    )
    if precision != "int8":
        return model
    optimize = require("coremltools.optimize.coreml", extra="coreml")
    weights = optimize.OpLinearQuantizerConfig(mode="linear_symmetric")
    return optimize.linear_quantize_weights(
        model, optimize.OptimizationConfig(global_config=weights)
    )


def _operators(spec: Any, subject: Subject) -> Counter[str]:
    """The program's operators, after its ports and its layers with weights were counted."""
    (function,) = spec.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    operators = Counter(str(operation.type) for operation in block.operations)
    found = [int(size) for size in spec.description.input[0].type.multiArrayType.shape]
    if found != [1, *subject.input_shape]:
        raise ExportError(
            f"the package's input must be {[1, *subject.input_shape]}, but it is {found}."
        )
    layers = sum(operators[name] for name in ("conv", "linear", "matmul", "conv_transpose"))
    wanted = sum(
        node.operator in ("Conv", "Gemm", "MatMul", "ConvTranspose")
        for node in subject.network.graph.nodes
    )
    if layers < wanted:
        raise ExportError(
            f"the package must have {wanted} layers with weights, but it has {layers}."
        )
    return operators


TARGET = Target(
    name="coreml",
    title="Core ML",
    suffix=".mlpackage",
    extra="coreml",
    packages={"coremltools": "coremltools"},
    precisions=("float32", "float16", "int8"),
    write=write_coreml,
    open=open_file if sys.platform == "darwin" else None,
)
