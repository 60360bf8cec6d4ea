"""A torch module becomes a graph of ONNX operators and its tensors by name.

torch's own exporter lowers the module (`lowering`); `simplify` then makes the graph small.
Parameters keep their names, shapes and bytes; batch-norm stays a node of its own with its own
tensors; the batch stays symbolic.
"""

import inspect
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight.container.graph import Graph
from featherweight.graph.lowering import lower, read_program, trace
from featherweight.graph.simplify import simplify


def capture(
    module: nn.Module,
    example_inputs: Tensor | Sequence[Tensor],
    *,
    batch: str | None = "batch",
    input_names: Sequence[str] | None = None,
    storage_only: bool = False,
) -> tuple[Graph, dict[str, Tensor]]:
    """Return the graph that `module` computes in evaluation mode, and a copy of its tensors.

    Args:
        module: any module that `torch.export` can trace. Its training mode is left as it was.
            If it is on torch's meta device, so are the tensors that are returned.
        example_inputs: one tensor, or one for each argument of `forward`. Their first dimension
            is the batch; their other dimensions are the network's for good.
        batch: the name of the symbolic batch dimension, or None for a fixed batch.
        input_names: names of the graph's inputs; ``"input"``, or the arguments' names if several.
        storage_only: let operators outside the subset through: the graph can be stored, not run.

    Raises:
        UnsupportedOperatorError: an operator outside the subset; the message names its layer.
        InvalidArgumentError: the module cannot be traced at a symbolic batch.
    """
    inputs = [example_inputs] if isinstance(example_inputs, Tensor) else list(example_inputs)
    if batch is not None:
        # torch.export takes a size of 1 for a constant, so the example must be larger.
        inputs = [x if x.shape[0] > 1 else torch.cat([x, x]) for x in inputs]
    device = next((tensor.device for tensor in module.parameters()), None)
    inputs = inputs if device is None else [x.to(device) for x in inputs]
    names = input_names or _input_names(module, len(inputs))
    draft = lower(trace(module, inputs, batch), names, batch)
    draft.storage_only = storage_only
    return _copied(*simplify(draft))


def from_pt2(path: str | Path) -> tuple[Graph, dict[str, Tensor]]:
    """Return the graph and the tensors of a `.pt2` file, as `torch.export.save` writes it.

    The batch is symbolic where the module was exported with one.

    Raises:
        FormatError: the file is not a traced module.
        UnsupportedOperatorError: an operator outside the subset; the message names its layer.
    """
    program = read_program(path)
    inputs = program.graph_signature.user_inputs
    names = ["input"] if len(inputs) == 1 else [str(name) for name in inputs]
    return _copied(*simplify(lower(program, names, "batch")))


def _copied(graph: Graph, tensors: dict[str, Tensor]) -> tuple[Graph, dict[str, Tensor]]:
    return graph, {
        name: tensor.detach() if tensor.is_meta else tensor.detach().cpu().clone()
        for name, tensor in tensors.items()
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
