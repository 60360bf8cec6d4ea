"""How fast whole networks run with one bit a weight, beside the same network in float32.

Both on the native runtime, one thread, one sample, in turns, first and last layer real, fresh
weights: time depends on shapes and kinds of layers, not on what was learnt.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

import harness
from featherweight import container, zoo
from featherweight.binarization import binarize, fold_norms
from featherweight.recipes.pack import example_input, pack
from featherweight.runtime import Session
from featherweight.zoo.registry import entry

NETWORKS = ("alexnet", "resnet-18", "vgg-16")
SCHEMES = ("bwn", "xnor", "reactnet")
ROUNDS = {"alexnet": 25, "resnet-18": 25, "vgg-16": 7}


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """A row a network and scheme; `--quick` has AlexNet alone."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            _row(name, scheme, Path(folder))
            for name in (NETWORKS[:1] if options.quick else NETWORKS)
            for scheme in SCHEMES
        ]


def _row(name: str, scheme: str, folder: Path) -> harness.Row:
    torch.manual_seed(0)
    network = zoo.create(name).eval()
    example = example_input(entry(name).input_shape)
    before, after = folder / f"{name}.fwt", folder / f"{name}-{scheme}.fwt"
    if not before.exists():
        container.write(before, pack(network, example, {}, {}))
    container.write(after, pack(fold_norms(binarize(network, scheme)), example, {}, {}))
    sessions = [Session(file, threads=1) for file in (after, before)]
    x = np.ascontiguousarray(example.numpy())
    for session in sessions:
        session.run(x)
    ours, theirs = sessions
    timing = harness.compare(lambda: ours.run(x), lambda: theirs.run(x), ROUNDS[name])
    return harness.timed(f"{name}, {scheme}: whole network", timing, "itself in float32", "ms")
