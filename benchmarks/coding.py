"""How small, and how fast, entropy coding makes networks of AlexNet's and VGG-16's shapes.

The weights are Gaussian, cut at Deep Compression's densities and shared by k-means with linear
start at its bits (arXiv 1510.00149, Tables 4 and 5): random weights have no structure that a coder
could learn, so the size can be held against the empirical entropy. Files are counted whole, biases
(plain float32) included. NNCodec (`pip install --no-deps nncodec pybind11`) codes the codes of one
layer as integers with its DeepCABAC engine alone, the headers of its bit stream left out.
"""

import argparse
import math
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import harness
from featherweight import container, zoo
from featherweight.container import CodedTensor, Network
from featherweight.container.graph import Graph, ValueInfo
from featherweight.functional.coding_length import entropy_bits, mask_entropy_bits
from featherweight.functional.kmeans import kmeans
from featherweight.recipes import LayerRule, find_recipe

ENTROPY_BAR, DECODE_BAR, NNCODEC_BAR = 1.015, 600.0, 5.0
MEGABYTES = {"alexnet": (7.1, 6.9), "vgg-16": (12.2, 11.3)}
"""The bar, and the paper's trained network."""
LLOYD_STEPS = 25
"""Run to its end (hundreds of steps), Lloyd evens the clusters out: more bytes, less error."""
ENCODE_SECONDS, ENCODE_GIB = 60.0, 4.0


@dataclass(frozen=True)
class Pruned:
    """A layer before coding: mask, the weights that it keeps, and how wide their codes are."""

    name: str
    shape: tuple[int, ...]
    mask: NDArray[np.bool_]
    kept: NDArray[np.float32]
    num_bits: int


@dataclass(frozen=True)
class Encoded:
    """What encoding a whole network took and gave."""

    seconds: float
    gib: float
    """Peak resident memory of the process that did it."""
    bytes: int
    entropy_bytes: float
    weights: int


def cut_gaussian(
    name: str, shape: tuple[int, ...], rule: LayerRule, generator: np.random.Generator
) -> Pruned:
    """Gaussian weights of which the `density` largest are kept."""
    weight = generator.standard_normal(math.prod(shape), dtype=np.float32)
    limit = statistics.NormalDist().inv_cdf(1 - (rule.density or 1.0) / 2)
    mask = np.abs(weight) > limit
    return Pruned(name, shape, mask, weight[mask], rule.num_bits or 8)


def coded(layer: Pruned) -> CodedTensor:
    """Share the kept weights and turn the mask into positions."""
    codebook, codes = kmeans(layer.kept, 1 << layer.num_bits, "linear", max_iterations=LLOYD_STEPS)
    positions = np.flatnonzero(layer.mask)
    return CodedTensor(
        layer.name, "float32", layer.shape, "sparse_shared",
        positions=positions, codebook=codebook, codes=codes,
    )  # fmt: skip


def entropy_bytes(tensor: CodedTensor) -> float:
    """The empirical entropy of positions and codes."""
    if tensor.codes is None or tensor.positions is None:
        return 0.0
    bits = mask_entropy_bits(tensor.elements, tensor.positions.size)
    return (bits + entropy_bits(np.bincount(tensor.codes))) / 8


def encode_network(name: str, coder: str, path: str) -> Encoded:
    """Make the weights, then time k-means, coding and writing; runs in a process of its own."""
    recipe = find_recipe("deep-compression", name)
    generator = np.random.default_rng(0)
    with torch.device("meta"):
        shapes = {n: tuple(p.shape) for n, p in zoo.create(name).named_parameters()}
    layers, biases = [], {}
    for full, shape in shapes.items():
        layer, _, kind = full.rpartition(".")
        rule = recipe.rule(layer)
        if kind == "weight" and rule is not None:
            layers.append(cut_gaussian(full, shape, rule, generator))
        else:
            values = generator.standard_normal(shape, dtype=np.float32)
            biases[full] = CodedTensor(full, "float32", shape, "raw", values=values)
    start = time.perf_counter()
    tensors = {layer.name: coded(layer) for layer in layers} | biases
    entropy = sum(entropy_bytes(tensor) for tensor in tensors.values())
    values = (ValueInfo("input", "float32", ("batch", 3, 224, 224)),)
    network = Network(Graph(values, values, (), 20), tensors, storage_only=True)
    written = container.write(path, network, coder=coder)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    weights = sum(tensor.elements for tensor in tensors.values())
    return Encoded(seconds, peak, written.file_bytes, entropy, weights)


def in_own_process(name: str, coder: str, path: Path) -> Encoded:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(encode_network, name, coder, str(path)).result()


