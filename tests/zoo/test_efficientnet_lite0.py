"""EfficientNet-Lite0: TensorFlow's padding at even sizes, and the names of published weights."""

import torch
from torch.nn import functional

from featherweight.zoo import create
from featherweight.zoo.efficientnet_lite0 import from_published


def test_strided_layers_pad_as_tensorflow_does() -> None:
    torch.manual_seed(0)
    stem = create("efficientnet-lite0").eval().stem
    x = torch.randn(1, 3, 224, 224)
    weight = stem.conv.weight
    wanted = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), weight, stride=2)
    with torch.no_grad():
        assert torch.equal(stem[:2](x), wanted)
    assert stem.norm.eps == 1e-3


def test_published_names_are_ours() -> None:
    network = create("efficientnet-lite0")
    published = {
        "stem.conv": "_conv_stem",
        "stem.norm": "_bn0",
        "last.conv": "_conv_head",
        "last.norm": "_bn1",
        "classifier": "_fc",
        "expand.conv": "_expand_conv",
        "expand.norm": "_bn0",
        "depthwise.conv": "_depthwise_conv",
        "depthwise.norm": "_bn1",
        "project.conv": "_project_conv",
        "project.norm": "_bn2",
    }
    theirs = {}
    for name, tensor in network.state_dict().items():
        path, _, leaf = name.rpartition(".")
        block = ".".join(path.split(".")[:2]) + "." if path.startswith("blocks.") else ""
        prefix = block.replace("blocks", "_blocks")
        theirs[f"{prefix}{published[path.removeprefix(block)]}.{leaf}"] = tensor
    assert len(theirs) == 296 and "_blocks.15._bn2.running_var" in theirs
    network.load_state_dict(from_published(theirs))
