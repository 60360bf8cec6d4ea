"""Eight networks in four forms on every runtime: which cells run with parity, and who is fastest.

Two parts, whose rows are written as they come, so that an interrupted run goes on where it was:

parity  each network in its small setting (one channel, 28 x 28), in float32, 8 bits, with half of
        its channels, and deep-compressed, exported to every target and compared with our own
        network. Trained weights are taken from `--weights FOLDER` (NETWORK.safetensors, as
        `tradeoff_training.py` leaves them); without them weights are random, and an 8-bit cell
        has to have a signal-to-noise ratio instead of 97 % of the same classes.
speed   networks at full size, 224 x 224, with random weights: the race, one thread, batch 1.
        The bars: with half of its channels ResNet-18 is twice as fast on every backend; the
        native runtime is the fastest for sparse, shared and binary networks.

`--quick` runs two networks of the parity part on the targets that convert fastest, and a race of
ResNet-18 on three backends.
"""

import argparse
import copy
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

import harness
import network_cases
from featherweight import container
from featherweight.bench.race import RaceOptions, race
from featherweight.container import Network
from featherweight.data import Dataset, load
from featherweight.errors import FeatherweightError
from featherweight.export import Subject, export, find_target, of_data, targets, without_data
from featherweight.pruning.removal import RemovalConfig, remove_channels
from featherweight.quantization import fold_batch_norm, measure_ranges, quantize
from featherweight.recipes.pack import pack
from featherweight.training.checkpoint import load_weights
from featherweight.weight_sharing import SharingConfig, share
from featherweight.zoo import small_setting

NETWORKS = (
    "mobilenet-v1", "mobilenet-v2", "squeezenet-1.0", "shufflenet-v1", "resnet-18", "googlenet",
    "vgg-16", "alexnet",
)  # fmt: skip
FORMS = ("fp32", "int8", "half the channels", "deep-compressed")
QUICK_TARGETS = ("onnx", "openvino", "c")
TARGETS = tuple(target.name for target in targets() if target.name != "tvm-aarch64")
CELLS_BAR, HALF_BAR = 0.85, 2.0
_DENSITY, _BITS = 0.3, 5
RESULTS = Path(__file__).parent / "results" / "race"


def small_network(name: str, weights: Path | None) -> tuple[nn.Module, bool]:
    """The network in its small setting, and whether its weights are trained."""
    torch.manual_seed(0)
    module = small_setting(name).build().eval()
    file = weights / f"{name}.safetensors" if weights else None
    if file is None or not file.exists():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
        return module, False
    load_weights(file, module)
    return module, True


def formed(module: nn.Module, form: str, x: torch.Tensor, name: str) -> Network:
    """The network in one of `FORMS`; `x` are calibration pictures."""
    if form == "half the channels":
        return pack(with_half_the_channels(module, x[:1]), x[:1], {}, {})
    if form == "deep-compressed":
        return deep_compressed(module, x[:1], name)
    packed = pack(module, x[:1], {}, {})
    if form == "fp32":
        return packed
    folded = fold_batch_norm(packed)
    return quantize(folded, measure_ranges(folded, [x]))


def deep_compressed(module: nn.Module, x: torch.Tensor, name: str) -> Network:
    """By the paper's recipe where it has the network; else 30 % of the weights, in 32 values.

    arXiv 1510.00149 prunes and shares AlexNet and VGG-16. Nothing is retrained here.
    """
    if name in ("alexnet", "vgg-16"):
        return network_cases.deep_compressed(name)(module, x)
    small = copy.deepcopy(module)
    mask = network_cases.unstructured(_DENSITY)
    shared = {}
    for path, layer in small.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weight = layer.weight
            shared[f"{path}.weight"] = share(weight, mask(weight.abs()), _BITS, SharingConfig())
            with torch.no_grad():
                weight.copy_(shared[f"{path}.weight"].weight)
    return pack(small, x, shared, {})


def with_half_the_channels(module: nn.Module, x: torch.Tensor) -> nn.Module:
    """The network without the less important half of its channels."""
    return remove_channels(module, x, RemovalConfig(pruning_ratio=0.5)).module


class Log:
    """Rows of JSON, one a line, by their names."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.rows = {row["name"]: row for row in map(json.loads, lines)}

    def add(self, name: str, make: Callable[[], dict[str, object]]) -> dict[str, object]:
        """The row of this name: as it was written before, or made now."""
        if name not in self.rows:
            start = time.perf_counter()
            row = {"name": name, **make()}
            row["seconds"] = round(time.perf_counter() - start, 1)
            self.rows[name] = row
            with self._path.open("a") as file:
                file.write(json.dumps(row, default=str) + "\n")
            print(f"{name}: {row['status']}", flush=True)
        return self.rows[name]


def parity_cell(subject: Subject, target: str) -> dict[str, object]:
    """Export one network to one target; what the target says where it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"net{find_target(target).suffix}"
        try:
            done = export(subject, target, path)
        except FeatherweightError as error:
            return {"status": f"{type(error).__name__}: {error}"}
    status = "ok" if done.parity else "converted; runs elsewhere"
    figures = dataclasses.asdict(done.parity) if done.parity else {}
    return {"status": status, "precision": done.precision, "scales": done.scales, **figures}


