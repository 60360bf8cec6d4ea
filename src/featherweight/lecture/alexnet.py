"""The lecture's table of AlexNet's layers, ours beside it.

"AlexNet - 60 Million Parameters = 240 MB": the slide counts weights without biases. Its conv4 has
1.3M weights, which is the layer without its two groups; with them it is 663K, as in Deep
Compression's Table 4, and as the slide's own 112M multiply-adds say. Both are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from featherweight.measure import LayerCost, Profile

_UNITS = {"K": 1e3, "M": 1e6}


@dataclass(frozen=True)
class AlexNetRow:
    """One layer: ours, and what the slide prints."""

    name: str
    weights: int
    """Without biases."""
    ungrouped_weights: int
    """The same layer if its groups saw all channels."""
    macs: int
    slide_params: str
    slide_macs: str
    slide_is_ungrouped: bool

    @property
    def agrees(self) -> bool:
        """Whether ours is the slide's within one unit of its last digit."""
        weights = self.ungrouped_weights if self.slide_is_ungrouped else self.weights
        return _within(weights, self.slide_params) and _within(self.macs, self.slide_macs)


def alexnet_rows(profile: Profile) -> list[AlexNetRow]:
    """Return the slide's rows for a network with its layers; empty for any other."""
    table = _table()["layers"]
    layers = {layer.name: layer for layer in profile.layers if layer.name in table}
    if layers.keys() != table.keys():
        return []
    return [_row(layers[name], printed) for name, printed in table.items()]


def print_alexnet(rows: list[AlexNetRow], profile: Profile) -> None:
    """Print ours and the slide's side by side, and what the slide counts in another way."""
    table = Table(title="The lecture's AlexNet", box=SIMPLE_HEAD, pad_edge=False)
    for title in ("layer", "weights", "slide", "multiply-adds", "slide", "agrees"):
        table.add_column(title, justify="left" if title == "layer" else "right")
    for row in rows:
        weights = f"{row.weights:,}"
        if row.slide_is_ungrouped:
            weights += f" ({row.ungrouped_weights:,} without groups)"
        agrees = "yes" if row.agrees else "[red]no[/red]"
        table.add_row(row.name, weights, row.slide_params, f"{row.macs:,}", row.slide_macs, agrees)
    total = _table()["total"]
    table.add_row(
        "all, with biases",
        f"{profile.params:,}",
        total["params"],
        f"{profile.dense_macs:,}",
        "",
        "",
    )
    table.caption = (
        f"{4 * profile.params / 1e6:.0f} MB in float32 (slide: {total['bytes']}). The slide counts "
        "weights without biases and cuts digits off. Its conv4 has the weights of the layer "
        "without its two groups, but the multiply-adds of the layer with them."
    )
    Console().print(table)


def _row(layer: LayerCost, printed: Mapping[str, str]) -> AlexNetRow:
    product = layer.product
    assert product is not None  # The table has convolutions and linear layers only.
    weights = product.repeats * product.inner * product.columns
    return AlexNetRow(
        name=layer.name,
        weights=weights,
        ungrouped_weights=weights * product.repeats,
        macs=layer.dense_macs,
        slide_params=printed["params"],
        slide_macs=printed["macs"],
        slide_is_ungrouped=printed.get("groups") == "ungrouped",
    )


def _within(value: float, printed: str) -> bool:
    digits, unit = printed[:-1], _UNITS[printed[-1]]
    last = unit * 10.0 ** -len(digits.partition(".")[2])
    return abs(value - float(digits) * unit) < last


@cache
def _table() -> Mapping[str, Any]:
    file = resources.files("featherweight.lecture") / "alexnet.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
