"""Two Ray nodes on this machine, each killed once while a search runs; and one worker against two.

The evaluation spins for a fixed processor time, single-threaded, in the place of a training: what
is tested is that no finished trial is lost, and what a second worker brings.
"""

import csv
import heapq
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from featherweight.search.engine import Driver, Job, Task, trained
from featherweight.search.evaluation.evaluator import Judged, Report
from featherweight.search.executors import Executor, Processes, RayCluster
from featherweight.search.spaces.registry import find_space
from featherweight.search.spaces.space import Architecture
from featherweight.search.study import Where, begin
from harness import Row

TABLE = Path(__file__).parent.parent / "results" / "search" / "table-fashion-mnist.csv"


@dataclass(frozen=True)
class Spin:
    """Top-1 is the share of last options; it takes `seconds` of processor time."""

    seconds: float

    def __call__(self, architecture: Architecture, report: Report) -> Judged:
        begin = time.process_time()
        while time.process_time() - begin < self.seconds:
            pass
        top1 = 100.0 * sum(architecture.choices) / len(architecture.choices)
        return Judged(top1, self.seconds)


def _search(folder: Path, name: str, executor: Executor, trials: int, seconds: float) -> Any:
    space = find_space("chain-table")
    where = Where(f"sqlite:///{folder / 'study.db'}", name)
    study = begin(where, space, "evolution")
    driver = Driver(study, where, Task(space, Spin(seconds), (1, 14, 14), 10), executor)
    start = time.perf_counter()
    driver.run(trials)
    return study, time.perf_counter() - start


def killed_nodes(trials: int, seconds: float) -> list[Row]:
    """Bar 4, first half: each of two nodes is killed once and comes back."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    executor = RayCluster(cluster.address, slots=2)

    def kill() -> None:
        for node in nodes:
            time.sleep(trials * seconds / 6)
            cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(num_cpus=1)

    killer = threading.Thread(target=kill)
    with tempfile.TemporaryDirectory() as folder:
        killer.start()
        study, _ = _search(Path(folder), "killed", executor, trials, seconds)
        killer.join()
        done = {trial.user_attrs["architecture"] for trial in trained(study)}
    executor.close()
    cluster.shutdown()
    return [
        Row(
            "trials of a study whose two Ray nodes were killed once each", len(done), "trials",
            "undisturbed", len(done) / trials, bar=1.0, met=len(done) == trials,
        )
    ]  # fmt: skip


def two_workers(trials: int, seconds: float, rounds: int = 3) -> list[Row]:
    """Bar 4, second half: two processes against one, in turns."""
    ratios = []
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            taken = []
            for workers in (1, 2):
                executor = Processes(workers)
                for handle in [executor.submit(os.getpid) for _ in range(4 * workers)]:
                    executor.result(handle)  # started before the clock is
                name = f"{number}-{workers}"
                _, elapsed = _search(Path(folder), name, executor, trials, seconds)
                executor.close()
                taken.append(elapsed)
            ratios.append(taken[0] / taken[1])
    middle = sorted(ratios)[len(ratios) // 2]
    return [
        Row(
            "two workers", middle, "times as fast", "one worker", middle, min(ratios), max(ratios),
            bar=1.7, met=middle >= 1.7,
        )
    ]  # fmt: skip


class Simulated:
    """Workers that only take the time that trainings took; the clock jumps to the next that ends.

    The driver's own seconds pass on that clock as they are. `waited` is how long workers that had
    done their first training were without a next one.
    """

    def __init__(self, slots: int, durations: Iterator[float]) -> None:
        self.slots = slots
        self.jumped = self.busy = self.waited = 0.0
        self._durations = durations
        self._running: list[tuple[float, int, Job]] = []
        self._free_since: list[float] = []
        self._begin = time.perf_counter()

    @property
    def own(self) -> float:
        """Seconds that passed outside of jumps: those of the driver."""
        return time.perf_counter() - self._begin

    def submit(self, job: Job) -> Job:
        now, duration = self.own + self.jumped, next(self._durations)
        if self._free_since:
            self.waited += now - heapq.heappop(self._free_since)
        self.busy += duration
        heapq.heappush(self._running, (now + duration, id(job), job))
        return job

    def wait(self, handles: Iterable[Job]) -> Job:
        end, _, job = heapq.heappop(self._running)
        self.jumped += max(0.0, end - self.own - self.jumped)
        heapq.heappush(self._free_since, end)
        return job

    def result(self, handle: Job) -> Any:
        return handle()

    def close(self) -> None:
        """Nothing to let go."""


def _recorded(mean_seconds: float) -> Iterator[float]:
    """What trainings of the table took, in turns, so that their mean is `mean_seconds`."""
    with TABLE.open() as file:
        seconds = [float(line["seconds"]) for line in csv.DictReader(file)]
    mean = sum(seconds) / len(seconds)
    return itertools.cycle(mean_seconds * each / mean for each in seconds)


def simulated_workers(
    workers: int = 800, mean_seconds: float = 600.0, trials: int = 1600
) -> list[Row]:
    """Whether the driver keeps `workers` busy, its study in a journal, as with `--ray`.

    Below a load of 1 it is no bottleneck; how long workers wait for their next training says what
    it costs before that.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        space, where = find_space("mobile"), Where(f"journal:{folder}/study.log", "simulated")
        study = begin(where, space, "evolution")
        executor = Simulated(workers, _recorded(mean_seconds))
        Driver(study, where, Task(space, Spin(0.0), (1, 28, 28), 10), executor).run(trials)
        load = executor.own / trials * workers / mean_seconds
        idle = executor.waited / (executor.waited + executor.busy)
    name = f"{workers} simulated workers, {mean_seconds:.0f} s a training, {trials} trials"
    return [
        Row(f"{name}: load of the driver", load, "of one core", bar=1.0, met=load < 1.0),
        Row(f"{name}: time in which workers wait for it", 100 * idle, "%"),
    ]