def parity_rows(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    log = Log(options.results / "parity.jsonl")
    data: Dataset | None = None
    names = ("mobilenet-v2", "resnet-18") if options.quick else NETWORKS
    for form in FORMS:
        for name in names:
            todo = QUICK_TARGETS if options.quick else TARGETS
            cells = {target: f"{name}, {form}, {target}" for target in todo}
            if all(cell in log.rows for cell in cells.values()):
                yield from (log.rows[cell] for cell in cells.values())
                continue
            module, is_trained = small_network(name, options.weights)
            if is_trained and data is None:
                data = load("fashion-mnist")
            pictures = of_data(data) if is_trained and data else without_data((1, 28, 28))
            x = torch.from_numpy(pictures.calibration)
            try:
                network = formed(module, form, x, name)
            except (FeatherweightError, ImportError) as error:
                print(f"{name}, {form}: cannot be made: {error}", flush=True)
                continue
            # Without retraining, only the whole networks still name the right classes.
            is_trained = is_trained and form in ("fp32", "int8")
            subject = Subject(name, network, pictures, None, is_trained)
            for target, cell in cells.items():
                yield log.add(cell, lambda s=subject, t=target: parity_cell(s, t))


def speed_cases() -> list[tuple[str, str, Callable[[], Network]]]:
    """Networks at full size: what, in which form, and how it is made."""
    cases = []
    for name in ("resnet-18", "mobilenet-v1"):
        for form in FORMS[:3]:
            cases.append((name, form, lambda n=name, f=form: full_size(n, f)))
    wanted = ("10 % in 4x1 blocks", "deep-compressed", "XNOR")
    for case in network_cases.CASES:
        if any(word in case.form for word in wanted) and case.network != "vgg-16":
            cases.append((case.network, case.form, lambda c=case: of_case(c)))
    return cases


def of_case(case: network_cases.Case) -> Network:
    return case.make(network_cases.module(case.network), network_cases.example(case.network))


def full_size(name: str, form: str) -> Network:
    module, x = network_cases.module(name), network_cases.example(name)
    return formed(module, form, x, name)


def speed_rows(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    log = Log(options.results / "speed.jsonl")
    backends = "native,torch,onnxruntime" if options.quick else options.backends
    for name, form, make in speed_cases():
        if options.quick and name != "resnet-18":
            continue
        yield log.add(f"{name}, {form}", lambda m=make: raced(m, backends, options.rounds))


def raced(make: Callable[[], Network], backends: str, rounds: int) -> dict[str, object]:
    """The race of one network; a network that cannot be made says why."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.fwt"
        try:
            container.write(path, make(), coder="packed")
        except (FeatherweightError, ImportError) as error:
            return {"status": f"cannot be made: {error}", "rows": []}
        rows = race([str(path)], RaceOptions(backends, rounds=rounds))
    return {"status": "ok", "rows": [dataclasses.asdict(row) for row in rows]}


def summarised(
    parity: list[dict[str, object]], speed: list[dict[str, object]]
) -> list[harness.Row]:
    """The bars' rows, then one a race and backend."""
    good = [row for row in parity if row["status"] in ("ok", "converted; runs elsewhere")]
    rows = []
    if parity:
        share = len(good) / len(parity)
        rows.append(
            harness.Row(
                f"cells that run with parity, of {len(parity)}", 100 * share, "%",
                bar=100 * CELLS_BAR, met=share >= CELLS_BAR,
            )
        )  # fmt: skip
    by_name = {row["name"]: _by_backend(row) for row in speed}
    whole, half = (
        by_name.get("resnet-18, fp32", {}),
        by_name.get("resnet-18, half the channels", {}),
    )
    for backend in whole:
        if backend in half:
            ratio = whole[backend] / half[backend]
            name = f"ResNet-18, half of the channels, {backend}"
            rows.append(
                harness.Row(
                    name, half[backend], "ms", f"all channels, {whole[backend]:.1f} ms", ratio,
                    bar=HALF_BAR, met=ratio >= HALF_BAR,
                )
            )  # fmt: skip
    for name, times in by_name.items():
        others = {backend: ms for backend, ms in times.items() if backend != "native"}
        if "native" not in times or not others:
            continue
        best = min(others, key=lambda backend: others[backend])
        ratio = others[best] / times["native"]
        is_barred = not any(name.endswith(form) for form in FORMS[:3])
        rows.append(
            harness.Row(
                name, times["native"], "ms", f"{best}, {others[best]:.2f} ms", ratio,
                bar=1.0 if is_barred else None, met=ratio >= 1.0 if is_barred else None,
            )
        )  # fmt: skip
    return rows


def _by_backend(row: dict[str, object]) -> dict[str, float]:
    rows: list[dict[str, float]] = row["rows"]  # type: ignore[assignment]
    return {str(r["backend"]): r["median_ms"] for r in rows if r["median_ms"] is not None}


def run(options: argparse.Namespace) -> list[harness.Row]:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if options.quick:
            options.results = Path(folder)
        parity = list(parity_rows(options)) if options.part in ("all", "parity") else []
        speed = list(speed_rows(options)) if options.part in ("all", "speed") else []
    return summarised(parity, speed)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--part", choices=("all", "parity", "speed"), default="all")
    parser.add_argument("--backends", default="all", help="of the race (default all)")
    parser.add_argument("--rounds", type=int, default=15, help="of the race (default 15)")
    parser.add_argument("--weights", type=Path, help="folder with NETWORK.safetensors")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where rows are kept")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
