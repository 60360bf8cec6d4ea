"""Two Ray nodes on this machine, each killed once while a search runs; and one worker against two.

The evaluation spins for a fixed processor time, single-threaded, in the place of a training: what
is tested is that no finished trial is lost, and what a second worker brings.
"""

import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from featherweight.search.engine import Driver, Task, trained
from featherweight.search.evaluation.evaluator import Judged, Report
from featherweight.search.executors import Executor, Processes, RayCluster
from featherweight.search.spaces.registry import find_space
from featherweight.search.spaces.space import Architecture
from featherweight.search.study import Where, begin
from harness import Row


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


def simulated_workers(workers: int = 800, mean_seconds: float = 600.0, trials: int = 1600) -> Row:
    """Whether the driver keeps `workers` busy: its time a trial against what they need.

    The driver's own work (ask, decide, tell, in SQLite) is timed; 800 workers whose trainings take
    ten minutes finish 1.33 a second. Below 1 the driver is no bottleneck.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    from featherweight.search.executors import Here

    class Many(Here):
        slots = workers

    with tempfile.TemporaryDirectory() as folder:
        space = find_space("mobile")
        where = Where(f"sqlite:///{Path(folder) / 'study.db'}", "simulated")
        study = begin(where, space, "evolution")
        driver = Driver(study, where, Task(space, Spin(0.0), (1, 28, 28), 10), Many())
        start = time.perf_counter()
        driver.run(trials)
        own = (time.perf_counter() - start) / trials
    load = own * workers / mean_seconds
    return Row(
        f"driver's load with {workers} simulated workers of {mean_seconds:.0f} s a training",
        load, "of one core", bar=1.0, met=load < 1.0,
    )  # fmt: skip
