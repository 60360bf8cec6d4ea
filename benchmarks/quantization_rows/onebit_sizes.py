"""What is left of AlexNet and VGG-16 with one bit a weight: all bytes of the file, fresh weights.

The formula counts a bit for each binary weight and four bytes for all else that the file holds
(scales, biases, real layers); what the file has beyond it is graph, names and checksums.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from torch import nn

import harness
from featherweight import container, zoo
from featherweight.binarization import binarize, binary_layers
from featherweight.recipes.pack import example_input, pack
from featherweight.zoo.registry import entry

NETWORKS = ("alexnet", "alexnet-torchvision", "vgg-16")
BAR = 30.0
AGREEMENT_BAR = 1.0


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """All rows; `--quick` has AlexNet alone, whose 61 million weights take seconds."""
    found: list[harness.Row] = []
    for name in NETWORKS[:1] if options.quick else NETWORKS:
        torch.manual_seed(0)
        with torch.no_grad():
            network = zoo.create(name).eval()
        for scheme in ("bwn", "xnor"):
            found += _rows(name, network, scheme)
    return found


def _rows(name: str, network: nn.Module, scheme: str) -> list[harness.Row]:
    float_bytes = 4 * sum(p.numel() for p in network.parameters())
    found: list[harness.Row] = []
    for keep in (False, True):
        file_bytes, formula = _bytes(network, scheme, entry(name).input_shape, keep)
        which = "first and last layer real" if keep else "every layer binary"
        ratio = float_bytes / file_bytes
        bar = None if keep else BAR
        found.append(
            harness.Row(
                f"{name}, {scheme}, {which}", file_bytes / 1e6, "MB",
                peer=f"float32, {float_bytes / 1e6:.1f} MB",
                ratio=ratio, bar=bar, met=None if bar is None else ratio >= bar,
            )
        )  # fmt: skip
        off = 100 * (file_bytes / formula - 1)
        if not keep:
            found.append(
                harness.Row(
                    f"{name}, {scheme}, {which}: file above formula", off, "%",
                    peer=f"formula, {formula / 1e6:.3f} MB", bar=AGREEMENT_BAR,
                    met=abs(off) <= AGREEMENT_BAR,
                )
            )  # fmt: skip
    return found


def _bytes(
    network: nn.Module, scheme: str, shape: tuple[int, ...], keep_first_last: bool
) -> tuple[int, float]:
    """Of the file, and as the formula has it."""
    converted = binarize(network, scheme, keep_first_last=keep_first_last).eval()
    packed = pack(converted, example_input(shape), {}, {})
    signs = {f"{layer}.weight" for layer in binary_layers(converted)}
    formula = sum(
        tensor.elements / 8 if name in signs else 4 * tensor.elements
        for name, tensor in packed.tensors.items()
    )
    with tempfile.TemporaryDirectory() as folder:
        written = container.write(Path(folder) / "network.fwt", packed)
    return written.file_bytes, formula
