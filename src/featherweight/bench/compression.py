"""What is shown of one compression: a section of the report, and a table in the terminal."""

import copy

import torch
from rich.console import Console
from torch import nn

from featherweight.bench.on_machine import MachineChange
from featherweight.bench.on_machine_table import change_line, change_table
from featherweight.bench.plots import DensityPoint
from featherweight.bench.published import deep_compression
from featherweight.bench.report import NetworkReport
from featherweight.bench.tables import channel_table, coupled_layers, layer_table
from featherweight.data import Dataset
from featherweight.functional.pruning import magnitude_mask
from featherweight.recipes import Compression, Recipe, layers_with_weights, to_yaml
from featherweight.training import evaluate
from featherweight.units import format_bytes

DENSITIES = (1.0, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03)
_STAGES = {
    "trained": "training",
    "pruned": "pruning",
    "shared": "sharing",
    "quantized": "quantization",
}


def density_curve(module: nn.Module, data: Dataset) -> list[DensityPoint]:
    """Top-1 on validation when each layer is cut to the same density and not retrained.

    It shows what retraining is for; the compressed network's own point stands far above it.
    """
    points = []
    for density in DENSITIES:
        cut = copy.deepcopy(module)
        with torch.no_grad():
            for _, layer in layers_with_weights(cut):
                weight = layer.get_parameter("weight")
                weight.mul_(magnitude_mask(weight, density))
        top1 = evaluate(cut, data, data.val).top1
        points.append(DensityPoint(density, top1, "cut at once, not retrained"))
    return points


def network_report(
    name: str,
    reference: nn.Module,
    recipe: Recipe,
    result: Compression,
    data: Dataset | None,
    *,
    change: MachineChange | None = None,
) -> NetworkReport:
    """The report's section on one compression, with the paper's figures where it has them."""
    curve: list[DensityPoint] = []
    if data is not None:
        curve = density_curve(reference, data)
        kept = sum(row.kept for row in result.rows if row.name.endswith(".weight"))
        total = sum(row.params for row in result.rows if row.name.endswith(".weight"))
        top1 = evaluate(result.module, data, data.val).top1
        curve.append(DensityPoint(kept / total, top1, f"by {recipe.name}"))
    return NetworkReport(
        name=name,
        data=data.name if data else None,
        rows=result.rows,
        params=result.params,
        file_bytes=result.file_bytes,
        reference_top1=result.reference.top1 if result.reference else None,
        compressed_top1=result.compressed.top1 if result.compressed else None,
        published=deep_compression(name),
        weights={
            f"after {_STAGES[stage]}": {layer: weight.numpy() for layer, weight in layers.items()}
            for stage, layers in result.weights.items()
        },
        accuracy_by_density=curve,
        untouched=result.untouched,
        notes=[
            f"{coupled_layers(group)}: {group.before} channels, {group.after} of them left"
            for group in result.removed
            if group.after < group.before
        ],
        recipe=to_yaml(recipe),
        change=change,
    )


def print_compression(name: str, result: Compression, change: MachineChange | None = None) -> None:
    """Print the layer table, what changed on this machine, and the sum of both in a line each."""
    console = Console()
    published = deep_compression(name)
    console.print(layer_table(name, result.rows, published, console.width))
    line = (
        f"[bold]{name}[/bold]: {format_bytes(result.float32_bytes)} -> "
        f"{format_bytes(result.file_bytes)}, [bold]{result.compression_ratio:.1f}x[/bold]"
    )
    if published is not None:
        line += f" (paper {published.ratio:g}x)"
    if result.reference is not None and result.compressed is not None:
        line += (
            f"; top-1 error {100 - result.reference.top1:.2f} % -> "
            f"{100 - result.compressed.top1:.2f} %"
        )
    console.print(line)
    if result.removed:
        console.print(channel_table(result.removed))
    if change is not None:
        console.print(change_table(name, change))
        console.print(change_line(change), highlight=False)
    console.print(f"the file decodes to the network's own logits, bit for bit: {result.file}")
