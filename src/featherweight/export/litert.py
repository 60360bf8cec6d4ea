"""LiteRT: a `.tflite` file, in float32, float16, dynamic int8 or full-integer int8.

litert-torch converts the float32 network, with pictures in [N, H, W, C] as on phones, and
ai-edge-quantizer measures ranges of its own on the calibration pictures, of the weights that our
grid gave. A full-integer file is refused if it holds an operator on floats.
"""

import tempfile
from pathlib import Path
from typing import Any

from featherweight.errors import ExportError
from featherweight.export.litert_operators import float_operators, operators_of, refused_by
from featherweight.export.subject import Array, Subject
from featherweight.export.target import Target, Written
from featherweight.export.traced import module_and_example
from featherweight.extras import require
from featherweight.peers.litert import channels_last, interpreter_of, open_file
from featherweight.peers.quietly import quietly


def write_litert(subject: Subject, precision: str, path: Path) -> Written:
    """Write a file for a batch of one.

    Raises:
        ExportError: LiteRT refuses the network, or leaves operators on floats in an integer file.
    """
    with quietly(), tempfile.TemporaryDirectory() as folder:
        require("litert_torch", extra="litert")
        whole = Path(folder) / "float32.tflite"
        try:
            _convert(subject, whole)
            if precision == "float32":
                path.write_bytes(whole.read_bytes())
            else:
                _quantize(whole, subject, precision, path)
        except Exception as error:
            raise ExportError(f"LiteRT cannot convert {subject.name}: {error}") from error
        operators = operators_of(interpreter_of(path))
    on_floats = float_operators(operators)
    if precision == "int8" and on_floats:
        raise ExportError(
            f"a full-integer file must hold no operator on floats, but that of {subject.name} "
            f"holds {', '.join(on_floats)}."
        )
    refusals = refused_by(operators)
    return Written(
        scales="its own" if "int8" in precision else "none",
        notes=tuple(f"{name} would refuse {', '.join(ops)}" for name, ops in refusals.items()),
        details={
            "operators": sorted({operator.name for operator in operators}),
            "float_operators": on_floats,
            "refused": refusals,
        },
    )


def _convert(subject: Subject, path: Path) -> None:
    litert_torch = require("litert_torch", extra="litert")
    module, example = module_and_example(subject)
    if example.ndim == 4:
        module = litert_torch.to_channel_last_io(module, args=[0]).eval()
        example = example.permute(0, 2, 3, 1).contiguous()
    litert_torch.convert(module, (example,)).export(str(path))


def _quantize(whole: Path, subject: Subject, precision: str, path: Path) -> None:
    aeq = require("ai_edge_quantizer", extra="litert")
    quantizer = aeq.quantizer.Quantizer(str(whole))
    calibration = None
    if precision == "float16":
        quantizer.update_quantization_recipe(
            regex=".*",
            operation_name=aeq.qtyping.TFLOperationName.ALL_SUPPORTED,
            op_config=aeq.qtyping.OpQuantizationConfig(
                weight_tensor_config=aeq.qtyping.TensorQuantizationConfig(
                    num_bits=16, dtype=aeq.qtyping.TensorDataType.FLOAT
                ),
                compute_precision=aeq.qtyping.ComputePrecision.FLOAT,
                explicit_dequantize=True,
            ),
            algorithm_key=aeq.recipe.AlgorithmName.FLOAT_CASTING,
        )
    elif precision == "dynamic-int8":
        quantizer.load_quantization_recipe(aeq.recipe.dynamic_wi8_afp32())
    else:
        quantizer.load_quantization_recipe(aeq.recipe.static_wi8_ai8())
        calibration = _ranges(whole, subject, quantizer.get_quantization_recipe())
    quantizer.quantize(calibration).export_model(str(path), overwrite=True)


def _ranges(whole: Path, subject: Subject, recipe: Any) -> Any:
    """Least and greatest element of every value over the calibration pictures.

    The quantizer's own `calibrate` takes a moving average of them instead: with a handful of
    pictures that is mostly the first one's range, and cuts the others off.
    """
    calibrators = require("ai_edge_quantizer.calibrator", extra="litert")
    manager = require("ai_edge_quantizer.recipe_manager", extra="litert").RecipeManager()
    updates = require("ai_edge_quantizer.utils.qsv_utils", extra="litert")
    manager.load_quantization_recipe(recipe)
    calibrator = calibrators.Calibrator(
        str(whole),
        mode=calibrators.CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS,
        qsv_update_func=updates.min_max_update,
    )
    calibrator.calibrate(_samples(whole, subject), manager)
    return calibrator.get_model_qsvs()


def _samples(whole: Path, subject: Subject) -> dict[str, list[dict[str, Array]]]:
    """The calibration pictures under the names that the file's one signature has."""
    interpreter = interpreter_of(whole)
    ((signature, ports),) = interpreter.get_signature_list().items()
    name = ports["inputs"][0]
    pictures = channels_last(subject.pictures.calibration)
    return {signature: [{name: x[None]} for x in pictures]}


TARGET = Target(
    name="litert",
    title="LiteRT",
    suffix=".tflite",
    extra="litert",
    packages={
        "litert_torch": "litert-torch",
        "ai_edge_litert": "ai-edge-litert",
        "ai_edge_quantizer": "ai-edge-quantizer",
    },
    precisions=("float32", "float16", "int8", "dynamic-int8"),
    write=write_litert,
    open=open_file,
    runtime="ai-edge-litert",
)
