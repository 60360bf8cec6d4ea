"""Bar 5: channels, then weights, then shared values and Huffman: smaller than by each alone?

Of each way the strongest rung that loses at most the tolerance on validation; file sizes are means
over the seeds that `pruning_composition.py` has trained.
"""

import argparse
from statistics import mean
from typing import Any

import harness
from featherweight.units import format_bytes
from pruning_composition import plan, results

TOGETHER = "in-turn"


def rows(_: argparse.Namespace) -> list[harness.Row]:
    found = []
    for network in plan()["networks"]:
        chosen = {way: _chosen(network, way) for way in plan()["ways"]}
        if all(chosen.values()):
            found += _network_rows(network, chosen)
        elif lost := [line["val_lost"] for line in _lines(network, TOGETHER)]:
            name = f"{network}, {TOGETHER}: points lost by the gentlest rung"
            tolerance = plan()["tolerance"]
            found.append(harness.Row(name, min(lost), "points", bar=tolerance, met=False))
    return found


def _lines(network: str, way: str) -> list[dict[str, Any]]:
    return [r for r in results() if (r["network"], r["way"]) == (network, way)]


def _chosen(network: str, way: str) -> list[dict[str, Any]]:
    """By seed, the smallest file of those that lose no more than the tolerance on validation."""
    good = [line for line in _lines(network, way) if line["val_lost"] <= plan()["tolerance"]]
    by_seed: dict[int, dict[str, Any]] = {}
    for line in sorted(good, key=lambda line: -line["file_bytes"]):
        by_seed[line["seed"]] = line
    return list(by_seed.values())


def _network_rows(network: str, chosen: dict[str, list[dict[str, Any]]]) -> list[harness.Row]:
    alone = min(_size(lines) for way, lines in chosen.items() if way != TOGETHER)
    return [
        harness.Row(
            f"{network}, {way}: file",
            _size(lines) / 1000,
            "kB",
            _told(lines),
            ratio=alone / _size(lines) if way == TOGETHER else None,
            bar=alone / 1000 if way == TOGETHER else None,
            met=_size(lines) < alone if way == TOGETHER else None,
        )
        for way, lines in chosen.items()
    ]


def _size(lines: list[dict[str, Any]]) -> float:
    return mean(line["file_bytes"] for line in lines)


def _told(lines: list[dict[str, Any]]) -> str:
    before, after = (mean(line[key] for line in lines) for key in ("reference_top1", "top1"))
    rungs = sorted({"/".join(f"{value:g}" for value in line["rung"].values()) for line in lines})
    size = format_bytes(lines[0]["float32_bytes"])
    return f"{len(lines)} seeds, {' '.join(rungs)}: {before:.2f} -> {after:.2f} %, from {size}"
