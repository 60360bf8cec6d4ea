"""How much accuracy each layer costs when it alone is pruned, or shares few values.

Han et al. 2015, arXiv 1506.02626, figure 6: one layer at a time, nothing retrained, measured on
validation. What is measured is kept in a file, point by point, so that the same call again reads
it, a killed one goes on, and one that asks for more measures only that. `allocate` then tells
where a budget of weights is best spent.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.functional.sparsity_pattern import UNSTRUCTURED, SparsityPattern
from featherweight.pruning import Calibration, Target, decide
from featherweight.recipes.stages import layers_with_weights
from featherweight.training import Progress, evaluate
from featherweight.training.checkpoint import fingerprint
from featherweight.weight_sharing import SharingConfig, share

DENSITIES = (0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02)


@dataclass(frozen=True)
class Point:
    """The network's accuracy on validation with one layer changed, all others as they were."""

    density: float
    num_bits: int | None
    """None: float32."""
    top1: float
    """Percent."""
    loss: float
    """Mean cross-entropy."""


@dataclass(frozen=True)
class LayerCurve:
    """One layer's points; the first is the network as it is."""

    name: str
    params: int
    """Weights, without the bias."""
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Sensitivity:
    """What was measured, and of what."""

    identity: str
    """Weights, data and method; points of another identity are never mixed with these."""
    data: str
    method: str
    layers: tuple[LayerCurve, ...]


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be measured."""

    densities: Sequence[float] = DENSITIES
    bits: Sequence[int] = ()
    method: str = "magnitude"
    pattern: SparsityPattern = UNSTRUCTURED
    """Single weights, or blocks: an N:M pattern has one density alone."""
    calibration: Calibration | None = None
    """For methods that look at data."""
    seed: int = 0


def measure_sensitivity(
    module: nn.Module,
    data: Dataset,
    question: Question,
    kept: Path,
    report: Callable[[Progress], None] | None = None,
) -> Sensitivity:
    """Measure what `kept` does not hold yet, and write it there; the module is left as it was.

    Raises:
        InvalidArgumentError: `kept` is of other weights, data or another method.
    """
    identity = fingerprint(
        question.method, question.pattern.name, question.seed, data.name,
        tensors=module.state_dict(),
    )  # fmt: skip
    known = _known_points(kept, identity)
    layers = dict(layers_with_weights(module))
    wanted = [(name, *how) for name in layers for how in _wanted(question)]
    whole: Point | None = None
    for number, (name, density, num_bits) in enumerate(wanted, 1):
        if (name, density, num_bits) not in known:
            if density == 1.0 and num_bits is None:
                whole = point = whole or _accuracy(module, data, density, num_bits)
            else:
                point = _changed(module, data, question, (name, density, num_bits))
            known[name, density, num_bits] = point
            _write(kept, Sensitivity(identity, data.name, question.method, _curves(layers, known)))
        if report is not None:
            point = known[name, density, num_bits]
            report(Progress(number, len(wanted), point.loss, point.top1))
    return Sensitivity(identity, data.name, question.method, _curves(layers, known))


def read_sensitivity(file: Path) -> Sensitivity:
    """What `measure_sensitivity` wrote.

    Raises:
        InvalidArgumentError: the file is not one of these.
    """
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        layers = tuple(
            LayerCurve(layer["name"], layer["params"], tuple(Point(**p) for p in layer["points"]))
            for layer in plain["layers"]
        )
        return Sensitivity(plain["identity"], plain["data"], plain["method"], layers)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"{file} was not written by `featherweight sensitivity`: {error}."
        ) from error


Key = tuple[str, float, int | None]


def _wanted(question: Question) -> list[tuple[float, int | None]]:
    densities = sorted({d for d in question.densities if d < 1.0}, reverse=True)
    pruned: list[tuple[float, int | None]] = [(density, None) for density in densities]
    return [(1.0, None), *pruned, *((1.0, bits) for bits in sorted(question.bits, reverse=True))]


def _known_points(file: Path, identity: str) -> dict[Key, Point]:
    if not file.exists():
        return {}
    known = read_sensitivity(file)
    if known.identity != identity:
        raise InvalidArgumentError(
            f"{file} holds a sensitivity of other weights, data or another method: "
            "remove it, or choose another `--out`."
        )
    return {(curve.name, p.density, p.num_bits): p for curve in known.layers for p in curve.points}


def _curves(layers: dict[str, nn.Module], points: dict[Key, Point]) -> tuple[LayerCurve, ...]:
    """The points by layer: the whole network, then ever fewer weights, then ever fewer bits."""

    def place(point: Point) -> tuple[int, float]:
        return (0, -point.density) if point.num_bits is None else (1, -point.num_bits)

    return tuple(
        LayerCurve(
            name,
            layer.get_parameter("weight").numel(),
            tuple(sorted((p for key, p in points.items() if key[0] == name), key=place)),
        )
        for name, layer in layers.items()
    )


def _write(file: Path, value: Sensitivity) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(value), indent=1) + "\n", encoding="utf-8")
    partial.replace(file)


def _changed(module: nn.Module, data: Dataset, question: Question, key: Key) -> Point:
    """One layer pruned or shared for the time of one evaluation."""
    name, density, num_bits = key
    weight = module.get_submodule(name).get_parameter("weight")
    if num_bits is None:
        values = _pruned(module, f"{name}.weight", question, density)
    else:
        everything = torch.ones_like(weight, dtype=torch.bool)
        shared = share(weight, everything, num_bits, SharingConfig(), question.seed)
        values = {f"{name}.weight": shared.weight}
    before = {key: module.get_parameter(key).detach().clone() for key in values}
    try:
        _set(module, values)
        return _accuracy(module, data, density, num_bits)
    finally:
        _set(module, before)


def _pruned(module: nn.Module, name: str, question: Question, density: float) -> dict[str, Tensor]:
    target = Target(density, method=question.method, pattern=question.pattern)
    decision = decide(module, {name: target}, calibration=question.calibration, seed=question.seed)
    weight = decision.weights.get(name, module.get_parameter(name).detach())
    return {**decision.weights, name: weight * decision.masks[name]}


def _set(module: nn.Module, values: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for key, value in values.items():
            module.get_parameter(key).copy_(value)


def _accuracy(module: nn.Module, data: Dataset, density: float, num_bits: int | None) -> Point:
    found = evaluate(module, data, data.val)
    return Point(density, num_bits, found.top1, found.loss)
