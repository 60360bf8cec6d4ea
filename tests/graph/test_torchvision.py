"""torchvision's classification networks: captured, rebuilt and exported with the same answers.

The small ones are the same code at few layers and channels; most, and the published ones, are
marked slow.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from featherweight.container.operators import check_operators
from featherweight.graph import capture, from_onnx, rebuild, to_onnx
from featherweight.graph.torchvision_guard import torchvision

# Name -> builder of a small version, and the side of its pictures.
SMALL: dict[str, tuple[Callable[[Any], nn.Module], int]] = {
    "mobilenet_v3": (lambda m: m.mobilenet_v3_small(width_mult=0.25), 64),
    "shufflenet_v2": (
        lambda m: m.ShuffleNetV2([2, 2, 2], [24, 32, 48, 64, 128], num_classes=9), 64,
    ),
    "resnet": (lambda m: m.ResNet(m.resnet.BasicBlock, [1, 1, 1, 1], num_classes=9), 64),
    "vit": (
        lambda m: m.VisionTransformer(
            image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=48
        ), 32,
    ),
    "swin": (
        lambda m: m.SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], num_classes=9), 64,
    ),
    "swin_v2": (
        lambda m: m.SwinTransformer(
            [4, 4], 16, [2, 2], [2, 4], [4, 4], num_classes=9,
            block=m.swin_transformer.SwinTransformerBlockV2,
            downsample_layer=m.swin_transformer.PatchMergingV2,
        ), 64,
    ),
    "maxvit": (
        lambda m: m.MaxVit(
            input_size=(64, 64), stem_channels=8, partition_size=4, block_channels=[16, 32],
            block_layers=[1, 1], head_dim=8, stochastic_depth_prob=0.2, num_classes=9,
        ), 64,
    ),
}  # fmt: skip

QUICK = ("shufflenet_v2", "vit", "swin_v2")
"""Those that together use most of what `simplify` knows."""

PUBLISHED = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet",
    "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small",
    "regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_0",
    "swin_t", "swin_v2_t", "vgg11", "vit_b_16",
]  # fmt: skip


@pytest.fixture(autouse=True)
def one_form_of_attention() -> Iterator[None]:
    """Without gradients nn.MultiheadAttention takes another path, with other bits, than traced."""
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(True)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in SMALL]
)
def test_small_networks(name: str, tmp_path: Path) -> None:
    build, side = SMALL[name]
    torch.manual_seed(0)
    check(build(torchvision().models), side, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks(name: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options |= {"init_weights": False, "aux_logits": False}
    torch.manual_seed(0)
    module = getattr(torchvision().models, name)(**options)
    check(module, 299 if name == "inception_v3" else 224, tmp_path)


def check(module: nn.Module, side: int, folder: Path) -> None:
    """Rebuilt: the same bits. ONNX Runtime: within rounding. Read back from ONNX: the same."""
    unsettle(module.eval())
    x = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected = module(x)
    graph, tensors = capture(module, x[:1])
    check_operators(graph)
    state = module.state_dict()
    parameters = dict(module.named_parameters())
    assert parameters.keys() <= tensors.keys()
    assert all(torch.equal(tensors[n], state[n]) for n in tensors.keys() & state.keys())
    with torch.no_grad():
        assert torch.equal(rebuild(graph, tensors)(x), expected)
    path = folder / "network.onnx"
    to_onnx(graph, tensors, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {"input": x.numpy()})[0]
    scale = float(expected.abs().max())
    np.testing.assert_allclose(outputs, expected.numpy(), rtol=0, atol=1e-4 * scale)
    again, again_tensors = from_onnx(path)
    assert again == graph
    assert all(torch.equal(again_tensors[name], tensor) for name, tensor in tensors.items())


def unsettle(module: nn.Module) -> None:
    """Move what starts at zeros and ones, so that no layer is without effect."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1 or not parameter.any():
                parameter.add_(torch.randn_like(parameter) * 0.1)
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.2)
                layer.running_var.uniform_(0.5, 2)
