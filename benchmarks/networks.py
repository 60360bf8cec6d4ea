"""Whole networks at 224x224, batch 1, one thread: our runtime against ONNX Runtime.

Both run the same network from the same captured graph: ours from its `.fwt` file, ONNX Runtime
with all of its graph optimizations. They take turns in one process; preprocessing is left out on
both sides. Weights and batch-norm statistics are random: measured is time, and that the outputs
are equal. The bars are those for dense float32. `--layers` prints what each step of ours takes.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

import harness
from featherweight import container, zoo
from featherweight.graph import capture, to_onnx
from featherweight.recipes.pack import pack
from featherweight.runtime import Session

BARS = {"resnet-18": 0.85, "mobilenet-v1": 0.80, "mobilenet-v2": 0.80}
OTHERS = ("vgg-16", "alexnet", "squeezenet", "shufflenet-v1")


def randomized(name: str) -> nn.Module:
    """The network with batch-norm statistics that differ from channel to channel."""
    torch.manual_seed(0)
    module = zoo.create(name).eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return module


def sessions(
    module: nn.Module, example: torch.Tensor
) -> tuple[Session, onnxruntime.InferenceSession]:
    """Ours and the peer's session of one network."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "network.fwt", Path(folder) / "network.onnx"
        container.write(ours, pack(module, example, {}, {}), coder="packed")
        graph, tensors = capture(module, (example,))
        to_onnx(graph, tensors, theirs)
        peer = onnxruntime.InferenceSession(
            str(theirs), options, providers=["CPUExecutionProvider"]
        )
        return Session(ours), peer


def difference(ours: NDArray[np.float32], peer: NDArray[np.float32]) -> float:
    """The largest difference, in parts of the peer's largest output."""
    return float(np.abs(ours - peer).max() / np.abs(peer).max())


def measured(name: str, rounds: int, layers: bool) -> harness.Row:
    size = 227 if name == "alexnet" else 224
    example = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    session, peer = sessions(randomized(name), example)
    x, port = example.numpy(), peer.get_inputs()[0].name
    distance = difference(session.run(x), peer.run(None, {port: x})[0])
    timing = harness.compare(lambda: session.run(x), lambda: peer.run(None, {port: x}), rounds)
    if layers:
        _print_layers(session, x)
    bar = BARS.get(name)
    return harness.Row(
        name=f"{name}, dense, random weights (outputs differ by {distance:.0e})",
        value=timing.seconds * 1e3,
        unit="ms",
        peer=f"ONNX Runtime fp32, {np.median(timing.peer) * 1e3:.1f} ms",
        ratio=timing.speedup(),
        p10=timing.speedup(10),
        p90=timing.speedup(90),
        bar=bar,
        met=None if bar is None else timing.speedup() >= bar,
    )


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
    names = options.networks or (*BARS, *(() if options.quick else OTHERS))
    return [
        measured(name, 15 if options.quick else options.rounds, options.layers) for name in names
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="*", help="of the zoo (default: all that have a bar)")
    parser.add_argument("--rounds", type=int, default=41, help="of the full run (default 41)")
    parser.add_argument("--layers", action="store_true", help="print the time of each step")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
