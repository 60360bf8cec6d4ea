"""ExecuTorch: a `.pte` program whose operators XNNPACK runs.

8 bits by PT2E: torchao's XNNPACK quantizer measures ranges of its own on the calibration pictures,
of the weights that our grid gave. Operators that XNNPACK does not take run hundreds of times
slower: their share is part of what the export says.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from featherweight.errors import ExportError
from featherweight.export.subject import Subject
from featherweight.export.target import Target, Written
from featherweight.export.traced import module_and_example, traced
from featherweight.extras import require
from featherweight.peers.executorch import open_file
from featherweight.peers.quietly import quietly


def write_executorch(subject: Subject, precision: str, path: Path) -> Written:
    """Write a program for a batch of one.

    Raises:
        ExportError: ExecuTorch refuses the network.
    """
    with quietly():
        require("executorch.exir", extra="executorch")
        program = traced(subject) if precision == "float32" else _quantized(subject)
        try:
            lowered, buffer = _lowered(program)
        except Exception as error:
            raise ExportError(f"ExecuTorch cannot lower {subject.name}: {error}") from error
    path.write_bytes(buffer)
    inside, outside = _delegation(lowered)
    share = 100 * inside / max(1, inside + sum(outside.values()))
    notes = [f"{share:.1f} % of {inside + sum(outside.values())} operators run on XNNPACK"]
    if outside:
        named = ", ".join(f"{name} ({count})" for name, count in outside.most_common(5))
        notes.append(f"not on XNNPACK, and slow: {named}")
    return Written(
        scales="its own" if precision == "int8" else "none",
        notes=tuple(notes),
        details={"delegated": inside, "not_delegated": dict(outside), "delegated_percent": share},
    )


def _lowered(program: ExportedProgram) -> tuple[Any, bytes]:
    exir = require("executorch.exir", extra="executorch")
    partition = require("executorch.backends.xnnpack.partition.xnnpack_partitioner", "executorch")
    lowered = exir.to_edge_transform_and_lower(
        program, partitioner=[partition.XnnpackPartitioner()]
    ).to_executorch()
    return lowered, lowered.buffer


def _delegation(lowered: Any) -> tuple[int, Counter[str]]:
    """How many operators XNNPACK runs, and the names of those that it does not."""
    inside, outside = 0, Counter[str]()
    module = lowered.exported_program().graph_module
    for node in module.graph.nodes:
        if node.op != "call_function":
            continue
        name = str(node.target)
        if "executorch_call_delegate" in name:
            part = getattr(module, node.args[0].target)
            inside += sum(
                inner.op == "call_function" and "getitem" not in str(inner.target)
                for inner in part.original_module.graph.nodes
            )
        elif not any(word in name for word in ("getitem", "alloc", "executorch_prim")):
            outside[name] += 1
    return inside, outside


def _quantized(subject: Subject) -> ExportedProgram:
    quantizer = require(
        "executorch.backends.xnnpack.quantizer.xnnpack_quantizer", extra="executorch"
    )
    pt2e = require("torchao.quantization.pt2e.quantize_pt2e", extra="executorch")
    module, example = module_and_example(subject)
    try:
        graph = torch.export.export(module, (example,)).module()
        rules = quantizer.XNNPACKQuantizer().set_global(
            quantizer.get_symmetric_quantization_config(is_per_channel=True)
        )
        prepared = pt2e.prepare_pt2e(graph, rules)
        with torch.no_grad():
            for x in subject.pictures.calibration:
                prepared(torch.from_numpy(x[None]))
        return torch.export.export(pt2e.convert_pt2e(prepared), (example,))
    except Exception as error:
        raise ExportError(f"PT2E cannot quantize {subject.name}: {error}") from error


TARGET = Target(
    name="executorch",
    title="ExecuTorch",
    suffix=".pte",
    extra="executorch",
    packages={"executorch": "executorch", "torchao": "torchao"},
    precisions=("float32", "int8"),
    write=write_executorch,
    open=open_file,
)
