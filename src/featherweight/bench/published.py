"""Published figures that ours stand beside; the figures themselves are data files."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml


@dataclass(frozen=True)
class PublishedRow:
    """One row of Deep Compression's Tables 2 to 5 (arXiv 1510.00149), as printed."""

    weights: str
    kept_percent: float
    weight_bits: float
    weight_bits_huffman: float
    index_bits: float
    index_bits_huffman: float
    rate_shared_percent: float
    rate_coded_percent: float


@dataclass(frozen=True)
class PublishedNetwork:
    """What the paper prints about one network."""

    reference_error: float
    compressed_error: float
    ratio: float
    layers: dict[str, PublishedRow]
    total: PublishedRow


@cache
def _tables() -> dict[str, PublishedNetwork]:
    file = resources.files("featherweight.bench") / "published" / "deep-compression.yaml"
    return {
        name: PublishedNetwork(
            reference_error=entry["error"][0],
            compressed_error=entry["error"][1],
            ratio=entry["ratio"],
            layers={layer: PublishedRow(*row) for layer, row in entry["layers"].items()},
            total=PublishedRow(*entry["total"]),
        )
        for name, entry in yaml.safe_load(file.read_text(encoding="utf-8")).items()
    }


def deep_compression(network: str) -> PublishedNetwork | None:
    """The paper's figures for a zoo name, if the paper has that network."""
    return _tables().get(network.partition(":")[0])
