"""Bar 1: are Optimal Brain Damage's saliencies right?

Exact where the recursion is (squared error, linear output, one hidden layer), against the whole
Hessian. On LeNet-300-100 against what the loss grows by when one weight is removed, by rank, for
weights drawn at random: at a minimum of the loss, which is what the method assumes (squared error,
as in the paper, brought to its minimum by L-BFGS on 1000 pictures), and for the trained reference,
which is at no minimum: there what a removal changes is mostly of first order, up or down.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

import harness
from featherweight.data import Dataset, load
from featherweight.functional.saliency import brain_damage_saliency
from featherweight.pruning import Calibration
from featherweight.pruning.optimal_brain_damage import diagonal_by_recursion
from pruning_training import KEPT, plan, reference

EXACT_BAR, RANK_BAR = 1e-4, 0.8
DATA, NETWORK = "mnist5k", "lenet-300-100"
PICTURES, DRAWN, ITERATIONS = 1000, 1000, 400
Loss = Callable[[Tensor], Tensor]


def rows(options: argparse.Namespace) -> list[harness.Row]:
    found = [_exact_row(kind) for kind in ("tanh", "sigmoid")]
    seeds = [result for seed in plan()["seeds"] if (result := _ranks(seed, options))]
    if seeds:
        found += [
            _rank_row(seeds, "minimum", "at a minimum of squared error", RANK_BAR),
            _rank_row(seeds, "reference", "at the trained reference (no minimum)", None),
        ]
    return found


def _exact_row(kind: str) -> harness.Row:
    error = max(exact_error(kind, seed) for seed in plan()["seeds"])
    return harness.Row(
        f"h of a {kind} network, f'' included: largest relative error",
        error,
        "",
        "the whole Hessian in float64, 3 seeds",
        bar=EXACT_BAR,
        met=error <= EXACT_BAR,
    )


def exact_error(kind: str, seed: int) -> float:
    """Of saliencies, relative to the largest of their layer."""
    torch.manual_seed(seed)
    activation: nn.Module = nn.Tanh() if kind == "tanh" else nn.Sigmoid()
    module = nn.Sequential(nn.Linear(16, 20), activation, nn.Linear(20, 5)).double()
    x, target = torch.randn(64, 16).double(), torch.randn(64, 5).double()
    found = diagonal_by_recursion(module, Calibration(x, target), "squared-error")
    worst = 0.0
    for name, value in found.items():
        weight = module.get_parameter(name).detach()
        exact = brain_damage_saliency(weight, _hessian_diagonal(module, name, x, target))
        error = (brain_damage_saliency(weight, value) - exact).abs().max() / exact.abs().max()
        worst = max(worst, float(error))
    return worst


def _hessian_diagonal(module: nn.Module, name: str, x: Tensor, target: Tensor) -> Tensor:
    weight = module.get_parameter(name).detach()

    def error(flat: Tensor) -> Tensor:
        outputs = functional_call(module, {name: flat.view(weight.shape)}, (x,))
        return 0.5 * (outputs - target).square().sum(1).mean()

    hessian = torch.autograd.functional.hessian(error, weight.flatten())
    return hessian.diagonal().view(weight.shape)


def _rank_row(seeds: list[dict[str, Any]], key: str, where: str, bar: float | None) -> harness.Row:
    def mean(name: str) -> float:
        return sum(result[key][name] for result in seeds) / len(seeds)

    ours = mean("optimal-brain-damage")
    return harness.Row(
        f"saliency and true loss increase of {NETWORK} {where}: rank correlation",
        ours,
        "",
        f"magnitude {mean('magnitude'):.2f}; loss falls for {100 * mean('falls'):.0f} % of the "
        f"{DRAWN} weights; {len(seeds)} seeds",
        ratio=ours / mean("magnitude"),
        bar=bar,
        met=None if bar is None else ours > bar,
    )


def _ranks(seed: int, options: argparse.Namespace) -> dict[str, Any] | None:
    """Read what is there; compute what is missing (about two minutes a seed)."""
    file = KEPT / "brain_damage" / f"{DATA}-{NETWORK}-seed{seed}.json"
    if file.exists():
        return json.loads(file.read_text())  # type: ignore[no-any-return]
    if options.quick:
        return None
    data = load(DATA)
    x = data.normalize(data.train.images[:PICTURES]).double()
    labels = data.train.labels[:PICTURES]
    target = F.one_hot(labels, len(data.class_names)).double()

    def squared(outputs: Tensor) -> Tensor:
        return 0.5 * (outputs - target).square().sum(1).mean()

    at_minimum = _fresh(data, seed)
    gradient = _descend(at_minimum, x, squared)
    trained = reference(data, NETWORK, seed).module.double().eval()
    result = {
        "seed": seed,
        "minimum": _compare(at_minimum, Calibration(x, target), squared, "squared-error", seed)
        | {"gradient": gradient},
        "reference": _compare(
            trained, Calibration(x, labels), lambda o: F.cross_entropy(o, labels),
            "cross-entropy", seed,
        ),
    }  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    return result


def _fresh(data: Dataset, seed: int) -> nn.Module:
    from featherweight.zoo import resolve

    network = resolve(NETWORK, seed=seed, shape=data.shape, num_classes=len(data.class_names))
    return network.module.double().eval()


def _descend(module: nn.Module, x: Tensor, loss: Loss) -> float:
    """Bring the loss to its minimum; returns the norm of the gradient that is left."""
    parameters = list(module.parameters())
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=ITERATIONS, max_eval=10**6, history_size=30,
        line_search_fn="strong_wolfe", tolerance_grad=1e-12, tolerance_change=1e-18,
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(module(x))
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    squares = [float(p.grad.square().sum()) for p in parameters if p.grad is not None]
    return sum(squares) ** 0.5


def _compare(
    module: nn.Module, calibration: Calibration, loss: Loss, kind: Any, seed: int
) -> dict[str, float]:
    """Rank correlations with the true increase, over weights whose input ever varies."""
    derivatives = diagonal_by_recursion(module, calibration, kind, with_curvature=False)
    weights = {name: module.get_parameter(name).detach() for name in derivatives}
    places = [
        (name, index)
        for name, h in derivatives.items()
        for index in (h.flatten() > 0).nonzero().flatten().tolist()
    ]
    generator = torch.Generator().manual_seed(seed)
    drawn = [places[i] for i in torch.randperm(len(places), generator=generator)[:DRAWN].tolist()]
    increases = torch.tensor(_increases(module, calibration.inputs, loss, drawn))
    scores = {
        "optimal-brain-damage": {
            n: brain_damage_saliency(weights[n], derivatives[n]) for n in weights
        },
        "magnitude": {n: weight.abs() for n, weight in weights.items()},
    }
    result = {"falls": float((increases < 0).double().mean())}
    for name, by_layer in scores.items():
        chosen = torch.stack([by_layer[layer].flatten()[index] for layer, index in drawn])
        result[name] = rank_correlation(chosen, increases)
    return result


@torch.no_grad()
def _increases(
    module: nn.Module, x: Tensor, loss: Loss, places: list[tuple[str, int]]
) -> list[float]:
    before = float(loss(module(x)))
    found = []
    for name, index in places:
        flat = module.get_parameter(name).view(-1)
        value = float(flat[index])
        flat[index] = 0.0
        found.append(float(loss(module(x))) - before)
        flat[index] = value
    return found


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's; equal values share their mean rank."""
    ranks = torch.stack([_ranks_of(a.double()), _ranks_of(b.double())])
    return float(torch.corrcoef(ranks)[0, 1])


def _ranks_of(values: Tensor) -> Tensor:
    _, place, count = torch.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    return (last - (count.double() - 1) / 2)[place]
