"""Which networks can lose half of their channels, physically.

Every classification network of torchvision, and a seeded random 150 of timm's with up to 60 million
parameters (benchmarks/channel_networks.yaml; timm is to be installed). Weights random, batch-norm
statistics as after training. From each, half of the channels of each group are removed by their
L2 norm; then the smaller network must

- run forward, in training mode too, and backward, with a finite gradient for every parameter,
- have fewer than 60 % of the multiply-adds,
- go through a `.fwt` file and come back without its class, with the same output,
- give what the network with the removed channels masked gives, unless a normalisation over the
  channels takes its mean over those that are left.

The bars: 95 % of torchvision's, 60 % of timm's. What fails is named with its layer and the reason.

Each network has a process of its own with a time limit; `--results FILE` keeps one JSON line a
network and goes on from there. `--quick` takes eight networks of torchvision and keeps nothing.
`--choose` draws timm's networks anew. `--only NAME` runs one and prints its line.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import harness
from counting import QUICK, SIDES, _from_torchvision
from featherweight import container, graph
from featherweight.container import Network
from featherweight.errors import FeatherweightError
from featherweight.graph.torchvision_guard import torchvision
from featherweight.pruning.removal import Removal, RemovalConfig, remove_channels
from featherweight.recipes.pack import coded_tensor

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from randomised import randomise

BARS = {"torchvision": 0.95, "timm": 0.60}
MACS_BAR = 0.6
LARGEST = 60_000_000
SEED, COUNT = 0, 150
HERE = Path(__file__).parent
RESULTS = HERE / "results" / "coverage_channels.jsonl"
CHOSEN = HERE / "channel_networks.yaml"
LIMIT = 300
TABLE = """\
# Half of the channels, network by network

`python benchmarks/coverage_channels.py --table FILE` writes this page: multiply-adds and parameters
left, in percent. "Mixed by" names operators that mix the channels that are left (a layer norm's
mean), so that the smaller network is not the masked one.

| network | multiply-adds | parameters | mixed by | failed because |
|---|---|---|---|---|"""


def build(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    library, _, model = name.partition("/")
    if library == "torchvision":
        side = SIDES.get(model, 224)
        return _from_torchvision(model), (3, side, side)
    torchvision()
    import timm

    module = timm.create_model(model, exportable=True)
    return module, tuple(timm.get_pretrained_cfg(model).input_size)


def check(name: str) -> dict[str, Any]:
    """What halving the channels of one network gives, or why it cannot be done."""
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    module, shape = build(name)
    module = randomise(module).eval()
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    start = time.perf_counter()
    try:
        removal = remove_channels(module, x, RemovalConfig(pruning_ratio=0.5))
    except FeatherweightError as error:
        return {"ok": False, "reason": str(error)}
    found: dict[str, Any] = {
        "input_shape": list(shape),
        "seconds": round(time.perf_counter() - start, 1),
        "macs": _macs(removal.module, x) / _macs(module, x),
        "params": _params(removal.module) / _params(module),
        "mixings": sorted({mixing.operator for mixing in removal.mixings}),
    }
    reasons = list(_failures(module, removal, x, found))
    return found | {"ok": not reasons, "reason": "; ".join(reasons)}


def _failures(
    module: nn.Module, removal: Removal, x: Tensor, found: dict[str, Any]
) -> Iterator[str]:
    with torch.no_grad():
        output = removal.module(x)
    if not output.isfinite().all():
        yield "the output is not finite"
    if found["macs"] >= MACS_BAR:
        yield f"{100 * found['macs']:.0f} % of the multiply-adds are left"
    yield from _not_saved(removal, x, output)
    if not removal.mixings:
        found["error"] = _difference(output, _masked(module, removal), x)
        if found["error"] > 1e-3:
            yield f"differs from the masked network by {found['error']:.2g}"
    yield from _without_gradient(removal.module, x)


def _not_saved(removal: Removal, x: Tensor, output: Tensor) -> Iterator[str]:
    tensors = {name: coded_tensor(name, t, None) for name, t in removal.tensors.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.fwt"
        try:
            container.write(file, Network(removal.graph, tensors, {}), coder="packed")
            with torch.no_grad():
                again = graph.load(file)(x)
        except FeatherweightError as error:
            yield f"cannot be stored: {error}"
            return
    if not torch.equal(again, output):
        yield "the loaded network gives another output"


def _masked(module: nn.Module, removal: Removal) -> nn.Module:
    tensors = module.state_dict()
    for name, kept in removal.kept.items():
        tensors[name].mul_(kept)
    return module


def _difference(output: Tensor, masked: nn.Module, x: Tensor) -> float:
    with torch.no_grad():
        expected = masked(x)
    return float((output - expected).abs().max() / expected.abs().max())


def _without_gradient(module: nn.Module, x: Tensor) -> Iterator[str]:
    output = module.train()(x)
    torch.autograd.backward(output.square().mean())
    missing = [
        name
        for name, parameter in module.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all()
    ]
    if missing:
        yield f"{missing[0]} and {len(missing) - 1} more have no finite gradient"


def _macs(module: nn.Module, x: Tensor) -> int:
    module.requires_grad_(False)  # the counter follows modules by their gradients
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(x)
    module.requires_grad_(True)
    return counter.get_total_flops() // 2


def _params(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def in_its_own_process(name: str, limit: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--only", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"ok": False, "reason": f"not done in {limit} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return {"ok": False, "reason": f"broke off: {lines[-1]}"}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def choose() -> list[str]:
    """A seeded random draw of timm's networks up to `LARGEST` parameters."""
    torchvision()
    import timm

    names = timm.list_models()
    random.Random(SEED).shuffle(names)
    chosen = []
    for name in names:
        with torch.device("meta"):
            try:
                count = _params(timm.create_model(name, exportable=True))
            except (NotImplementedError, RuntimeError):  # it computes from its own weights
                count = 0
        count = count or _params(timm.create_model(name, exportable=True))
        if count <= LARGEST and timm.get_pretrained_cfg(name).num_classes:
            chosen.append(name)
        if len(chosen) == COUNT:
            break
    return chosen


