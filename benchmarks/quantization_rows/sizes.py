"""Bar 1: what AlexNet and VGG-16 weigh, all bytes of the file counted.

The networks are fresh: what is packed, not entropy-coded, does not depend on the weights. So the
file is compared with the formula of each scheme, which counts codebooks or scales, and biases in
float32. Entropy coding, which trained weights gain from, is on by default outside of this script.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

import harness
from featherweight.functional.coding_length import shared_bits, uniform_bits
from featherweight.quantization import UniformConfig
from featherweight.recipes import LayerRule, Recipe, compress, layers_with_weights
from featherweight.recipes.recipe import SharingStage, UniformStage
from featherweight.weight_sharing import SharingConfig
from featherweight.zoo import create
from featherweight.zoo.registry import entry
from quantization_rows.kept import kept

NETWORKS = ("alexnet", "vgg-16")
SCHEMES = {"8-bit uniform": (8, "uniform", 3.9), "32 clusters": (5, "kmeans", 6.3)}
FORMULA_BAR = 0.01
LLOYD_STEPS = 10
"""The size does not depend on where the centroids are."""


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """A row a network and scheme, and one on how far formula and file are apart."""
    found = []
    for network in NETWORKS:
        for scheme, (num_bits, kind, bar) in SCHEMES.items():
            name = f"size-{network}-{scheme.replace(' ', '-')}"
            is_long = options.quick and network != NETWORKS[0]
            make = None if is_long else (lambda n=network, b=num_bits, k=kind: measured(n, b, k))
            result = kept(name, make)
            if result is None:
                continue
            ratio = result["float32_bytes"] / result["file_bytes"]
            apart = abs(result["formula_bytes"] / result["file_bytes"] - 1)
            size = f"{result['file_bytes'] / 1e6:.2f} MB of {result['float32_bytes'] / 1e6:.1f}"
            title = f"{network}, {scheme}"
            found += [
                harness.Row(f"{title}: times smaller", ratio, "x", size, bar=bar, met=ratio >= bar),
                harness.Row(
                    f"{title}: formula against file",
                    100 * apart,
                    "%",
                    bar=100 * FORMULA_BAR,
                    met=apart <= FORMULA_BAR,
                ),
            ]
    return found


def measured(name: str, num_bits: int, kind: str) -> dict[str, Any]:
    """Bytes of the file and of the formula."""
    torch.manual_seed(0)
    module = create(name).eval()
    recipe = Recipe(
        f"{kind}-{num_bits}",
        (LayerRule("*", num_bits=num_bits, scheme=kind),),  # type: ignore[arg-type]
        sharing=SharingStage(clusters=SharingConfig(max_iterations=LLOYD_STEPS)),
        uniform=UniformStage(UniformConfig(activations="float32")),
        coder="packed",
    )
    bits = 0.0
    for _, layer in layers_with_weights(module):
        weight = layer.get_parameter("weight")
        if kind == "uniform":
            bits += uniform_bits(weight.numel(), num_bits, scales=len(weight))
        else:
            bits += shared_bits(weight.numel(), 1 << num_bits)
    params = sum(p.numel() for p in module.parameters())
    weights = sum(layer.get_parameter("weight").numel() for _, layer in layers_with_weights(module))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.fwt"
        done = compress(module, recipe, None, file, input_shape=entry(name).input_shape)
    return {
        "float32_bytes": done.float32_bytes,
        "file_bytes": done.file_bytes,
        "formula_bytes": (bits + 32 * (params - weights)) / 8,
    }
