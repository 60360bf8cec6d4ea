"""All methods at once, nothing retrained: LeNet-300-100 on mnist5k, test accuracy over density.

Bar 1: at 5 % of each layer's weights, second-order pruning loses less than half of what magnitude
loses. Densities are the same in all layers (`layer`), or one budget is shared by them (`global`).
"""

import argparse
import copy
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

import harness
from featherweight.data import Dataset, load
from featherweight.pruning import Amount, Method, Target, find_method, methods
from featherweight.recipes.prune_stage import calibration_pictures, prune_now
from featherweight.training import evaluate
from pruning_training import KEPT, plan, reference

DATA, NETWORK = "mnist5k", "lenet-300-100"
DENSITIES = (0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03)
SCOPES = ("layer", "global")
CALIBRATION = 1024
AT, SHARE_BAR = 0.05, 0.5


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """What each method loses at 5 %, and how that stands to magnitude's loss."""
    seeds = [result for seed in plan()["seeds"] if (result := _result(seed, options))]
    return [
        _row(seeds, method.name, scope)
        for scope in SCOPES
        for method in ranking()
        if not (method.is_global and scope == "layer")
    ]


def ranking() -> list[Method]:
    """The methods that a density can be asked of."""
    return [method for method in methods() if method.amount is Amount.DENSITY]


def curve(seeds: list[dict[str, Any]], method: str, scope: str) -> list[tuple[float, float]]:
    """(density, mean top-1 over the seeds), the whole network included."""
    whole = _mean([result["reference_top1"] for result in seeds])
    points = [(d, _mean([_top1(result, method, scope, d) for result in seeds])) for d in DENSITIES]
    return [(1.0, whole), *points]


def kept() -> list[dict[str, Any]]:
    """The results that are there, a seed each."""
    return [json.loads(_file(s).read_text()) for s in plan()["seeds"] if _file(s).exists()]


def _row(seeds: list[dict[str, Any]], method: str, scope: str) -> harness.Row:
    def lost(name: str) -> float:
        gaps = [r["reference_top1"] - _top1(r, name, scope, AT) for r in seeds]
        return _mean(gaps)

    ours, magnitude = lost(method), lost("magnitude")
    is_bar = method == "second-order"
    return harness.Row(
        f"{method}, {100 * AT:g} % {_SCOPE_WORDS[scope]}, not retrained: points lost",
        ours,
        "",
        f"magnitude loses {magnitude:.2f}, mean of {len(seeds)} seeds",
        ratio=magnitude / ours if ours > 0 else None,
        bar=SHARE_BAR * magnitude if is_bar else None,
        met=ours < SHARE_BAR * magnitude if is_bar else None,
    )


_SCOPE_WORDS = {"layer": "of each layer", "global": "of all weights"}


def _file(seed: int) -> Path:
    return KEPT / "at_once" / f"{DATA}-{NETWORK}-seed{seed}.json"


def _result(seed: int, options: argparse.Namespace) -> dict[str, Any] | None:
    """Read what is there; measure what is missing (about two minutes a seed)."""
    file = _file(seed)
    if file.exists():
        return json.loads(file.read_text())  # type: ignore[no-any-return]
    if options.quick:
        return None
    data = load(DATA)
    module = reference(data, NETWORK, seed).module.eval()
    points = []
    for method in ranking():
        for scope in SCOPES:
            if method.is_global and scope == "layer":
                continue
            print(NETWORK, seed, method.name, scope, file=sys.stderr)
            for density in DENSITIES:
                top1 = _pruned_top1(module, data, seed, (method.name, scope, density))
                points.append(
                    {"method": method.name, "scope": scope, "density": density, "top1": top1}
                )
    whole = evaluate(module, data, data.test).top1
    result = {"seed": seed, "reference_top1": whole, "points": points}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    return result


def _pruned_top1(
    module: nn.Module, data: Dataset, seed: int, asked: tuple[str, str, float]
) -> float:
    """Test accuracy of a copy that was pruned at once, by (method, scope, density)."""
    method, scope, density = asked
    network = copy.deepcopy(module)
    targets = {
        name: Target(density, method=method)
        for name, weight in network.named_parameters()
        if weight.dim() > 1
    }
    pictures = calibration_pictures([find_method(method)], data, CALIBRATION, seed)
    prune_now(network, targets, pictures, is_global=scope == "global", seed=seed)
    with torch.no_grad():
        return evaluate(network, data, data.test).top1


def _top1(result: dict[str, Any], method: str, scope: str, density: float) -> float:
    return next(
        float(p["top1"])
        for p in result["points"]
        if (p["method"], p["scope"], p["density"]) == (method, scope, density)
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
