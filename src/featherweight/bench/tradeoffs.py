"""What networks cost and what they reach, side by side: one row a network.

In the manner of Canziani, Paszke & Culurciello 2016, "An Analysis of Deep Neural Network Models for
Practical Applications", arXiv 1605.07678.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight import container
from featherweight.bench.backends import stored
from featherweight.bench.model_profile import profile
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.measure import Device, Profile, estimate_energy
from featherweight.measure.timing import time_in_turns
from featherweight.recipes.pack import example_input, pack
from featherweight.runtime import Session
from featherweight.training import evaluate
from featherweight.validation import check_choice
from featherweight.zoo import (
    FILE_SUFFIXES,
    Resolved,
    published_network,
    published_networks,
    resolve,
)


@dataclass(frozen=True)
class TradeOff:
    """One network: its accuracy in percent, and what an inference of one picture takes."""

    name: str
    params: int
    """Parameters that are kept."""
    macs: int
    top1: float | None
    top1_source: str
    """Where the accuracy is from: measured on data, the file's metadata, published, or nowhere."""
    latency_ms: float | None
    """Median on this machine; None if it was not measured."""
    energy_mj: float
    file_bytes: int
    peak_activation_bytes: int
    series: str = ""
    """Networks of one series have one colour."""


def compare_models(
    models: Sequence[str],
    *,
    data: Dataset | None = None,
    input_shape: tuple[int, int, int] | None = None,
    device: Device | None = None,
    rounds: int = 30,
    seed: int = 0,
    backend: str = "torch",
    threads: int = 1,
) -> list[TradeOff]:
    """Measure every network that `models` names, in their order; latencies are taken in turns.

    Args:
        models: as MODEL on the command line, at least one.
        data: networks with trained weights are evaluated on its test split.
        input_shape: of networks that leave it open; by default the data's, or each one's own.
        device: for which energy is estimated; see `measure.estimate_energy`.
        rounds: timings of each network.
        seed: of fresh weights.
        backend: what latencies are taken with: "torch", or "native": each network's file, as it
            is stored, on `threads` threads.

    Raises:
        InvalidArgumentError: no network, or a MODEL that there is not.
    """
    if not models:
        raise InvalidArgumentError("`models` must name at least one network, but got none.")
    shape = input_shape or (data.shape if data is not None else None)
    classes = len(data.class_names) if data is not None else None
    found = [resolve(model, seed=seed, shape=shape, num_classes=classes) for model in models]
    check_choice("backend", backend, ("native", "torch"))
    if backend == "native":
        files = [Path(model) if model.endswith(".fwt") else None for model in models]
        latencies = native_latencies_ms(
            [(r.module, r.input_shape, f) for r, f in zip(found, files, strict=True)],
            rounds,
            threads,
        )
    else:
        latencies = latencies_ms([(r.module, r.input_shape) for r in found], rounds)
    return [
        _row(model, resolved, latency, data, device)
        for model, resolved, latency in zip(models, found, latencies, strict=True)
    ]


def trade_off(
    name: str,
    counted: Profile,
    device: Device | None,
    *,
    top1: float | None,
    top1_source: str,
    latency_ms: float | None,
    file_bytes: int,
    series: str = "",
) -> TradeOff:
    """The row of a counted network; energy is estimated for `device`."""
    return TradeOff(
        name=name,
        params=counted.kept_params,
        macs=counted.macs,
        top1=top1,
        top1_source=top1_source,
        latency_ms=latency_ms,
        energy_mj=estimate_energy(counted, device).total.total_mj,
        file_bytes=file_bytes,
        peak_activation_bytes=counted.peak_activation_bytes,
        series=series,
    )


