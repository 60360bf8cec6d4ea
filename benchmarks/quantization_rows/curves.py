"""What fewer bits cost: weights alone, without training, from 8 bits down to 1.

The networks of `trained.py` on fashion-mnist's validation pictures. Schemes: the lecture's grid
(min to max of a tensor), symmetric grids a channel with the range of least error, k-means a tensor,
and at 1 bit the sign with one scale a filter (XNOR-Net's alpha). `draw` makes the pictures of docs.
"""

import argparse
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import harness
from featherweight.bench.quantization_plot import BitsPoint, draw_bits, draw_grids
from featherweight.functional.binarize import filter_scales, sign
from featherweight.functional.kmeans import kmeans, optimum
from featherweight.functional.uniform import (
    dequantize,
    grid_of,
    least_squares_grid,
    minmax_levels,
    quantize,
)
from featherweight.recipes import layers_with_weights
from featherweight.training import evaluate
from quantization_rows.kept import kept
from quantization_rows.trained import Bench

NETWORKS = ("lenet-5", "resnet-18")
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
LLOYD_STEPS = 100
WHOLE = (8, 4, 2)
"""Bits that the table prints."""


def lecture(weight: Tensor, num_bits: int) -> Tensor:
    levels, codes = minmax_levels(weight, num_bits)
    return levels[codes.long()]


def per_channel(weight: Tensor, num_bits: int) -> Tensor:
    rows = weight.flatten(1)
    grid = least_squares_grid(rows, num_bits)
    return dequantize(quantize(rows, grid), grid).reshape(weight.shape)


def shared(weight: Tensor, num_bits: int) -> Tensor:
    flat = weight.flatten().numpy()
    book, codes = kmeans(flat, 1 << num_bits, "density", max_iterations=LLOYD_STEPS)
    return torch.from_numpy(book[codes]).reshape(weight.shape)


def signs(weight: Tensor, num_bits: int) -> Tensor:
    del num_bits
    alpha = filter_scales(weight)
    return sign(weight) * alpha.reshape(-1, *[1] * (weight.ndim - 1))


SCHEMES: dict[str, tuple[Callable[[Tensor, int], Tensor], range]] = {
    "uniform, min to max (the lecture)": (lecture, range(1, 9)),
    "uniform a channel, least error": (per_channel, range(2, 9)),
    "k-means a tensor": (shared, range(1, 9)),
    "sign, a scale a filter": (signs, range(1, 2)),
}


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """Points lost at 8, 4 and 2 bits; the pictures, if all points are there."""
    bench = Bench(options.work)
    found, results = [], {}
    for network in NETWORKS:
        result = kept(f"curve-{network}", None if options.quick else measured(bench, network))
        if result is None:
            continue
        results[network] = result
        for point in result["points"]:
            if point["num_bits"] in WHOLE:
                title = f"{network}, weights of {point['num_bits']} bits, {point['series']}"
                lost = result["float32"] - point["top1"]
                error = f"{100 * point['error']:.2f} % of the norm is error"
                found.append(harness.Row(f"{title}: points lost", lost, "", error))
    if options.draw and len(results) == len(NETWORKS):
        draw(bench, results)
    return found


def measured(bench: Bench, network: str) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        module = bench.reference(network)
        points = [vars(point) for point in sweep(bench, module)]
        return {"float32": evaluate(module, bench.data, bench.data.val).top1, "points": points}

    return make


def sweep(bench: Bench, module: nn.Module) -> Iterator[BitsPoint]:
    for name, (scheme, bits) in SCHEMES.items():
        for num_bits in bits:
            small = copy.deepcopy(module)
            lost = total = 0.0
            for _, layer in layers_with_weights(small):
                weight = layer.get_parameter("weight").detach()
                rounded = scheme(weight, num_bits)
                lost += float((rounded - weight).double().square().sum())
                total += float(weight.double().square().sum())
                layer.get_parameter("weight").data.copy_(rounded)
            top1 = evaluate(small, bench.data, bench.data.val).top1
            yield BitsPoint(name, num_bits, (lost / total) ** 0.5, top1)


def draw(bench: Bench, results: dict[str, dict[str, Any]]) -> None:
    """docs/pictures/quantization-{grids,bits}.svg."""
    points = {name: [BitsPoint(**p) for p in result["points"]] for name, result in results.items()}
    float32 = {name: result["float32"] for name, result in results.items()}
    draw_bits(PICTURES / "quantization-bits.svg", points, float32)
    weight = dict(bench.reference("lenet-5").named_parameters())["conv2.weight"].detach()
    flat = weight.flatten().numpy()
    rows = weight.reshape(1, -1)
    levels = {"uniform, min to max (the lecture)": minmax_levels(weight, 4)[0].numpy()}
    for kind in ("symmetric", "affine"):
        grid = grid_of(rows, 4, kind)
        steps = torch.arange(grid.low, grid.high + 1)[None]
        levels[f"uniform, {kind}"] = dequantize(steps, grid)[0].numpy()
    best = least_squares_grid(rows, 4)
    steps = torch.arange(best.low, best.high + 1)[None]
    levels["uniform, symmetric, least error"] = dequantize(steps, best)[0].numpy()
    levels["k-means, linear start"] = kmeans(flat, 16)[0]
    levels["k-means, the optimum"] = optimum(flat, 16)[0]
    alpha = float(np.abs(flat).mean())
    levels["sign, one scale"] = np.array([-alpha, alpha], np.float32)
    title = "weights of LeNet-5's conv2 after training; lines: how often each value is used"
    draw_grids(PICTURES / "quantization-grids.svg", title, flat, levels)
