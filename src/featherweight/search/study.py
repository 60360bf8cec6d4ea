"""Studies: where they are stored, how they begin and go on."""

from dataclasses import dataclass
from typing import Any

import optuna
import sqlalchemy
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import TrialState

from featherweight.errors import InvalidArgumentError
from featherweight.search.spaces.space import Space
from featherweight.search.strategies.registry import make_sampler
from featherweight.validation import check_choice

PRUNERS = ("hyperband", "median", "none")


@dataclass(frozen=True)
class Where:
    """A study by its storage and name: what a worker needs to find it.

    `storage` is a URL of a database (sqlite:///search.db, postgresql://...), or journal:PATH for
    Optuna's journal, or None for memory, which other processes cannot see.
    """

    storage: str | None
    name: str
    pruner: str = "none"

    def open_storage(self) -> BaseStorage | str | None:
        """As Optuna takes it."""
        if self.storage and self.storage.startswith("journal:"):
            return JournalStorage(JournalFileBackend(self.storage.removeprefix("journal:")))
        if self.storage and self.storage.startswith("sqlite:"):
            return _open_sqlite(self.storage)
        return self.storage

    def open_pruner(self) -> BasePruner:
        """Which trainings are given up."""
        check_choice("pruner", self.pruner, PRUNERS)
        if self.pruner == "hyperband":
            return HyperbandPruner()
        return MedianPruner() if self.pruner == "median" else NopPruner()


def _open_sqlite(url: str) -> RDBStorage:
    """With a write-ahead log: a commit, and each decision of a trial is one, waits for no disk.

    A process that is killed loses nothing; a machine without power the last trials at most.
    """
    storage = RDBStorage(url)

    def set_up(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    sqlalchemy.event.listen(storage.engine, "connect", set_up)
    storage.engine.dispose()  # connections that were made before
    return storage


def begin(where: Where, space: Space, strategy: str, *, seed: int = 0) -> Study:
    """Make the study, or go on with it.

    Trials that a driver left running are put back into the queue: they are the only ones that are
    done again.
    """
    study = optuna.create_study(
        storage=where.open_storage(),
        study_name=where.name,
        direction="maximize",
        sampler=make_sampler(strategy, space, seed=seed),
        pruner=where.open_pruner(),
        load_if_exists=True,
    )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study


def reopen(where: Where) -> Study:
    """The study as a worker sees it, who only reports."""
    storage = where.open_storage()
    if storage is None:
        raise InvalidArgumentError(f"study {where.name!r} lies in memory: no worker can see it.")
    return optuna.load_study(storage=storage, study_name=where.name, pruner=where.open_pruner())
