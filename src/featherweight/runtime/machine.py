"""What a file becomes on the machine at hand: execution formats, resident bytes, time by layer."""

import os
from dataclasses import dataclass

import numpy as np

from featherweight.container import FileSummary, inspect
from featherweight.runtime.session import Layer, Session
from featherweight.validation import check_range


@dataclass(frozen=True)
class LayerOnMachine:
    """One step of a run: how its weights are stored, and how they are held and run here."""

    name: str
    operator: str
    stored_format: str
    stored_bytes: int
    format: str
    detail: str
    """Which of the formats of that name: slots have entries of one byte, or of two."""
    weight_bytes: int
    milliseconds: float
    """The median over the rounds."""
    note: str
    """Why the layer is not sparser or faster, where that needs a word."""


def layers_on_this_machine(
    source: str | os.PathLike[str] | bytes,
    *,
    rounds: int = 10,
    threads: int = 1,
    prefer: str = "speed",
    exact: bool = False,
    break_even: str | os.PathLike[str] | None = None,
) -> tuple[LayerOnMachine, ...]:
    """Load a file, run it on one sample of random numbers, and say what each layer became.

    Raises:
        FormatError, RunError, InvalidArgumentError, OSError: as `Session`.
    """
    check_range("rounds", rounds, 1, 1_000_000)
    session = Session(source, threads=threads, prefer=prefer, exact=exact, break_even=break_even)
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal(port.shape, dtype=np.float32) for port in session.inputs]
    session.run(inputs)
    session.time_layers()
    times = []
    for _ in range(rounds):
        session.run(inputs)
        times.append([layer.milliseconds for layer in session.layers])
    medians = np.median(np.asarray(times).reshape(rounds, -1), axis=0)
    stored = _stored(inspect(source))
    return tuple(
        _on_machine(layer, float(time), stored.get(layer.name, ("", 0)))
        for layer, time in zip(session.layers, medians, strict=True)
    )


def _stored(summary: FileSummary) -> dict[str, tuple[str, int]]:
    """Format of the weight, and bytes of all tensors, by the layer that they belong to."""
    formats: dict[str, tuple[str, int]] = {}
    for tensor in summary.layers:
        layer, _, role = tensor.name.rpartition(".")
        format, size = formats.get(layer, ("", 0))
        formats[layer] = (tensor.format if role == "weight" else format, size + tensor.bytes)
    return formats


def _on_machine(layer: Layer, milliseconds: float, stored: tuple[str, int]) -> LayerOnMachine:
    format, size = stored if layer.format else ("", 0)
    return LayerOnMachine(
        name=layer.name,
        operator=layer.operator,
        stored_format=format,
        stored_bytes=size,
        format=layer.format,
        detail=layer.detail,
        weight_bytes=layer.weight_bytes,
        milliseconds=milliseconds,
        note=layer.note,
    )
