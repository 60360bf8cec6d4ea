"""What compression changed on the machine at hand: time, memory and file, by layer and in all.

Reference and compressed network run in turns on the native runtime, one sample at a time. A layer
that did not get faster says why.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from featherweight.bench.backends import stored
from featherweight.measure.timing import Interval, ask_in_turns
from featherweight.runtime import Layer, Session

_FASTER = 1.05
"""A layer counts as faster from this ratio on: less is within what repeats differ by."""
_SHORT_MS = 0.02
"""Below this, a layer's time is mostly reading and writing activations."""


@dataclass(frozen=True)
class Running:
    """One network as it runs: bytes on disk and in memory, milliseconds a sample."""

    file_bytes: int
    weight_bytes: int
    activation_bytes: int
    latency_ms: Interval


@dataclass(frozen=True)
class LayerChange:
    """One layer with weights, before and after."""

    name: str
    format_before: str
    format_after: str
    weight_bytes_before: int
    weight_bytes_after: int
    ms_before: float
    ms_after: float
    why_not_faster: str
    """Empty where it is faster."""


@dataclass(frozen=True)
class MachineChange:
    """The whole network, before and after, and its layers."""

    before: Running
    after: Running
    speedup: Interval
    """Median over the rounds of the time before / the time after."""
    layers: tuple[LayerChange, ...]


def change_on_this_machine(
    reference: nn.Module, example: Tensor, file: Path, *, threads: int = 1, rounds: int = 25
) -> MachineChange:
    """Run `reference` as it is and the compressed network in `file`, in turns.

    Raises:
        RunError: an operator cannot run.
    """
    with stored(reference, example) as path:
        before = Session(path, threads=threads)
        file_bytes_before = path.stat().st_size
    after = Session(file, threads=threads)
    x = example.numpy()
    times = ask_in_turns(
        {"before": lambda: _seconds(before, x), "after": lambda: _seconds(after, x)}, rounds=rounds
    )
    ms = {
        name: Interval(*(1e3 * v for v in (t.interval.median, t.interval.low, t.interval.high)))
        for name, t in times.items()
    }
    return MachineChange(
        before=_running(before, file_bytes_before, ms["before"]),
        after=_running(after, file.stat().st_size, ms["after"]),
        speedup=times["after"].speedup_over(times["before"]),
        layers=_layer_changes(_timed(before, x, rounds), _timed(after, x, rounds)),
    )


def _seconds(session: Session, x: NDArray[np.float32]) -> float:
    session.run(x)
    return session.milliseconds / 1e3


def _running(session: Session, file_bytes: int, latency: Interval) -> Running:
    return Running(file_bytes, session.memory.weights, session.memory.arena, latency)


def _timed(session: Session, x: NDArray[np.float32], rounds: int) -> list[tuple[Layer, float]]:
    session.time_layers()
    times = []
    for _ in range(rounds):
        session.run(x)
        times.append([layer.milliseconds for layer in session.layers])
    session.time_layers(False)
    medians = np.median(np.asarray(times), axis=0)
    return [(layer, float(ms)) for layer, ms in zip(session.layers, medians, strict=True)]


def _layer_changes(
    before: Sequence[tuple[Layer, float]], after: Sequence[tuple[Layer, float]]
) -> tuple[LayerChange, ...]:
    by_name = {layer.name: (layer, ms) for layer, ms in before if layer.format}
    parts: dict[str, list[tuple[Layer, float]]] = {}
    for layer, ms in after:
        home = _home(layer.name, by_name)
        if layer.format and home:
            parts.setdefault(home, []).append((layer, ms))
    changes = []
    for name, now in parts.items():
        was, ms_before = by_name[name]
        layer, ms = now[0][0], sum(ms for _, ms in now)
        changes.append(
            LayerChange(
                name, was.format, layer.format, was.weight_bytes,
                sum(part.weight_bytes for part, _ in now),
                ms_before, ms, _why_not_faster(layer, ms_before, ms),
            )
        )  # fmt: skip
    return tuple(changes)


def _home(name: str, before: Collection[str]) -> str:
    """The layer that this one was, or became part of: `conv2` of `conv2.conv`; empty if none."""
    while name and name not in before:
        name = name.rpartition(".")[0]
    return name


def _why_not_faster(layer: Layer, ms_before: float, ms_after: float) -> str:
    if ms_before >= _FASTER * ms_after:
        return ""
    if layer.note:
        return layer.note
    if ms_after < _SHORT_MS:
        return "so short that its activations are most of its time"
    if layer.format == "dense":
        return "its weights were not pruned"
    return "what it saves in weights it spends on finding them"
