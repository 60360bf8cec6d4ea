"""torch's exporters: a traced module (`torch.export`) becomes a draft of ONNX operators."""

import inspect
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from featherweight.container.graph import ValueInfo
from featherweight.errors import FormatError, InvalidArgumentError, UnsupportedOperatorError
from featherweight.extras import require
from featherweight.graph.draft import Draft

OPERATOR_SET = 20
"""The ONNX operator set that graphs are captured in."""

_LOGGERS = (
    "torch.onnx", "torch.export", "torch._dynamo", "torch.fx", "torch._subclasses",
    "onnxscript", "onnx_ir",
)  # fmt: skip


def trace(module: nn.Module, inputs: Sequence[Tensor], batch: str | None) -> ExportedProgram:
    """Return what `module` does to `inputs` in evaluation mode, at any batch if `batch` is given.

    Raises:
        InvalidArgumentError: `torch.export` cannot trace the module.
    """
    with _in_evaluation(module), quiet():
        try:
            shapes = _dynamic_shapes(module, inputs, batch)
            return torch.export.export(module, tuple(inputs), dynamic_shapes=shapes)
        except Exception as error:
            raise InvalidArgumentError(
                f"`module` must be one that torch.export can trace"
                f"{' at any batch size' if batch else ''}, but {type(module).__name__} is not: "
                f"{_first_line(error)}"
            ) from error


def read_program(path: str | Path) -> ExportedProgram:
    """Return the traced module of a `.pt2` file.

    Raises:
        FormatError: the file is not one that `torch.export.save` wrote.
    """
    with quiet():
        try:
            return torch.export.load(str(path))
        except FileNotFoundError:
            raise
        except Exception as error:
            raise FormatError(f"{path} is not a .pt2 file: {_first_line(error)}") from error


def lower(program: ExportedProgram, input_names: Sequence[str], batch: str | None) -> Draft:
    """Return the operators of a traced module, its symbolic dimension named `batch`.

    Raises:
        UnsupportedOperatorError: an operator has no ONNX form, or is outside the subset.
    """
    require("onnxscript", extra="torch")
    from featherweight.graph.binary_layers import translations
    from featherweight.graph.ir_reader import draft_from_ir

    with quiet():
        try:
            exported = torch.onnx.export(
                program, (), dynamo=True, optimize=False, verbose=False,
                opset_version=OPERATOR_SET, input_names=list(input_names),
                custom_translation_table=translations(),
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            raise UnsupportedOperatorError(
                f"the network uses an operator that has no ONNX form: "
                f"{_first_line(error.__cause__ or error)}"
            ) from error
    assert exported is not None  # It is None only when the exporter writes a file itself.
    draft = draft_from_ir(exported.model.graph, OPERATOR_SET)
    draft.inputs = tuple(_with_symbol(info, batch) for info in draft.inputs)
    parameters = set(program.graph_signature.parameters)
    draft.weights &= parameters | _statistics(draft)
    return draft


def _with_symbol(info: ValueInfo, batch: str | None) -> ValueInfo:
    # torch.export names the one symbolic size in its own way, such as s77.
    shape = tuple(batch if batch and isinstance(size, str) else size for size in info.shape)
    return ValueInfo(info.name, info.dtype, shape)


def _statistics(draft: Draft) -> set[str]:
    """Return the running means and variances: buffers, but the network's own like weights."""
    nodes = (node for node in draft.nodes if node.operator == "BatchNormalization")
    return {name for node in nodes for name in node.inputs[3:5]}


def _dynamic_shapes(module: nn.Module, inputs: Sequence[Tensor], batch: str | None) -> Any:
    if batch is None:
        return None
    size = torch.export.Dim(batch)
    bound = inspect.signature(module.forward).bind(*inputs)
    return {
        name: tuple({0: size} for _ in value) if isinstance(value, tuple) else {0: size}
        for name, value in bound.arguments.items()
    }


@contextmanager
def _in_evaluation(module: nn.Module) -> Iterator[None]:
    modes: Mapping[nn.Module, bool] = {m: m.training for m in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the exporters say about themselves, even where warnings are errors."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("ignore")
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
