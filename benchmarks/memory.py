"""What the planner says a network takes in memory, beside what malloc is asked for.

Every zoo network at its own input size, dense, on one thread: bytes of weights and activations as
the session plans them, against what a counting allocator sees once it is loaded; and how often it
allocates while it runs. Activations alone: what the session, and the counter, says a second sample
of a batch takes. Then the most memory that `fwrun` ever holds, program and all, on a
deep-compressed LeNet-5 of random weights. Builds `count_memory` and `fwrun` with CMake.

The last rows set the arena, with input and output, against the peak that `profile` counts on the
graph; `profile` prints both. They differ by convention, so no bar stands there: the runtime fuses
activations and works in place where it can, which makes it smaller, and keeps padded copies of what
convolutions read, which makes it larger.

`--quick` leaves out the large networks.
"""

import argparse
import copy
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import harness
from featherweight import container, zoo
from featherweight.bench.resident import Resident, resident_file
from featherweight.measure.counting import profile_network
from featherweight.recipes import Settings, find_recipe
from featherweight.recipes.pack import example_input, pack
from featherweight.recipes.prune_stage import prune_stage
from featherweight.recipes.stages import share_stage
from featherweight.zoo.registry import entry

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "memory"
MOST_APART = 0.01
MOST_MEGABYTES = 4.0
QUICK = ("lenet-300-100", "lenet-5", "squeezenet-1.1", "mobilenet-v2", "shufflenet-v1")


def build() -> tuple[Path, Path]:
    """The programs count_memory and fwrun."""
    subprocess.run(["cmake", "-S", ROOT / "native", "-B", BUILD], check=True, capture_output=True)
    targets = ["--target", "count_memory", "fwrun", "--parallel"]
    subprocess.run(["cmake", "--build", BUILD, *targets], check=True, capture_output=True)
    return BUILD / "tests" / "count_memory", BUILD / "fwrun"


def zoo_rows(name: str, program: Path, folder: Path) -> tuple[list[harness.Row], harness.Row]:
    """Planned against counted, allocations in runs; and the arena against `profile`'s peak."""
    torch.manual_seed(0)
    x = example_input(entry(name).input_shape)
    network = pack(zoo.create(name).eval(), x, {}, {})
    file = folder / f"{name}.fwt"
    container.write(file, network, coder="packed")
    # It fails where more than its own bounds differ: here the figures are printed in any case.
    done = subprocess.run([program, file], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    figures = {key: int(value) for key, value in zip(words[1::2], words[2::2], strict=True)}
    apart = figures["planned"] / figures["counted"]
    resident = resident_file(file)
    assert isinstance(resident, Resident), resident
    arena = resident.activation_bytes
    peak = profile_network(network.graph, network.tensors).peak_activation_bytes
    grown = figures["arena"] / figures["more"]
    file.unlink()
    return [
        harness.Row(
            f"{name}: held, as planned", figures["planned"], "bytes", "counted", apart,
            bar=MOST_APART, met=abs(apart - 1) <= MOST_APART,
        ),
        harness.Row(
            f"{name}: activations of a sample, as planned", figures["arena"], "bytes", "counted",
            grown, bar=MOST_APART, met=abs(grown - 1) <= MOST_APART,
        ),
        harness.Row(
            f"{name}: allocations in two runs", figures["run"], "", bar=0, met=figures["run"] == 0
        ),
    ], harness.Row(f"{name}: activations", arena, "bytes", "profile", arena / peak)  # fmt: skip


def deep_compressed_lenet(folder: Path) -> Path:
    """LeNet-5 of random weights by the paper's densities and bits."""
    torch.manual_seed(0)
    module: nn.Module = zoo.create("lenet-5").eval()
    small, settings = copy.deepcopy(module), Settings()
    recipe = find_recipe("deep-compression", "lenet-5")
    prune_stage(small, module, recipe, None, settings)
    shared = share_stage(small, module, recipe, None, settings)
    container.write(folder / "lenet-5.fwt", pack(small, example_input((1, 28, 28)), shared, {}))
    return folder / "lenet-5.fwt"


def fwrun_row(program: Path, folder: Path) -> harness.Row:
    """Peak resident memory, as the program itself reads it from the system when it is done."""
    np.save(folder / "x.npy", np.zeros((1, 1, 28, 28), np.float32))
    command = [program, deep_compressed_lenet(folder), folder / "x.npy", "--repeat", "10"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"peak memory ([\d.]+) MB", printed)
    megabytes = float(found[1]) if found else float("nan")
    return harness.Row(
        "lenet-5, deep-compressed: peak of fwrun", megabytes, "MB",
        bar=MOST_MEGABYTES, met=megabytes < MOST_MEGABYTES,
    )  # fmt: skip


def run(options: argparse.Namespace) -> list[harness.Row]:
    """All rows."""
    count_memory, fwrun = build()
    rows, arenas = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network in QUICK if options.quick else zoo.names():
            planned, arena = zoo_rows(network, count_memory, folder)
            rows += planned
            arenas.append(arena)
        rows.append(fwrun_row(fwrun, folder))
    return rows + arenas


if __name__ == "__main__":
    harness.main(__doc__, run)
