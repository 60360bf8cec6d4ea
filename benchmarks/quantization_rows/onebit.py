"""Accuracy with one bit a weight on fashion-mnist: the same network, epochs and seeds.

All begin with fresh weights; `onebit_training.py` trains what is not kept in
`results/quantization/`. Loss is the real network's top-1 minus that of the same seed, in points;
p10 and p90 are the least and the most over the seeds.
"""

import argparse
from statistics import mean

import harness
from onebit_training import Trained, kept

BARS = {"bwn": 0.7, "xnor": 4.0, "reactnet": 2.5}
"""Points that may be lost at most, in the mean over the seeds."""


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """A row a network and scheme that is kept."""
    found: list[harness.Row] = []
    by_key = {(row.network, row.scheme, row.seed): row for row in kept()}
    for network in sorted({row.network for row in by_key.values()}):
        real = {row.seed: row for row in by_key.values() if _is(row, network, "real")}
        if not real:
            continue
        value = mean(row.test_top1 for row in real.values())
        name = f"{network}, real, {next(iter(real.values())).epochs} epochs"
        found.append(harness.Row(f"{name}: top-1", value, "%", f"{len(real)} seeds"))
        for scheme in sorted({row.scheme for row in by_key.values()} - {"real"}):
            pairs = [
                (real[row.seed], row)
                for row in by_key.values()
                if _is(row, network, scheme) and row.seed in real
            ]
            if pairs:
                found.append(_row(network, scheme, pairs))
    return found


def _is(row: Trained, network: str, scheme: str) -> bool:
    return row.network == network and row.scheme == scheme


def _row(network: str, scheme: str, pairs: list[tuple[Trained, Trained]]) -> harness.Row:
    lost = [real.test_top1 - binary.test_top1 for real, binary in pairs]
    bar = BARS.get(scheme)
    smaller = mean(real.file_bytes / binary.file_bytes for real, binary in pairs)
    return harness.Row(
        f"{network}, {scheme}: points lost",
        mean(lost),
        "points",
        peer=f"real, {len(pairs)} seeds; file {smaller:.1f}x smaller",
        p10=min(lost),
        p90=max(lost),
        bar=bar,
        met=None if bar is None else mean(lost) <= bar,
    )
