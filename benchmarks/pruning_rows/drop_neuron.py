"""Bar 3: DropNeuron on LeNet-300-100 and mnist5k, three seeds: neurons die, and are gone.

From the kept reference of each seed, trained on with the group penalties of incoming and outgoing
connections and L1 (proximal steps), then with what is zero held at zero. The teacher is the mean of
the references' logits. Dead neurons and unread pixels are removed from the matrices; the test top-1
is that of the smaller network.
`results/pruning/drop_neuron.jsonl` keeps one line a seed.
"""

import argparse
import json
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import harness
from featherweight.data import Dataset, load
from featherweight.pruning.dead_channels import remove_dead_channels
from featherweight.pruning.group_training import GroupConfig, GroupTraining
from featherweight.training import Distillation, TrainingConfig, evaluate, fit
from pruning_training import KEPT, reference

SEEDS = (0, 1, 2)
RESULTS = KEPT / "drop_neuron.jsonl"
MATRICES = KEPT / "drop_neuron-seed0.npz"
"""The second matrix of the first seed, before and after: what the picture shows."""
ROUNDS = 31
LAYERS = ("ip1", "ip2", "ip3")
TRAINING = TrainingConfig(
    epochs=720, batch_size=64, weight_decay=0.05, warmup=0.05, max_shift=2,
    distillation=Distillation(weight=0.9, temperature=4.0),
)  # fmt: skip
PENALTIES = GroupConfig(
    incoming=0.07, outgoing=0.65, l1=0.195, layers={"ip2": 0.3, "ip3": 0.2}, end=0.35
)
"""Chosen on validation pictures."""


class Ensemble(nn.Module):
    """The mean of the networks' logits."""

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([network(x) for network in self.networks]).mean(0)


def train(seed: int, data: Dataset) -> dict[str, Any]:
    """One seed: what is left, and what it is worth."""
    references = [reference(data, "lenet-300-100", seed).module for seed in SEEDS]
    teacher = Ensemble(references)
    module = reference(data, "lenet-300-100", seed).module
    before = module.get_parameter("ip2.weight").detach().clone()
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    constraint = GroupTraining(module, TRAINING, PENALTIES)
    fit(module, data, TRAINING, seed=seed, teacher=teacher, constraint=constraint)
    weights = [module.get_parameter(f"{name}.weight") for name in LAYERS]
    small = remove_dead_channels(module, torch.zeros(2, *data.shape)).module
    shapes = [list(small.get_parameter(f"{name}.weight").shape) for name in LAYERS]
    if seed == SEEDS[0]:
        np.savez_compressed(MATRICES, before=before.half(), after=weights[1].detach().half())
    neurons_before = [weights[0].shape[1], *(len(weight) for weight in weights)]
    neurons = [shapes[0][1], *(shape[0] for shape in shapes)]
    return {
        "seed": seed,
        "reference_top1": evaluate(references[seed], data, data.test).top1,
        "top1": evaluate(small, data, data.test).top1,
        "weights": sum(int((w != 0).sum()) for w in weights) / sum(w.numel() for w in weights),
        "neurons": sum(neurons) / sum(neurons_before),
        "shapes": shapes,
        "shapes_before": [list(weight.shape) for weight in weights],
    }


def products(shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(rows, columns, generator=generator) for rows, columns in shapes]


def speed(found: dict[str, Any], rounds: int) -> harness.Comparison:
    """The dense products of the smaller network against those of the whole one, at batch 1."""

    def pass_through(weights: list[Tensor]) -> None:
        for _ in range(100):
            x = torch.ones(weights[0].shape[1])
            for weight in weights:
                x = torch.mv(weight, x)

    ours, peer = products(found["shapes"]), products(found["shapes_before"])
    return harness.compare(lambda: pass_through(ours), lambda: pass_through(peer), rounds)


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """What is kept, and what is missing unless in a hurry."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    results: dict[int, dict[str, Any]] = {line["seed"]: line for line in map(json.loads, lines)}
    missing = [] if options.quick else [seed for seed in SEEDS if seed not in results]
    for seed in missing:
        results[seed] = train(seed, load("mnist5k"))
        with RESULTS.open("a") as file:
            file.write(json.dumps(results[seed]) + "\n")
    return _rows(list(results.values())) if results else []


def _rows(found: list[dict[str, Any]]) -> list[harness.Row]:
    def mean(key: str) -> float:
        return statistics.fmean(line[key] for line in found)

    weights, neurons = 100 * mean("weights"), 100 * mean("neurons")
    lost = mean("reference_top1") - mean("top1")
    with torch.no_grad():
        times = speed(max(found, key=lambda line: line["neurons"]), ROUNDS)
    title = f"mean of {len(found)} seeds"
    return [
        harness.Row(f"weights that are not zero, {title}", weights, "%", peer="paper 9.91 %, MNIST",
                    bar=12, met=weights <= 12),
        harness.Row(f"neurons, inputs counted, {title}", neurons, "%", peer="paper 58.29 %, MNIST",
                    bar=60, met=neurons <= 60),
        harness.Row(f"points of test top-1 lost, {title}", lost, "points",
                    peer=f"reference {mean('reference_top1'):.2f} %", bar=0, met=lost <= 0),
        harness.Row("dense products at batch 1, the largest of the networks", 1e4 * times.seconds,
                    "us", peer="the whole network", ratio=times.speedup(), p10=times.speedup(10),
                    p90=times.speedup(90), bar=2, met=times.speedup() >= 2),
    ]  # fmt: skip