def seconds_of(call: Callable[[], object], rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken


def network_rows(name: str, coder: str, folder: Path, rounds: int) -> list[harness.Row]:
    """Size, encoding and decoding of a whole network with one coder."""
    path = folder / f"{name}-{coder}.fwt"
    result = in_own_process(name, coder, path)
    bar, paper = MEGABYTES[name]
    megabytes, title = result.bytes / 1e6, f"{name}, {coder}"
    # The bars of size are for the writer's own choice of coders; the others stand beside it.
    chosen = coder == "auto"
    overhead = result.bytes / result.entropy_bytes
    rows = [
        harness.Row(
            f"{title}: file", megabytes, "MB", f"the paper's trained network, {paper} MB",
            ratio=paper / megabytes, bar=bar if chosen else None,
            met=megabytes <= bar if chosen else None,
        ),
        harness.Row(
            f"{title}: file / entropy", overhead, "", "empirical entropy",
            bar=ENTROPY_BAR if chosen else None, met=overhead <= ENTROPY_BAR if chosen else None,
        ),
    ]  # fmt: skip
    for form, decode in (("sparse rows", container.decode_sparse), ("float32", container.dense)):
        rate = [result.weights / s / 1e6 for s in seconds_of(partial(decode, path), rounds)]
        median, low, high = (float(np.percentile(rate, p)) for p in (50, 10, 90))
        rows.append(
            harness.Row(
                f"{title}: decode to {form}", median, "M weights/s", p10=low, p90=high,
                bar=DECODE_BAR, met=median >= DECODE_BAR,
            )
        )  # fmt: skip
    if name == "vgg-16":
        rows += [
            harness.Row(
                f"{title}: encode, masks to file", result.seconds, "s", bar=ENCODE_SECONDS,
                met=result.seconds < ENCODE_SECONDS,
            ),
            harness.Row(
                f"{title}: encode, peak memory", result.gib, "GiB", bar=ENCODE_GIB,
                met=result.gib < ENCODE_GIB,
            ),
        ]  # fmt: skip
    return rows


def nncodec_rows(folder: Path, elements: int, rounds: int) -> list[harness.Row]:
    """The same codes by our rANS file and by NNCodec's DeepCABAC."""
    try:
        from nncodec.extensions.deepCABAC import Decoder, Encoder, HdspMode
    except ImportError:
        print("NNCodec is not installed (pip install --no-deps nncodec pybind11): not compared")
        return []
    rule = LayerRule("fc7", density=0.09, num_bits=5)
    shape = (elements // 4096, 4096)
    layer = cut_gaussian("fc7.weight", shape, rule, np.random.default_rng(1))
    tensor = coded(layer)
    path = folder / "fc7.fwt"
    values = (ValueInfo("input", "float32", ("batch", 4096)),)
    network = Network(Graph(values, values, (), 20), {layer.name: tensor}, storage_only=True)

    # NNCodec codes signed integers around zero: a pruned weight is 0, the others count outwards.
    levels = np.zeros(elements, dtype=np.int32)
    negative = int((tensor.codebook < 0).sum())
    signed = tensor.codes.astype(np.int32) - negative
    levels[tensor.positions] = signed + (signed >= 0)
    levels = levels.reshape(shape)
    off, skip = (HdspMode.AlwaysOff, np.zeros(2, np.int8)), np.zeros(shape[0], np.int32)

    def encode() -> bytes:
        encoder = Encoder()
        encoder.initCtxModels(11, 1)
        encoder.encodeLayer(levels, 0, 0, 0, 0, 0, skip, *off, 0, 0)
        return bytes(encoder.finish())

    stream = encode()
    decoded = np.zeros_like(levels)

    def decode() -> None:
        decoder = Decoder()
        decoder.setStream(np.frombuffer(stream, np.uint8))
        decoder.initCtxModels(11)
        decoder.decodeLayer(decoded, 0, 0, 0, 0, *off, 0, 0)
        decoder.finish()

    decode()
    if not np.array_equal(decoded, levels):
        raise RuntimeError("NNCodec did not give back what it was given; the comparison is void.")

    def write() -> None:
        container.write(path, network, coder="rans")

    encoding = harness.compare(write, encode, rounds)
    decoding = harness.compare(lambda: container.dense(path), decode, rounds)
    ours = path.stat().st_size
    title = f"fc7, {elements / 1e6:.1f} M weights at 9 %, rANS"
    rows = [
        harness.Row(
            f"{title}: bits a weight", 8 * ours / elements, "bit",
            f"NNCodec, {8 * len(stream) / elements:.4f} bit", ratio=len(stream) / ours,
            bar=1.0, met=ours < len(stream),
        )
    ]  # fmt: skip
    for verb, timing in (("encode", encoding), ("decode", decoding)):
        rows.append(
            harness.Row(
                f"{title}: {verb}",
                elements / timing.seconds / 1e6,
                "M weights/s",
                "NNCodec",
                ratio=timing.speedup(),
                p10=timing.speedup(10),
                p90=timing.speedup(90),
                bar=NNCODEC_BAR,
                met=timing.speedup() >= NNCODEC_BAR,
            )
        )
    return rows


def run(options: argparse.Namespace) -> list[harness.Row]:
    torch.set_num_threads(1)
    rounds = 3 if options.quick else options.rounds
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network in ("alexnet",) if options.quick else ("alexnet", "vgg-16"):
            for coder in ("huffman", "rans", "auto"):
                rows += network_rows(network, coder, folder, rounds)
        rows += nncodec_rows(folder, 2**22 if options.quick else 2**24, rounds)
    return rows


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7, help="of each timing (default 7)")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
