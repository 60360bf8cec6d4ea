"""How long an architecture takes on the native runtime, predicted from layers that were timed.

`calibrate_latency` stores some architectures of a space as files, runs them layer by layer, one
thread, and keeps the median of every layer. What a layer takes that was not timed follows from a
fit over the timed ones of its kind: a + b MACs + c elements read and written, none below zero.
"""

import json
import os
import random
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from featherweight import container
from featherweight.recipes.pack import example_input, pack
from featherweight.runtime import Session
from featherweight.search.costs import layer_macs
from featherweight.search.network import PlannedNetwork, module_name
from featherweight.search.plan import Layer, Plan, Shape
from featherweight.search.spaces.space import Space

_ROUNDS = 30
_ARCHITECTURES = 16


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of layers by signature, and the fit of each kind: (a, b, c)."""

    layers: dict[str, float] = field(default_factory=dict)
    fits: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    def predict(self, plan: Plan) -> float:
        """Milliseconds of one picture."""
        shapes = plan.input_shapes()
        return sum(self._layer(layer, shapes[layer.name]) for layer in plan.layers)

    def _layer(self, layer: Layer, inputs: tuple[Shape, ...]) -> float:
        known = self.layers.get(signature(layer, inputs))
        if known is not None:
            return known
        factors = self.fits.get(_kind(layer), (0.0, 0.0, 0.0))
        return float(np.dot(factors, _features(layer, inputs)))

    def save(self, path: Path) -> None:
        """Write the table, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(asdict(self), indent=0), encoding="utf-8")
        partial.replace(path)


def load_latency(path: Path) -> LatencyTable:
    """Read what `save` wrote."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return LatencyTable(raw["layers"], {k: (v[0], v[1], v[2]) for k, v in raw["fits"].items()})


def latency_path(space: Space, shape: Shape) -> Path:
    """Where this user's table of a space lies."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    size = "x".join(map(str, shape))
    return Path(cache) / "featherweight" / f"latency-{space.name}-{size}.json"


def calibrate_latency(
    space: Space, shape: Shape, num_classes: int, *, count: int = _ARCHITECTURES, seed: int = 0
) -> LatencyTable:
    """Time the layers of `count` architectures drawn evenly from the space."""
    generator = random.Random(seed)
    timed: dict[str, list[float]] = {}
    kinds: dict[str, list[tuple[Sequence[float], float]]] = {}
    for _ in range(count):
        plan = space.sample(generator).plan(shape, num_classes)
        shapes = plan.input_shapes()
        for layer, milliseconds in layer_times(plan):
            inputs = shapes[layer.name]
            timed.setdefault(signature(layer, inputs), []).append(milliseconds)
            kinds.setdefault(_kind(layer), []).append((_features(layer, inputs), milliseconds))
    return LatencyTable(
        {name: float(np.median(values)) for name, values in timed.items()},
        {kind: _fit(samples) for kind, samples in kinds.items()},
    )


def layer_times(plan: Plan, rounds: int = _ROUNDS) -> list[tuple[Layer, float]]:
    """Median milliseconds of each layer of a plan that takes time of its own."""
    session = native_session(plan)
    x = example_input(plan.input_shape).numpy()
    session.time_layers()
    times = []
    for _ in range(rounds):
        session.run(x)
        times.append([step.milliseconds for step in session.layers])
    medians = np.median(np.asarray(times)[rounds // 5 :], axis=0)
    return list(_by_layer(plan, [step.name for step in session.layers], medians))


def native_session(plan: Plan) -> Session:
    """The untrained network of a plan, as the native runtime runs it."""
    module = PlannedNetwork(plan).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.fwt"
        packed = pack(module, example_input(plan.input_shape), {}, {})
        container.write(path, packed, coder="packed")
        return Session(path.read_bytes())


def signature(layer: Layer, inputs: Sequence[Shape]) -> str:
    """What two layers must agree in to take one time."""
    reads = "+".join("x".join(map(str, shape)) for shape in inputs)
    kernel = "x".join(map(str, layer.kernel))
    return f"{layer.op} {reads} {layer.shape[0]} k{kernel} s{layer.stride} g{layer.groups}" + (
        f" {layer.activation}" if layer.activation else ""
    )


def _by_layer(
    plan: Plan, steps: Sequence[str], milliseconds: Iterable[float]
) -> Iterable[tuple[Layer, float]]:
    """Steps with a name of ours go to their layer, the others to the next of those without one."""
    named = {f"layers.{module_name(layer.name)}.": layer for layer in plan.layers}
    totals: dict[str, float] = {}
    nameless = [layer for layer in plan.layers if layer.op in ("max", "avg", "concat", "add")]
    nameless += [layer for layer in plan.layers if layer.op in ("shuffle", "act", "mean")]
    rest = 0.0
    for step, ms in zip(steps, milliseconds, strict=True):
        owner = next((o for prefix, o in named.items() if f"{step}.".startswith(prefix)), None)
        if owner is None:
            rest += float(ms)
        else:
            totals[owner.name] = totals.get(owner.name, 0.0) + float(ms)
    elements = {layer.name: _features(layer, plan.input_shapes()[layer.name])[2]
                for layer in nameless if layer.name not in totals}  # fmt: skip
    for name, share in elements.items():
        totals[name] = rest * share / sum(elements.values())
    return [(layer, totals[layer.name]) for layer in plan.layers if layer.name in totals]


def _kind(layer: Layer) -> str:
    if layer.op == "conv":
        return "depthwise" if layer.groups == layer.shape[0] > 1 else f"conv{layer.groups > 1:d}"
    return layer.op


def _features(layer: Layer, inputs: Sequence[Shape]) -> tuple[float, float, float]:
    elements = prod(layer.shape) + sum(map(prod, inputs))
    return 1.0, layer_macs(layer, tuple(inputs)) / 1e6, elements / 1e6


def _fit(samples: Sequence[tuple[Sequence[float], float]]) -> tuple[float, float, float]:
    """Least squares; a factor that comes out below zero is left out, and the rest fitted anew."""
    left = np.asarray([features for features, _ in samples])
    right = np.asarray([milliseconds for _, milliseconds in samples])
    used = [0, 1, 2]
    while used:
        factors = np.linalg.lstsq(left[:, used], right, rcond=None)[0]
        if (factors >= 0).all():
            break
        used.remove(used[int(np.argmin(factors))])
    found = np.zeros(3)
    if used:
        found[used] = factors
    return float(found[0]), float(found[1]), float(found[2])
