"""A process of the race, seen from outside: it answers, dies, or takes too long."""

import json
import os
import selectors
import subprocess
import sys
from types import TracebackType
from typing import Any

from featherweight.errors import FeatherweightError
from featherweight.measure.process import peak_memory_of

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TVM_NUM_THREADS",
)  # fmt: skip


class WorkerError(FeatherweightError):
    """A backend failed; the message is its own."""


class Worker:
    """One process. Use it as a context, so that it never outlives the race."""

    def __init__(self, module: str, threads: int) -> None:
        environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads))
        environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def ask(self, seconds: float, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            WorkerError: the backend raised, the process died, or it took longer than `seconds`.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request, default=str) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # its pipe is broken, or closed
            raise WorkerError(self._death()) from None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                self.close()
                raise WorkerError(f"took longer than {seconds:.0f} s to {request['do']}")
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(self._death())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def peak_memory(self) -> int | None:
        """The most bytes that the process has had resident; None where that cannot be read."""
        return peak_memory_of(self._process.pid)

    def _death(self) -> str:
        code = self._process.wait()
        return f"the process died of signal {-code}" if code < 0 else f"it left with code {code}"

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
