"""Where trainings run: in this process, in others of this machine, or on a Ray cluster."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for_any
from threading import Thread
from typing import Any, Protocol

from featherweight.extras import require

Job = Callable[[], Any]
"""Can be sent to another process."""


class WorkerLostError(Exception):
    """A worker died before its job was done: the job may be given again."""


class Executor(Protocol):
    """`slots` jobs run at once; a handle stands for one that was given."""

    slots: int

    def submit(self, job: Job) -> Any:
        """Give a job."""

    def wait(self, handles: Iterable[Any]) -> Any:
        """The handle of one that is done."""

    def result(self, handle: Any) -> Any:
        """What a job returned; raises what it raised, or WorkerLostError."""

    def close(self) -> None:
        """Let the workers go."""


class Here:
    """This process, one job at a time."""

    slots = 1

    def submit(self, job: Job) -> Job:
        return job

    def wait(self, handles: Iterable[Job]) -> Job:
        return next(iter(handles))

    def result(self, handle: Job) -> Any:
        return handle()

    def close(self) -> None:
        """Nothing to let go."""


class Processes:
    """Other processes of this machine; one that is killed is replaced."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._pool = self._new_pool()

    def submit(self, job: Job) -> "Future[Any]":
        try:
            return self._pool.submit(job)
        except BrokenProcessPool:
            self._pool = self._new_pool()
            return self._pool.submit(job)

    def wait(self, handles: Iterable["Future[Any]"]) -> "Future[Any]":
        return next(iter(wait_for(list(handles), return_when=FIRST_COMPLETED).done))

    def result(self, handle: "Future[Any]") -> Any:
        try:
            return handle.result()
        except BrokenProcessPool as error:
            raise WorkerLostError from error

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        spawn = get_context("spawn")
        return ProcessPoolExecutor(self.slots, spawn, initializer=_end_with_driver)


def _end_with_driver() -> None:
    """In a worker: a driver that is killed cannot end it, and it would wait for jobs for ever."""

    def watch() -> None:
        driver = parent_process()
        assert driver is not None
        wait_for_any([driver.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


class RayCluster:
    """The nodes of a Ray cluster, which schedules the jobs and repeats those of nodes that die.

    Args:
        address: of its head, as `ray start` prints it; "local" starts one here.
        gpus: of a job; a part of 1 shares a card.
        slots: jobs given at once; by default as many as the cluster has processors.
    """

    def __init__(self, address: str, *, gpus: float = 0.0, slots: int | None = None) -> None:
        self._ray = require("ray", "ray")
        if not self._ray.is_initialized():
            self._ray.init(address=address, log_to_driver=False)
        self.slots = slots or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        options = {"num_cpus": 1, "num_gpus": gpus, "max_retries": 5}
        self._run = self._ray.remote(**options)(_call)

    def submit(self, job: Job) -> Any:
        return self._run.remote(job)

    def wait(self, handles: Iterable[Any]) -> Any:
        return self._ray.wait(list(handles), num_returns=1)[0][0]

    def result(self, handle: Any) -> Any:
        try:
            return self._ray.get(handle)
        except self._ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from error
        except (
            self._ray.exceptions.WorkerCrashedError,
            self._ray.exceptions.NodeDiedError,
            self._ray.exceptions.ObjectLostError,
        ) as error:
            raise WorkerLostError from error

    def close(self) -> None:
        self._ray.shutdown()


def _call(job: Job) -> Any:
    return job()
