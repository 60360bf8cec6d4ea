"""The networks that `networks.py` times: each as it is compressed, and as the peer gets it.

Weights and batch-norm statistics are random; pruned are the weights of least magnitude.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from featherweight import zoo
from featherweight.container import Network
from featherweight.functional.patterns import block_mask, n_of_m_mask, unstructured_mask
from featherweight.nn import XnorConv2d, XnorLinear
from featherweight.quantization import fold_batch_norm, measure_ranges, quantize
from featherweight.recipes import Settings, find_recipe
from featherweight.recipes.pack import pack
from featherweight.recipes.prune_stage import prune_stage
from featherweight.recipes.stages import share_stage
from featherweight.weight_sharing import SharingConfig, share

Mask = Callable[[Tensor], Tensor]
Make = Callable[[nn.Module, Tensor], Network]


@dataclass(frozen=True)
class Case:
    """One network in one form, and the least that it must reach."""

    network: str
    form: str
    make: Make
    bar: float | None = None
    """Times as fast as the peer."""
    is_binary: bool = False
    """The peer, which has no such layers, runs the network in float32."""
    peer_int8: bool = False
    """The peer runs it in 8 bits too, made by its own tool."""
    largest_file: float | None = None
    """Bytes of the file."""
    smallest_part: float | None = None
    """float32 bytes / resident bytes of the weights."""
    is_quick: bool = False

    @property
    def name(self) -> str:
        return f"{self.network}, {self.form}"


@cache
def module(name: str) -> nn.Module:
    """The network with batch-norm statistics that differ from channel to channel."""
    torch.manual_seed(0)
    made = zoo.create(name).eval()
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return made


def example(name: str) -> Tensor:
    size = 227 if name == "alexnet" else 224
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))


def dense(network: nn.Module, x: Tensor) -> Network:
    return pack(network, x, {}, {})


def int8(network: nn.Module, x: Tensor) -> Network:
    folded = fold_batch_norm(dense(network, x))
    return quantize(folded, measure_ranges(folded, [x]))


def pruned(masks: Mapping[type[nn.Module], Mask]) -> Make:
    """All layers of these types cut by these masks, but the first one of the network."""

    def make(network: nn.Module, x: Tensor) -> Network:
        network = copy.deepcopy(network)
        _cut(network, masks)
        return dense(network, x)

    return make


def _layers(network: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def _cut(network: nn.Module, masks: Mapping[type[nn.Module], Mask]) -> list[str]:
    cut = []
    for name, layer in _layers(network)[1:]:
        mask = masks.get(type(layer))
        if mask is not None and not (isinstance(layer, nn.Conv2d) and _is_depthwise(layer)):
            with torch.no_grad():
                layer.weight.mul_(mask(layer.weight.abs()))
            cut.append(f"{name}.weight")
    return cut


def _is_depthwise(layer: nn.Conv2d) -> bool:
    return layer.groups > 1 and layer.groups == layer.in_channels


def blocks(density: float) -> Mask:
    return lambda scores: block_mask(scores, density, 4)


def unstructured(density: float) -> Mask:
    return lambda scores: unstructured_mask(scores, density)


def deep_compressed(name: str) -> Make:
    """By the paper's densities and bits, arXiv 1510.00149, Tables 4 and 5."""

    def make(network: nn.Module, x: Tensor) -> Network:
        recipe, settings = find_recipe("deep-compression", name), Settings()
        small = copy.deepcopy(network)
        prune_stage(small, network, recipe, None, settings)
        shared = share_stage(small, network, recipe, None, settings)
        return pack(small, x, shared, {})

    return make


def patterned(network: nn.Module, x: Tensor) -> Network:
    """2 of 16 in linear layers, 16 values a layer; 4x1 blocks at the paper's density before."""
    network = copy.deepcopy(network)
    linear = {nn.Linear: lambda scores: n_of_m_mask(scores, 2, 16)}
    _cut(network, {nn.Conv2d: blocks(0.37)})
    shared = {}
    for name in _cut(network, linear):
        weight = network.get_parameter(name)
        shared[name] = share(weight, weight != 0, 4, SharingConfig())
        with torch.no_grad():
            weight.copy_(shared[name].weight)
    return pack(network, x, shared, {})


def xnor(last_bits: int = 32) -> Make:
    """All layers but the first and the last one binary, inputs too (XNOR-Net, scale maps)."""

    def make(network: nn.Module, x: Tensor) -> Network:
        network = copy.deepcopy(network)
        names = [name for name, _ in _layers(network)]
        for name in names[1:-1]:
            parent = network.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], _binary(network.get_submodule(name)))
        packed = dense(network, x)
        if last_bits == 32:
            return packed
        last = [f"{names[-1]}.weight"]
        values = [node.inputs[0] for node in packed.graph.nodes if last[0] in node.inputs]
        return quantize(packed, measure_ranges(packed, [x], values=values), layers=last)

    return make


def _binary(layer: nn.Module) -> nn.Module:
    new: nn.Module
    if isinstance(layer, nn.Linear):
        new = XnorLinear(layer.in_features, layer.out_features, scale_map=True)
    else:
        new = XnorConv2d(
            layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride,
            layer.padding, bias=layer.bias is not None, scale_map=True,
        )  # fmt: skip
    new.load_state_dict(layer.state_dict())
    return new.eval()


_CONV_90 = {nn.Conv2d: blocks(0.1)}
CASES = (
    Case("resnet-18", "dense", dense, 0.85, is_quick=True),
    Case("mobilenet-v1", "dense", dense, 0.8, is_quick=True),
    Case("mobilenet-v2", "dense", dense, 0.8, is_quick=True),
    Case("resnet-18", "int8", int8, 0.8, peer_int8=True, is_quick=True),
    Case("mobilenet-v1", "int8", int8, 0.8, peer_int8=True),
    Case("mobilenet-v2", "int8", int8, 0.8, peer_int8=True),
    Case("mobilenet-v1", "1x1 at 10 % in 4x1 blocks", pruned(_CONV_90), 2.0, is_quick=True),
    Case("resnet-18", "10 % in 4x1 blocks", pruned(_CONV_90), 2.5, is_quick=True),
    Case("resnet-18", "10 % unstructured", pruned({nn.Conv2d: unstructured(0.1)}), 2.0),
    Case(
        "alexnet", "deep-compressed", deep_compressed("alexnet"), 2.5,
        largest_file=7.1e6, smallest_part=12,
    ),
    Case("alexnet", "2:16 linear, 4x1 blocks in convolutions", patterned, 4.0),
    Case("resnet-18", "XNOR", xnor(), 4.5, is_binary=True, is_quick=True),
    Case(
        "alexnet-torchvision", "XNOR, last layer real", xnor(), 5.0,
        is_binary=True, smallest_part=10,
    ),
    Case(
        "alexnet-torchvision", "XNOR, last layer in 8 bits", xnor(8), 5.0,
        is_binary=True, smallest_part=20,
    ),
    Case("vgg-16", "deep-compressed", deep_compressed("vgg-16")),
    Case("vgg-16", "dense", dense),
    Case("alexnet", "dense", dense),
    Case("squeezenet-1.0", "dense", dense),
    Case("shufflenet-v1", "dense", dense),
)  # fmt: skip
