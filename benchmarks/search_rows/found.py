"""Bar 2: what the search found against MobileNetV2 and ShuffleNet, trained the same way."""

from pathlib import Path

import numpy as np

from featherweight.bench.model_profile import profile
from featherweight.bench.tradeoff_plot import plot_tradeoffs
from featherweight.bench.tradeoffs import TradeOff, native_latencies_ms, trade_off
from harness import Row
from search_found import SHAPE, build, kept_rows, plan

POINTS, SHARE = 0.5, 0.6
"""Better by so many points at the same latency, or as good at so much of the latency."""
SAME = 1.05
"""Two latencies within 5 % are the same."""


def measured(rounds: int) -> list[TradeOff]:
    """Each network with its mean test accuracy over seeds; latencies are taken in turns."""
    kept = kept_rows()
    seeds = {row.name: [r.test_top1 for r in kept if r.name == row.name] for row in kept}
    networks = {row.name: row for row in kept}
    modules = {name: build(row.spec).eval() for name, row in networks.items()}
    latencies = native_latencies_ms([(m, SHAPE, None) for m in modules.values()], rounds, 1)
    found = []
    for (name, module), latency in zip(modules.items(), latencies, strict=True):
        cost = profile(module, SHAPE)
        found.append(
            trade_off(
                name,
                cost,
                None,
                top1=float(np.mean(seeds[name])),
                top1_source=f"fashion-mnist, test, mean of {len(seeds[name])} seeds",
                latency_ms=latency,
                file_bytes=4 * cost.kept_params,
                series=networks[name].series,
            )
        )
    return found


def rows(networks: list[TradeOff]) -> list[Row]:
    """Every network found against every peer of its latency or more.

    The bar is for the winner of the search, against each family's setting nearest to it.
    """
    winner = next(iter(plan()["found"]))
    compared = []
    for ours in (network for network in networks if network.series == "found"):
        judged = set() if ours.name == winner else {"MobileNetV2", "ShuffleNet"}
        for peer in sorted(networks, key=lambda network: network.latency_ms or 0.0):
            assert ours.top1 and peer.top1 and ours.latency_ms and peer.latency_ms
            points, share = ours.top1 - peer.top1, ours.latency_ms / peer.latency_ms
            if peer.series == "found" or share > SAME:
                continue
            family = peer.name.split()[0]
            is_judged = family not in judged
            judged.add(family)
            is_better = points >= POINTS or (points >= 0.0 and share <= SHARE)
            compared.append(
                Row(
                    f"{ours.name}, {ours.top1:.2f} % in {ours.latency_ms:.3f} ms: points above",
                    points, "points", f"{peer.name}, {peer.top1:.2f} %, {peer.latency_ms:.3f} ms",
                    1 / share, bar=POINTS if is_judged else None,
                    met=is_better if is_judged else None,
                )
            )  # fmt: skip
    return compared


def plot(networks: list[TradeOff], path: Path) -> None:
    """Accuracy against native latency."""
    plot_tradeoffs(
        networks, path, costs=("latency_ms",),
        title=f"fashion-mnist at 28x28, {plan()['epochs']} epochs each (bubbles: parameters)",
    )  # fmt: skip
