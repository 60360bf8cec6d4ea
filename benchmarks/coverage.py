"""Which networks run on the native runtime, and whether they give torch's answers.

Every zoo network and every classification network of torchvision: weights random, batch-norm
statistics as after training, captured, written to a `.fwt` file, run by `Session`, its output
compared with torch's by tests/tolerances.py. The bar: 95 % of them. The rest are named with the
operator that is in the way.

`--results FILE` keeps what is found, network by network, and goes on from there. `--quick` runs the
zoo and eight networks of torchvision anew, and keeps nothing.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

import harness
from counting import networks
from featherweight import container
from featherweight.errors import FeatherweightError
from featherweight.recipes.pack import example_input, pack
from featherweight.runtime import Session

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from randomised import randomise
from tolerances import relative_error, tolerance_of

BAR = 0.95
RESULTS = Path(__file__).parent / "results" / "coverage.json"


def check(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> dict[str, Any]:
    """Whether one network's file gives torch's answers, or why not."""
    x = example_input(shape)
    module = randomise(build()).eval().requires_grad_(False)
    with torch.no_grad():
        expected = module(x).numpy()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.fwt"
        try:
            network = pack(module, x, {}, {})
            del module
            container.write(file, network, coder="packed")
            del network
            start = time.perf_counter()
            session = Session(file)
            loaded = time.perf_counter()
        except FeatherweightError as error:
            return {"runs": False, "reason": str(error).replace(str(file), "the file")}
    found = session.run(x.numpy())
    seconds = time.perf_counter() - loaded
    tolerance = tolerance_of(layer.format for layer in session.layers)
    error = relative_error(found, expected)
    equal = error <= tolerance.limit
    reason = "" if equal else f"differs by {error:.2g}, more than {tolerance.limit:g}"
    return {
        "runs": equal,
        "reason": reason,
        "relative_error": error,
        "limit": tolerance.limit,
        "load_ms": round(1e3 * (loaded - start), 1),
        "first_run_ms": round(1e3 * seconds, 1),
        "weight_bytes": session.memory.weights,
        "arena_bytes": session.memory.arena,
    }


def run(options: argparse.Namespace) -> list[harness.Row]:
    # Without gradients nn.MultiheadAttention takes another path, with other bits, than traced.
    torch.backends.mha.set_fastpath_enabled(False)
    kept = options.results.exists() and not options.quick
    results = json.loads(options.results.read_text()) if kept else {}
    wanted = [n for n in networks(options.quick) if not n[0].startswith("timm/")]
    for name, build, shape in wanted:
        if name in results:
            continue
        torch.manual_seed(0)
        results[name] = {"input_shape": list(shape)} | check(build, shape)
        Console(stderr=True).print(name, results[name])
        if not options.quick:
            options.results.write_text(json.dumps(results, indent=1) + "\n")
    rows = [_row(name, results[name]) for name, _, _ in wanted]
    share = sum(results[name]["runs"] for name, _, _ in wanted) / len(wanted)
    total = f"of {len(wanted)} networks run and equal torch's output"
    return [*rows, harness.Row(total, 100 * share, "%", bar=100 * BAR, met=share >= BAR)]


def _row(name: str, result: dict[str, Any]) -> harness.Row:
    if "relative_error" not in result:
        return harness.Row(name, float("nan"), "", peer=result["reason"], met=False)
    return harness.Row(
        name=name,
        value=result["relative_error"],
        unit="of the largest output",
        peer=f"torch, float32 {result['reason']}".strip(),
        bar=result["limit"],
        met=result["runs"],
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, default=RESULTS, help="what is found so far")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