def latencies_ms(networks: Sequence[tuple[nn.Module, tuple[int, ...]]], rounds: int) -> list[float]:
    """Median milliseconds of one picture by torch, the networks taking turns.

    Args:
        networks: modules, and the shapes [C, H, W] of their inputs.
        rounds: timings of each.
    """
    modes = [module.training for module, _ in networks]
    calls = {
        str(index): partial(_infer, module.eval(), example_input(shape))
        for index, (module, shape) in enumerate(networks)
    }
    timings = time_in_turns(calls, rounds=rounds)
    for (module, _), mode in zip(networks, modes, strict=True):
        module.train(mode)
    return [1e3 * timing.interval.median for timing in timings.values()]


def native_latencies_ms(
    networks: Sequence[tuple[nn.Module, tuple[int, ...], Path | None]], rounds: int, threads: int
) -> list[float]:
    """Median milliseconds of one picture on the native runtime, the networks taking turns.

    Args:
        networks: modules, the shapes [C, H, W] of their inputs, and the `.fwt` file that each is
            from, which runs as it is; without one the module is stored first.
        rounds: timings of each.
        threads: of the processor.
    """
    calls = {}
    for index, (module, shape, file) in enumerate(networks):
        example = example_input(shape)
        with stored(module, example, file) as path:
            session = Session(path, threads=threads)
        calls[str(index)] = partial(session.run, example.numpy())
    timings = time_in_turns(calls, rounds=rounds)
    return [1e3 * timing.interval.median for timing in timings.values()]


def published_tradeoffs() -> list[TradeOff]:
    """ImageNet networks by what their papers print; only rows with accuracy, params and MACs."""
    rows = []
    for network in published_networks().values():
        for row in network.rows:
            if row.top1 is None or row.params is None or row.macs is None:
                continue
            if row.data != "ImageNet" or row.layer is not None:
                continue
            side = f" {row.input[1]}" if row.input else ""
            rows.append(
                TradeOff(
                    name=f"{row.variant or row.spec or network.name}{side}",
                    params=round(1e6 * row.params),
                    macs=round(1e6 * row.macs / row.convention.operations_per_mac),
                    top1=row.top1,
                    top1_source=row.source,
                    latency_ms=row.latency_ms,
                    energy_mj=0.0,
                    file_bytes=round(4e6 * row.params),
                    peak_activation_bytes=0,
                    series=network.title,
                )
            )
    return rows


def _infer(module: nn.Module, example: Tensor) -> None:
    with torch.inference_mode():
        module(example)


def float32_file_bytes(module: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Bytes of the `.fwt` file that holds the network as it is, nothing compressed."""
    network = pack(module, example_input(input_shape), {}, {}, storage_only=True)
    with tempfile.TemporaryDirectory() as folder:
        return container.write(Path(folder) / "network.fwt", network).file_bytes


def _row(
    model: str, resolved: Resolved, latency_ms: float, data: Dataset | None, device: Device | None
) -> TradeOff:
    path = Path(model)
    is_file = path.suffix in FILE_SUFFIXES
    counted = profile(path) if is_file else profile(resolved.module, resolved.input_shape)
    top1, source = _top1(model, resolved, data)
    size = (
        path.stat().st_size
        if is_file
        else float32_file_bytes(resolved.module, resolved.input_shape)
    )
    return trade_off(
        model, counted, device,
        top1=top1, top1_source=source, latency_ms=latency_ms, file_bytes=size,
    )  # fmt: skip


def _top1(model: str, resolved: Resolved, data: Dataset | None) -> tuple[float | None, str]:
    """Accuracy and where it is from: the data, else the file's own word, else the paper's."""
    if data is not None and not resolved.fresh:
        return evaluate(resolved.module, data, data.test).top1, f"{data.name}, test"
    if model.endswith(".fwt"):
        noted = container.read(model).metadata.get("accuracy")
        if isinstance(noted, dict) and "top1" in noted:
            return float(noted["top1"]), f"{noted.get('data', 'unknown data')}, by the file"
    if data is None and model.partition(":")[0] in published_networks():
        for row in published_network(model).rows:
            is_same = row.spec == model and row.input in (None, resolved.input_shape)
            if is_same and row.top1 is not None and row.layer is None:
                return row.top1, f"{row.data}, {row.source}"
    return None, "not trained"
