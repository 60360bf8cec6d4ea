"""One self-contained HTML file about one or more compressed networks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from featherweight.bench import plots
from featherweight.bench.on_machine import MachineChange
from featherweight.bench.on_machine_table import HEADERS, change_cells, change_line
from featherweight.bench.plots import DensityPoint
from featherweight.bench.published import PublishedNetwork
from featherweight.bench.tables import (
    CAPTION,
    COLUMNS,
    PAPER,
    format_count,
    layer_name,
    size_by_stage,
    table_cells,
)
from featherweight.extras import require
from featherweight.recipes.accounting import LayerRow
from featherweight.units import format_bytes

SIZE_CAPTION = (
    "Pruned, shared and Huffman are computed as the paper stores them; the file is what lies on "
    "the disk, all of it counted."
)


@dataclass(frozen=True, eq=False)
class NetworkReport:
    """What the report says about one network. What is empty or None is left out."""

    name: str
    data: str | None
    """Name of the data set on whose test split top-1 was measured."""
    rows: Sequence[LayerRow]
    params: int
    file_bytes: int
    reference_top1: float | None = None
    """Percent, as is `compressed_top1`."""
    compressed_top1: float | None = None
    published: PublishedNetwork | None = None
    weights: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)
    """Flat weights by stage ("after training", "after pruning", ...), then by layer."""
    sizes: Sequence[tuple[str, float]] = ()
    """(stage, bytes), the first uncompressed; empty: computed from the rows."""
    accuracy_by_density: Sequence[DensityPoint] = ()
    untouched: Sequence[tuple[str, int]] = ()
    """(name, bytes) of tensors that are stored as they are."""
    recipe: str = ""
    """As YAML."""
    notes: Sequence[str] = ()
    change: MachineChange | None = None
    """Before and after on this machine."""

    @property
    def float32_bytes(self) -> int:
        """Four bytes a parameter."""
        return 4 * self.params

    @property
    def compression_ratio(self) -> float:
        """float32 bytes of all parameters / all bytes of the file."""
        return self.float32_bytes / self.file_bytes


@dataclass(frozen=True, eq=False)
class ReportInput:
    """A whole report."""

    title: str
    networks: Sequence[NetworkReport]
    notes: Sequence[str] = ()
    """About all of them: the machine, the versions, the seeds."""


def render_report(report: ReportInput) -> str:
    """The report as HTML. It needs no other file and no network; names are escaped.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    jinja2 = require("jinja2", "torch")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["size"] = format_bytes
    environment.filters["count"] = format_count
    template = environment.from_string(
        (resources.files("featherweight.bench") / "templates" / "report.html.j2").read_text("utf-8")
    )
    text: str = template.render(
        report=report,
        columns=COLUMNS,
        caption=CAPTION,
        paper=PAPER,
        sections=[_section(network) for network in report.networks],
    )
    return text


def write_report(path: Path, report: ReportInput) -> None:
    """Write `render_report` to a file, whole or not at all."""
    text = render_report(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Figure:
    svg: str
    """Ours, so the template does not escape it: matplotlib escaped the names inside."""
    caption: str


def _section(network: NetworkReport) -> dict[str, Any]:
    """What the template needs beside the network itself: cells and figures."""
    return {
        "network": network,
        "cells": table_cells(network.rows, network.published),
        "figures": _figures(network),
        "change_headers": HEADERS,
        "change_cells": change_cells(network.change) if network.change else [],
        "change_line": change_line(network.change) if network.change else "",
        "histograms": [
            _Figure(
                plots.weight_histograms(f"{network.name} {layer}", stages),
                f"Distribution of the weights of {layer}.",
            )
            for layer, stages in _by_layer(network.weights).items()
        ],
    }


def _figures(network: NetworkReport) -> list[_Figure]:
    figures = []
    if network.rows:
        mark = " The upright mark is the paper's share." if network.published else ""
        caption = f"Remaining parameters in the layers.{mark}"
        figures.append(_Figure(plots.remaining_parameters(_bars(network)), caption))
        sizes = network.sizes or size_by_stage(network.rows, network.params, network.file_bytes)
        caption = "Size by stage." if network.sizes else f"Size by stage. {SIZE_CAPTION}"
        figures.append(_Figure(plots.size_bars(sizes), caption))
    if network.accuracy_by_density:
        caption = "Accuracy by density. The dashed line is the whole network."
        figures.append(_Figure(plots.accuracy_by_density(network.accuracy_by_density), caption))
    return figures


def _bars(network: NetworkReport) -> list[plots.Remaining]:
    """One bar a layer. Biases have none where there are weights: they are never pruned."""
    published = network.published.layers if network.published else {}
    weights = [row for row in network.rows if row.name.endswith(".weight")]
    bars = []
    for row in weights or network.rows:
        name = layer_name(row.name)
        percent = published[name].kept_percent if name in published else None
        bars.append(plots.Remaining(name, row.params, row.kept, percent))
    return bars


def _by_layer(
    weights: Mapping[str, Mapping[str, NDArray[Any]]],
) -> dict[str, dict[str, NDArray[Any]]]:
    """Stage -> layer turned into layer -> stage, in the order of the first stage."""
    layers = list(next(iter(weights.values()), {}))
    return {
        layer: {stage: by_layer[layer] for stage, by_layer in weights.items() if layer in by_layer}
        for layer in layers
    }
