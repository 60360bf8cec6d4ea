"""A torch module becomes a graph of ONNX operators and its tensors by name.

torch's own exporter lowers the module (`torch.onnx.export`, by way of `torch.export`); `simplify`
then makes the graph small. Parameters keep their names, shapes and bytes; batch-norm stays a node
of its own with its own tensors; the batch stays symbolic.
"""

import inspect
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from featherweight.container.graph import Graph, ValueInfo
from featherweight.errors import InvalidArgumentError, UnsupportedOperatorError
from featherweight.extras import require
from featherweight.graph.draft import Draft
from featherweight.graph.simplify import simplify

OPERATOR_SET = 20
"""The ONNX operator set that graphs are captured in."""

_LOGGERS = ("torch.onnx", "torch.export", "torch._dynamo", "torch.fx", "onnxscript", "onnx_ir")


def capture(
    module: nn.Module,
    example_inputs: Tensor | Sequence[Tensor],
    *,
    batch: str | None = "batch",
    input_names: Sequence[str] | None = None,
) -> tuple[Graph, dict[str, Tensor]]:
    """Return the graph that `module` computes in evaluation mode, and a copy of its tensors.

    Args:
        module: any module that `torch.export` can trace. Its training mode is left as it was.
        example_inputs: one tensor, or one for each argument of `forward`. Their first dimension
            is the batch; their other dimensions are the network's for good.
        batch: the name of the symbolic batch dimension, or None for a fixed batch.
        input_names: names of the graph's inputs; ``"input"``, or the arguments' names if several.

    Raises:
        UnsupportedOperatorError: an operator outside the subset; the message names its layer.
        InvalidArgumentError: the module cannot be traced at a symbolic batch.
    """
    inputs = [example_inputs] if isinstance(example_inputs, Tensor) else list(example_inputs)
    if batch is not None:
        # torch.export takes a size of 1 for a constant, so the example must be larger.
        inputs = [x if x.shape[0] > 1 else torch.cat([x, x]) for x in inputs]
    names = list(input_names or _input_names(module, len(inputs)))
    draft = _lower(module, inputs, names, batch)
    state = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    draft.weights &= state | _statistics(draft)
    graph, tensors = simplify(draft)
    return graph, {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def _lower(module: nn.Module, inputs: list[Tensor], names: list[str], batch: str | None) -> Draft:
    require("onnxscript", extra="torch")
    from featherweight.graph.ir_reader import draft_from_ir

    with _in_evaluation(module), _quiet():
        try:
            program = torch.export.export(
                module, tuple(inputs), dynamic_shapes=_dynamic_shapes(module, inputs, batch)
            )
        except Exception as error:
            raise InvalidArgumentError(
                f"`module` must be one that torch.export can trace"
                f"{' at any batch size' if batch else ''}, but {type(module).__name__} is not: "
                f"{_first_line(error)}"
            ) from error
        try:
            exported = torch.onnx.export(
                program, (), dynamo=True, optimize=False, verbose=False,
                opset_version=OPERATOR_SET, input_names=names,
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            raise UnsupportedOperatorError(
                f"{type(module).__name__} uses an operator that has no ONNX form: "
                f"{_first_line(error.__cause__ or error)}"
            ) from error
    assert exported is not None
    draft = draft_from_ir(exported.model.graph, OPERATOR_SET)
    draft.inputs = tuple(_with_symbol(info, batch) for info in draft.inputs)
    return draft


def _with_symbol(info: ValueInfo, batch: str | None) -> ValueInfo:
    # torch.export names the one symbolic size in its own way, such as s77.
    shape = tuple(batch if batch and isinstance(size, str) else size for size in info.shape)
    return ValueInfo(info.name, info.dtype, shape)


def _dynamic_shapes(module: nn.Module, inputs: list[Tensor], batch: str | None) -> Any:
    if batch is None:
        return None
    size = torch.export.Dim(batch)
    bound = inspect.signature(module.forward).bind(*inputs)
    return {
        name: tuple({0: size} for _ in value) if isinstance(value, tuple) else {0: size}
        for name, value in bound.arguments.items()
    }


def _input_names(module: nn.Module, count: int) -> list[str]:
    taken = {name.partition(".")[0] for name, _ in module.named_parameters()}
    names = ["input"]
    if count > 1:
        parameters = list(inspect.signature(module.forward).parameters.values())
        variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        names = [f"input_{i}" if variadic else parameters[i].name for i in range(count)]
    while taken.intersection(names):
        names = [f"{name}_" for name in names]
    return names


def _statistics(draft: Draft) -> set[str]:
    """Return the running means and variances: buffers, but the network's own like weights."""
    nodes = (node for node in draft.nodes if node.operator == "BatchNormalization")
    return {name for node in nodes for name in node.inputs[3:5]}


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
def _quiet() -> Iterator[None]:
    """Hold back what the exporter says about itself, even where warnings are errors."""
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
