"""The same network on different runtimes: its logits, so that accuracies can be compared."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight import container
from featherweight.data import Dataset, Split
from featherweight.extras import require
from featherweight.graph import capture, to_onnx
from featherweight.recipes.pack import pack
from featherweight.runtime import Session
from featherweight.training import logits

BACKENDS = ("native", "onnxruntime", "torch")

_BATCH = 500


def backend_logits(
    module: nn.Module,
    data: Dataset,
    split: Split,
    backend: str,
    *,
    file: Path | None = None,
    threads: int = 0,
) -> Tensor:
    """Outputs [N, classes] of `module` on a split, run by one of `BACKENDS`.

    Args:
        file: the `.fwt` file that `module` is from: the native runtime runs it as it is stored.
        threads: of the native runtime; 0 means 1. The others take torch's and their own.
    """
    if backend == "torch":
        return logits(module, data, split)
    example = data.normalize(split.images[:1])
    if backend == "onnxruntime":
        return _onnxruntime_logits(module, example, data, split)
    with stored(module, example, file) as path:
        session = Session(path, batch=min(32, len(split)), threads=threads or 1)
    return torch.cat(
        [
            torch.from_numpy(session.run(data.normalize(images).numpy()))
            for images in torch.split(split.images, _BATCH)
        ]
    )


@contextmanager
def stored(module: nn.Module, example: Tensor, file: Path | None = None) -> Iterator[Path]:
    """The path of `file`, or of a temporary `.fwt` file of `module` as it is."""
    if file is not None:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.fwt"
        container.write(path, pack(module, example, {}, {}), coder="packed")
        yield path


def _onnxruntime_logits(module: nn.Module, example: Tensor, data: Dataset, split: Split) -> Tensor:
    onnxruntime = require("onnxruntime", "onnxruntime")
    graph, tensors = capture(module, (example,))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        to_onnx(graph, tensors, path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [
        torch.from_numpy(session.run(None, {name: data.normalize(images).numpy()})[0])
        for images in torch.split(split.images, _BATCH)
    ]
    return torch.cat(parts)
