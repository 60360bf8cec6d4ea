"""OpenVINO's intermediate representation.

From our ONNX graph: an 8-bit network keeps its scales, which OpenVINO's low-precision passes run
in integers. A float32 network can be quantized by OpenVINO's own tool, NNCF, as a peer.
"""

import tempfile
from pathlib import Path
from typing import Any

from featherweight.errors import ExportError, InvalidArgumentError
from featherweight.export.onnx import write_onnx
from featherweight.export.subject import Subject
from featherweight.export.target import Target, Written
from featherweight.extras import require
from featherweight.peers.openvino import open_file
from featherweight.peers.quietly import quietly


def write_openvino(subject: Subject, precision: str, path: Path) -> Written:
    """Write `path` (.xml) and the weights beside it (.bin), for a batch of one.

    Raises:
        InvalidArgumentError: float32 is asked of a network that is quantized.
        ExportError: OpenVINO refuses the network.
    """
    openvino = require("openvino", extra="openvino")
    if subject.precision == "int8" and precision == "float32":
        raise InvalidArgumentError(
            "`precision` must be int8 or float16 for a network that is quantized, but got "
            "precision='float32'."
        )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "network.onnx"
        write_onnx(subject, subject.precision, source)
        try:
            model = openvino.convert_model(str(source))
        except Exception as error:
            raise ExportError(f"OpenVINO cannot convert {subject.name}: {error}") from error
    model.reshape([1, *subject.input_shape])
    scales = "ours" if subject.precision == "int8" else "none"
    if precision == "int8" and subject.precision == "float32":
        model, scales = _quantized(model, subject), "its own"
    openvino.save_model(model, str(path), compress_to_fp16=precision == "float16")
    return Written(scales=scales)


def _quantized(model: Any, subject: Subject) -> Any:
    nncf = require("nncf", extra="openvino")
    batches = nncf.Dataset([x[None] for x in subject.pictures.calibration])
    with quietly():
        return nncf.quantize(model, batches, subset_size=len(subject.pictures.calibration))


TARGET = Target(
    name="openvino",
    title="OpenVINO",
    suffix=".xml",
    extra="openvino",
    packages={"openvino": "openvino", "nncf": "nncf", "onnx": "onnx"},
    precisions=("float32", "float16", "int8"),
    write=write_openvino,
    open=open_file,
    companions=(".bin",),
)
