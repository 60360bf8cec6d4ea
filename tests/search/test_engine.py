import os
import signal
import time
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import optuna
import pytest

from featherweight.search.engine import Driver, Task, trained
from featherweight.search.evaluation.evaluator import Judged
from featherweight.search.evaluation.rewards import Reward
from featherweight.search.executors import Here, Processes
from featherweight.search.spaces.chain import ChainSpace
from featherweight.search.spaces.space import Architecture
from featherweight.search.strategies.registry import STRATEGIES
from featherweight.search.study import Where, begin

optuna.logging.set_verbosity(optuna.logging.WARNING)
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
SPACE = ChainSpace("tiny", layers=2, heights=(1, 3), widths=(1, 3), filters=(4, 8), chained=True)


@dataclass(frozen=True)
class SumOfChoices:
    """A training that takes no time; the first one of all may kill its worker."""

    fatal: Path | None = None

    def __call__(self, architecture: Architecture, report: object) -> Judged:
        if self.fatal is not None and not self.fatal.exists():
            self.fatal.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Judged(float(sum(architecture.choices)), 0.0)


class Stopped(Exception):
    """The driver dies."""


class DiesAfter(Here):
    """An executor whose driver is killed after some results."""

    def __init__(self, results: int) -> None:
        self.left = results

    def result(self, handle: object) -> object:
        if self.left == 0:
            raise Stopped
        self.left -= 1
        return super().result(handle)  # type: ignore[arg-type]


def task(evaluator: SumOfChoices, reward: Reward | None = None) -> Task:
    return Task(SPACE, evaluator, (1, 8, 8), 3, reward or Reward())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_counts_new_architectures_only(strategy: str) -> None:
    where = Where(None, "one")
    study = begin(where, SPACE, strategy)
    Driver(study, where, task(SumOfChoices()), Here()).run(30)
    texts = [trial.user_attrs["architecture"] for trial in trained(study)]
    assert len(texts) == len(set(texts)) == 30


def test_a_space_is_searched_to_its_end() -> None:
    where = Where(None, "all")
    study = begin(where, SPACE, "random")
    Driver(study, where, task(SumOfChoices()), Here()).run(1000)
    assert len(trained(study)) == SPACE.count == 64
    assert study.best_value == 6.0


def test_a_driver_that_dies_loses_no_finished_trial(tmp_path: Path) -> None:
    where = Where(f"sqlite:///{tmp_path / 'study.db'}", "dies")
    with pytest.raises(Stopped):
        Driver(begin(where, SPACE, "controller"), where, task(SumOfChoices()), DiesAfter(7)).run(20)
    study = begin(where, SPACE, "controller")
    before = [trial.user_attrs["architecture"] for trial in trained(study)]
    assert len(before) == 7
    Driver(study, where, task(SumOfChoices()), Here()).run(20)
    after = [trial.user_attrs["architecture"] for trial in trained(study)]
    assert after[:7] == before
    assert len(set(after)) == 20


def _search_until_killed(where: Where) -> None:
    class KilledAt(Here):
        left = 7

        def result(self, handle: object) -> object:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().result(handle)  # type: ignore[arg-type]

    Driver(begin(where, SPACE, "random"), where, task(SumOfChoices()), KilledAt()).run(20)


def test_a_driver_that_is_killed_loses_no_finished_trial(tmp_path: Path) -> None:
    where = Where(f"sqlite:///{tmp_path / 'study.db'}", "killed")
    driver = get_context("spawn").Process(target=_search_until_killed, args=(where,))
    driver.start()
    driver.join()
    assert driver.exitcode == -signal.SIGKILL
    assert len(trained(begin(where, SPACE, "random"))) == 6


def _die_with_a_worker(said: Path) -> None:
    executor = Processes(1)
    said.write_text(str(executor.result(executor.submit(os.getpid))))
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
def test_workers_end_with_their_driver(tmp_path: Path) -> None:
    said = tmp_path / "worker"
    driver = get_context("spawn").Process(target=_die_with_a_worker, args=(said,))
    driver.start()
    driver.join()
    state = Path("/proc") / said.read_text() / "stat"
    for _ in range(200):
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the worker outlives its driver")


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    where = Where(f"sqlite:///{tmp_path / 'study.db'}", "killed")
    study = begin(where, SPACE, "evolution")
    executor = Processes(2)
    Driver(study, where, task(SumOfChoices(tmp_path / "fatal")), executor).run(6)
    executor.close()
    assert (tmp_path / "fatal").exists()
    assert len(trained(study)) == 6


def test_trials_left_running_are_done_again(tmp_path: Path) -> None:
    where = Where(f"sqlite:///{tmp_path / 'study.db'}", "left")
    study = begin(where, SPACE, "random", seed=1)
    left = study.ask()
    for decision in SPACE.decisions:
        left.suggest_categorical(decision.name, decision.options)
    study = begin(where, SPACE, "random", seed=2)
    Driver(study, where, task(SumOfChoices()), Here()).run(1)
    assert trained(study)[0].params == left.params


def test_rewards() -> None:
    assert Reward()(90.0, 3.0, 1) == 90.0
    assert Reward("mnasnet", 2.0)(80.0, 4.0, 1) == pytest.approx(80.0 * 2.0**-0.07)
    limit = Reward("constraint", 2.0)
    assert limit.refused(1.9, 1) is None
    assert limit.refused(3.0, 1) == -1.5
    with pytest.raises(ValueError, match="needs a latency greater than 0 ms"):
        Reward("mnasnet")


class Many(Here):
    """Forty workers; the one that was given its job first is done first."""

    slots = 40


def test_evolution_asks_for_what_no_worker_trains_already() -> None:
    where = Where(None, "many")
    space = ChainSpace(
        "four", layers=4, heights=(1, 3), widths=(1, 3), filters=(4, 8), chained=True
    )
    study = begin(where, space, "evolution")
    many = Task(space, SumOfChoices(), (1, 16, 16), 3)
    Driver(study, where, many, Many()).run(300)
    assert len(trained(study)) == 300
    assert len(study.get_trials(deepcopy=False)) < 305  # 332 where only finished ones were known