def wanted(quick: bool) -> list[str]:
    models = torchvision().models
    first = [f"torchvision/{n}" for n in (QUICK if quick else models.list_models(module=models))]
    drawn = [] if quick else yaml.safe_load(CHOSEN.read_text())["networks"]
    pairs = zip_longest(first, [f"timm/{name}" for name in drawn])
    return [name for name in chain.from_iterable(pairs) if name]


def run(options: argparse.Namespace) -> list[harness.Row]:
    results: dict[str, dict[str, Any]] = {}
    if options.results.exists() and not options.quick:
        lines = map(json.loads, options.results.read_text().splitlines())
        results = {line["name"]: line for line in lines}
    names = wanted(options.quick)
    for name in names:
        if name in results and (results[name]["ok"] or not options.again):
            continue
        results[name] = {"name": name} | in_its_own_process(name, options.limit)
        Console(stderr=True).print(results[name])
        if not options.quick:
            with options.results.open("a") as file:
                file.write(json.dumps(results[name]) + "\n")
    if options.table:
        options.table.write_text(table([results[name] for name in sorted(names)]))
    return [*_rows(names, results), *_totals(names, results)]


def table(found: list[dict[str, Any]]) -> str:
    """The page docs/channel-coverage.md."""
    lines = [TABLE]
    for line in found:
        if line["ok"]:
            mixed = ", ".join(sorted(set(line["mixings"]))) or "–"
            left = f"{100 * line['macs']:.1f} | {100 * line['params']:.1f}"
            lines.append(f"| {line['name']} | {left} | {mixed} | |")
        else:
            lines.append(f"| {line['name']} | | | | {line['reason'].partition(': Error')[0]} |")
    return "\n".join(lines) + "\n"


def _rows(names: list[str], results: dict[str, dict[str, Any]]) -> Iterator[harness.Row]:
    for name in sorted(names):
        found = results[name]
        value = found.get("macs", float("nan"))
        yield harness.Row(
            name, 100 * value, "% of the multiply-adds", peer=found["reason"],
            ratio=1 / value if value else None, bar=100 * MACS_BAR, met=found["ok"],
        )  # fmt: skip


def _totals(names: list[str], results: dict[str, dict[str, Any]]) -> Iterator[harness.Row]:
    for library, bar in BARS.items():
        inside = [results[name] for name in names if name.startswith(library)]
        if inside:
            share = sum(found["ok"] for found in inside) / len(inside)
            title = f"of {len(inside)} networks of {library}"
            yield harness.Row(title, 100 * share, "%", bar=100 * bar, met=share >= bar)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, default=RESULTS, help="what is found so far")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds for one network")
    parser.add_argument("--table", type=Path, help="write the table of docs/ here")
    parser.add_argument("--again", action="store_true", help="try anew what failed before")


def _special(arguments: list[str]) -> Callable[[], None] | None:
    if arguments[:1] == ["--only"]:
        return lambda: print(json.dumps(check(arguments[1])))
    if arguments[:1] == ["--choose"]:
        return lambda: print(
            CHOSEN.write_text(
                f"# Drawn by coverage_channels.py --choose, seed {SEED}\n"
                + yaml.safe_dump({"networks": choose()})
            )
        )
    return None


if __name__ == "__main__":
    special = _special(sys.argv[1:])
    if special:
        special()
    else:
        harness.main(__doc__, run, add_options)
