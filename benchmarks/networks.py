"""Whole networks at 224x224, batch 1, one thread: our runtime against ONNX Runtime.

Both run the same network: ours from its `.fwt` file, ONNX Runtime in float32 with all of its
graph optimizations, where pruned and shared weights are dense again. An 8-bit network stands too
against what ONNX Runtime's own tool makes of the float32 one (static, weights a channel); a binary
one, for which it has no layers, against the float32 network that it was made from. They take turns
in one process; preprocessing is left out on both sides. Weights are random: measured are time and
bytes, and that outputs agree. `--layers` prints what each step of ours takes.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from rich.console import Console
from torch import Tensor

import harness
from featherweight import container
from featherweight.container import Network
from featherweight.graph import to_onnx
from featherweight.runtime import Session
from network_cases import CASES, Case, dense, example, module

_READY_SECONDS = 0.5
"""In which deep-compressed VGG-16 must be ready to run."""


def onnx_session(network: Network, x: Tensor, in_int8: bool) -> onnxruntime.InferenceSession:
    """The peer, with the weights decoded; in 8 bits as its own tool quantizes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    tensors = {name: torch.from_numpy(t.dense().copy()) for name, t in network.tensors.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        to_onnx(network.graph, tensors, path)
        if in_int8:
            path = _quantized_by_the_peer(path, network.graph.inputs[0].name, x)
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _quantized_by_the_peer(path: Path, port: str, x: Tensor) -> Path:
    class Samples(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = [{port: x.numpy()}]

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return self.left.pop() if self.left else None

    prepared, result = path.with_name("prepared.onnx"), path.with_name("int8.onnx")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared), str(result), Samples(), per_channel=True, activation_type=QuantType.QUInt8
    )
    return result


def measured(case: Case, options: argparse.Namespace) -> list[harness.Row]:
    """One row of time, and rows of what else the case has to keep to."""
    x = example(case.network)
    original = module(case.network)
    network = case.make(original, x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.fwt"
        file_bytes = container.write(path, network).file_bytes
        start = time.perf_counter()
        session = Session(path)
        ready = time.perf_counter() - start
    is_as_is = not (case.is_binary or case.peer_int8)
    peer = network if is_as_is else dense(original, x)
    rounds = 15 if options.quick else options.rounds
    # The bar of 8 bits is held against 8 bits alone.
    rows = [
        _timed(
            case, session, onnx_session(peer, x, in_int8), x, rounds,
            kind="int8" if in_int8 else "fp32", bar=case.bar if in_int8 == case.peer_int8 else None,
        )
        for in_int8 in ([False, True] if case.peer_int8 else [False])
    ]  # fmt: skip
    if options.layers:
        _print_layers(session, x.numpy())
    return rows + _weighed(case, session, file_bytes, ready)


def _timed(
    case: Case,
    session: Session,
    peer: onnxruntime.InferenceSession,
    x: Tensor,
    rounds: int,
    *,
    kind: str,
    bar: float | None,
) -> harness.Row:
    array, feed = x.numpy(), {peer.get_inputs()[0].name: x.numpy()}
    found, expected = session.run(array), peer.run(None, feed)[0]
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    timing = harness.compare(lambda: session.run(array), lambda: peer.run(None, feed), rounds)
    name = case.name + ("" if case.is_binary else f" (outputs differ by {difference:.0e})")
    return harness.timed(name, timing, f"ONNX Runtime {kind}", "ms", bar)


def _weighed(case: Case, session: Session, file_bytes: int, ready: float) -> list[harness.Row]:
    rows = []
    if case.largest_file is not None:
        limit = case.largest_file / 1e6
        rows.append(
            harness.Row(
                f"{case.name}: file, at most", file_bytes / 1e6, "MB",
                bar=limit, met=file_bytes <= case.largest_file,
            )
        )  # fmt: skip
    if case.smallest_part is not None:
        whole = 4 * sum(parameter.numel() for parameter in module(case.network).parameters())
        part = whole / session.memory.weights
        rows.append(
            harness.Row(
                f"{case.name}: resident weights", session.memory.weights / 1e6, "MB",
                f"float32, {whole / 1e6:.1f} MB", part, bar=case.smallest_part,
                met=part >= case.smallest_part,
            )
        )  # fmt: skip
    if case.network == "vgg-16" and case.form == "deep-compressed":
        rows.append(
            harness.Row(
                f"{case.name}, {file_bytes / 1e6:.1f} MB: ready to run, at most", ready, "s",
                bar=_READY_SECONDS, met=ready <= _READY_SECONDS,
            )
        )  # fmt: skip
    return rows


def _print_layers(session: Session, x: NDArray[np.float32]) -> None:
    session.time_layers()
    runs = []
    for _ in range(15):
        session.run(x)
        runs.append([layer.milliseconds for layer in session.layers])
    console = Console()
    for layer, milliseconds in zip(session.layers, np.median(runs, axis=0), strict=True):
        console.print(f"{milliseconds:8.3f} ms  {layer.operator:20} {layer.format:8} {layer.name}")
    session.time_layers(False)


def run(options: argparse.Namespace) -> list[harness.Row]:
    torch.set_num_threads(1)
    chosen = [
        case
        for case in CASES
        if (case.is_quick or not options.quick)
        and (not options.cases or any(part in case.name for part in options.cases))
    ]
    return [row for case in chosen for row in measured(case, options)]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cases", nargs="*", help="parts of their names (default: all)")
    parser.add_argument("--rounds", type=int, default=31, help="of the full run (default 31)")
    parser.add_argument("--layers", action="store_true", help="print the time of each step")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
