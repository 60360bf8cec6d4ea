"""A network run by torch on this machine: latency, peak memory, energy."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from featherweight.measure.process import measure_energy, peak_memory_bytes, reset_peak_memory
from featherweight.measure.timing import Timing, time_in_turns


@dataclass(frozen=True)
class Measured:
    """What was measured; everything of one inference, but the peak memory of the process."""

    timing: Timing
    peak_memory_bytes: int
    peak_memory_note: str
    energy_mj: float | None
    energy_note: str
    threads: int


def measure_module(module: nn.Module, example: Tensor, *, rounds: int = 30) -> Measured:
    """Run `module` in evaluation mode on `example`, `rounds` times; without gradients.

    Compressed weights are run as torch runs them: decoded, dense.
    """
    was_training = module.training
    module.eval()

    def once() -> None:
        with torch.inference_mode():
            module(example)

    def all_rounds() -> None:
        for _ in range(rounds):
            once()

    try:
        is_reset = reset_peak_memory()
        timing = time_in_turns({"module": once}, rounds=rounds)["module"]
        peak = peak_memory_bytes()
        energy = measure_energy(all_rounds)
    finally:
        module.train(was_training)
    return Measured(
        timing=timing,
        peak_memory_bytes=peak,
        peak_memory_note="while it ran" if is_reset else "since the process started",
        energy_mj=None if energy.joules is None else 1e3 * energy.joules / rounds,
        energy_note=energy.note,
        threads=torch.get_num_threads(),
    )
