"""Prepare every network for every backend, start one process for each, and let them run in turns.

A backend that cannot take part is a row with its reason. The rounds alternate between all of them,
so that a slow moment of the machine meets each, and the ratio of two rows is of times of one round.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featherweight.bench.race.backends import Backend, find_backends
from featherweight.bench.race.processes import Worker, WorkerError
from featherweight.bench.race.row import Row
from featherweight.measure.process import measure_energy
from featherweight.measure.timing import Timing
from featherweight.validation import check_range

Report = Callable[[str], None]
_ENERGY_RUNS = 20


@dataclass(frozen=True)
class RaceOptions:
    """How the race is run."""

    backends: str | Sequence[str] = "all"
    rounds: int = 30
    threads: int = 1
    precision: str | None = None
    """Of the exported files; the network's own if not given."""
    data: str | None = None
    root: Path | None = None
    checkpoint: Path | None = None
    seed: int = 0
    folder: Path | None = None
    """Where exported files go and stay; a temporary folder if not given."""
    prepare_seconds: float = 1200.0
    run_seconds: float = 120.0
    warmup: int = 3


@dataclass(eq=False)
class _Runner:
    """One row in the making."""

    file: str
    backend: Backend
    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    worker: Worker | None = None
    status: str = "ok"
    memory_before: int | None = None

    def ask(self, seconds: float, **request: Any) -> dict[str, Any]:
        """Ask this row's process; what goes wrong becomes the row's status."""
        if self.worker is None or self.status != "ok":
            return {}
        try:
            return self.worker.ask(seconds, **request)
        except WorkerError as error:
            self.status = str(error)
            self.worker.close()
            return {}


def race(models: Sequence[str], options: RaceOptions, report: Report = lambda _: None) -> list[Row]:
    """Run every model on every backend; the first row is what the others are compared with.

    Args:
        models: names and files, as MODEL on the command line.
        report: called with a line of progress now and then.

    Raises:
        InvalidArgumentError: an unknown backend, or less than one round.
    """
    check_range("rounds", options.rounds, 1, 100_000)
    backends = find_backends(options.backends)
    with ExitStack() as stack:
        folder = options.folder
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runners = [
            _Runner(model, backend, folder / f"{index}" / backend.name / f"net{backend.suffix}")
            for index, model in enumerate(models)
            for backend in backends
        ]
        for runner in runners:
            report(f"{runner.file}: {runner.backend.title}")
            _prepare(runner, options)
            if runner.status == "ok":
                runner.worker = stack.enter_context(
                    Worker("featherweight.peers.worker", options.threads)
                )
                _load(runner, options)
        _take_turns(runners, options, report)
        for runner in runners:
            _weigh(runner, options)
    return _rows(runners)


def _prepare(runner: _Runner, options: RaceOptions) -> None:
    """Write the row's file, in a process that ends with it."""
    hint = runner.backend.hint()
    if hint is not None:
        runner.status = hint
        return
    runner.path.parent.mkdir(parents=True, exist_ok=True)
    with Worker("featherweight.bench.race.preparing", options.threads) as worker:
        runner.worker = worker
        runner.facts |= runner.ask(
            options.prepare_seconds,
            do="prepare",
            model=runner.file,
            backend=runner.backend.name,
            out=runner.path,
            precision=options.precision,
            data=options.data,
            root=options.root,
            checkpoint=options.checkpoint,
            seed=options.seed,
        )
    runner.worker = None


def _load(runner: _Runner, options: RaceOptions) -> None:
    backend = runner.backend
    runner.ask(options.prepare_seconds, do="import", peer=backend.peer, modules=backend.modules)
    if runner.worker is not None:
        runner.memory_before = runner.worker.peak_memory()
    runner.facts |= runner.ask(
        options.prepare_seconds,
        do="load",
        file=runner.path,
        threads=options.threads,
        input=runner.path.parent / "input.npy",
    )


def _take_turns(runners: Sequence[_Runner], options: RaceOptions, report: Report) -> None:
    for round_index in range(-options.warmup, options.rounds):
        report(f"round {max(0, round_index + 1)} of {options.rounds}")
        for runner in runners:
            answer = runner.ask(options.run_seconds, do="run")
            if answer and round_index >= 0:
                runner.seconds.append(answer["seconds"])


def _weigh(runner: _Runner, options: RaceOptions) -> None:
    """Memory and energy, and the accuracy where there is data."""
    energy = measure_energy(lambda: runner.ask(options.run_seconds, do="runs", count=_ENERGY_RUNS))
    if energy.joules is not None:
        runner.facts["energy_mj"] = 1e3 * energy.joules / _ENERGY_RUNS
    runner.facts["energy_note"] = energy.note
    peak = runner.worker.peak_memory() if runner.worker is not None else None
    if peak is not None and runner.memory_before is not None:
        runner.facts |= {"peak_rss_bytes": peak, "own_rss_bytes": peak - runner.memory_before}
    if options.data is not None:
        runner.facts |= runner.ask(
            options.prepare_seconds,
            do="answers",
            pictures=runner.path.parent / "pictures.npy",
            labels=runner.path.parent / "labels.npy",
        )


def _rows(runners: Sequence[_Runner]) -> list[Row]:
    first = Timing(tuple(runners[0].seconds)) if runners and runners[0].status == "ok" else None
    return [_row(runner, first) for runner in runners]


def _row(runner: _Runner, first: Timing | None) -> Row:
    facts = {**runner.facts, "notes": tuple(runner.facts.get("notes", ()))}
    if runner.status != "ok":
        return Row(runner.file, runner.backend.name, runner.status)
    timing = Timing(tuple(runner.seconds))
    ratio = timing.speedup_over(first) if first is not None else None
    return Row(
        file=runner.file,
        backend=runner.backend.name,
        status="ok",
        median_ms=1e3 * timing.percentile(50),
        p10_ms=1e3 * timing.percentile(10),
        p90_ms=1e3 * timing.percentile(90),
        ratio=ratio.median if ratio else None,
        ratio_low=ratio.low if ratio else None,
        ratio_high=ratio.high if ratio else None,
        **facts,
    )
