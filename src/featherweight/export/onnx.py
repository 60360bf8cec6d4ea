"""ONNX, for ONNX Runtime and whatever else reads it.

The graph of a `.fwt` file is one of ONNX operators: a float32 network goes out as it is, and an
8-bit one with its QuantizeLinear and DequantizeLinear, so that what was quantized is what runs.
"""

from pathlib import Path

from featherweight.errors import InvalidArgumentError
from featherweight.export.subject import Subject
from featherweight.export.target import Target, Written
from featherweight.graph import to_onnx
from featherweight.peers.onnxruntime import open_file


def write_onnx(subject: Subject, precision: str, path: Path) -> Written:
    """Write the network's graph with dense tensors; its batch stays symbolic.

    Raises:
        InvalidArgumentError: 8 bits are asked for, but the network is not quantized.
        UnsupportedOperatorError: an operator of ours that has no ONNX form.
    """
    if precision != subject.precision:
        raise InvalidArgumentError(
            f"`precision` of an ONNX file must be the network's own, {subject.precision}, but got "
            f"precision={precision!r}: `featherweight quantize` makes a network of 8 bits."
        )
    tensors = {name: tensor.dense() for name, tensor in subject.network.tensors.items()}
    to_onnx(subject.network.graph, tensors, path)
    return Written(
        scales="ours" if precision == "int8" else "none",
        details={"operator_set": subject.network.graph.operator_set},
    )


TARGET = Target(
    name="onnx",
    title="ONNX Runtime",
    suffix=".onnx",
    extra="onnxruntime",
    packages={"onnx": "onnx", "onnxruntime": "onnxruntime"},
    precisions=("float32", "int8"),
    write=write_onnx,
    open=open_file,
    runtime="onnxruntime",
)
