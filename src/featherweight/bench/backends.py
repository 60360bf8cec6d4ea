"""The same network on different runtimes: its logits, so that accuracies can be compared."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight.data import Dataset, Split
from featherweight.extras import require
from featherweight.graph import capture, to_onnx
from featherweight.training import logits

BACKENDS = ("onnxruntime", "torch")


def backend_logits(module: nn.Module, data: Dataset, split: Split, backend: str) -> Tensor:
    """Outputs [N, classes] of `module` on a split, run by torch or by ONNX Runtime."""
    if backend == "torch":
        return logits(module, data, split)
    onnxruntime = require("onnxruntime", "onnxruntime")
    graph, tensors = capture(module, (data.normalize(split.images[:1]),))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        to_onnx(graph, tensors, file)
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [
        torch.from_numpy(session.run(None, {name: data.normalize(images).numpy()})[0])
        for images in torch.split(split.images, 500)
    ]
    return torch.cat(parts)
