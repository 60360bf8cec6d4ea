"""The network as toolchains of torch take it: one traced program, for a batch of one."""

import torch
from torch import Tensor
from torch.export import ExportedProgram

from featherweight.errors import ExportError
from featherweight.export.floating import float_module
from featherweight.export.subject import Subject
from featherweight.graph import GraphModule, rebuild_network


def module_and_example(subject: Subject) -> tuple[GraphModule, Tensor]:
    """Return the network in float32 and one picture, [1, C, H, W]."""
    return float_module(subject.network), torch.from_numpy(subject.example())


def traced(subject: Subject, *, with_rounding: bool = False) -> ExportedProgram:
    """Return the network as `torch.export` traces it.

    Args:
        with_rounding: an 8-bit network rounds as its file says, in plain torch operators; without,
            it is the float32 network of the same weights.

    Raises:
        ExportError: torch.export cannot trace it.
    """
    module, example = module_and_example(subject)
    if with_rounding:
        module = rebuild_network(subject.network)
    try:
        return torch.export.export(module, (example,))
    except Exception as error:
        raise ExportError(f"torch.export cannot trace {subject.name}: {error}") from error
