"""One process of the race: `python -m featherweight.peers.worker`.

Requests come as lines of JSON on stdin, answers go as lines of JSON to what was stdout; whatever
runtimes print goes to stderr. An exception is an answer, too: `{"error": ...}`.

    {"do": "import", "peer", "modules"}         what the runtime is, before memory is counted
    {"do": "load", "file", "threads", "input"}  milliseconds until it is ready
    {"do": "run"}                               seconds of one run
    {"do": "runs", "count"}                     many, untimed
    {"do": "answers", "pictures", "labels"}     top-1 in percent
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from featherweight.peers.runner import Array, Runner

Message = dict[str, Any]


class Worker:
    """The one network that this process runs."""

    def __init__(self) -> None:
        self._open: Callable[[Path, int], Runner]
        self._run: Runner
        self._x: Array
        self._verbs: dict[str, Callable[[Message], Message]] = {
            "import": self._import,
            "load": self._load,
            "run": self._timed,
            "runs": self._many,
            "answers": self._answers,
        }

    def answer(self, request: Message) -> Message:
        """Do what the request asks."""
        try:
            return self._verbs[request["do"]](request)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _import(self, request: Message) -> Message:
        self._open = importlib.import_module(f"featherweight.peers.{request['peer']}").open_file
        for module in request["modules"]:
            importlib.import_module(module)
        return {}

    def _load(self, request: Message) -> Message:
        self._x = np.load(request["input"])
        start = time.perf_counter()
        self._run = self._open(Path(request["file"]), request["threads"])
        # Some compile, or lay out weights, when they are first called.
        self._run(self._x)
        first = time.perf_counter() - start
        self._run(self._x)
        start = time.perf_counter()
        self._run(self._x)
        return {"load_ms": 1e3 * max(0.0, first - (time.perf_counter() - start))}

    def _timed(self, _: Message) -> Message:
        self._run(self._x)  # others had the caches meanwhile
        start = time.perf_counter()
        self._run(self._x)
        return {"seconds": time.perf_counter() - start}

    def _many(self, request: Message) -> Message:
        for _ in range(request["count"]):
            self._run(self._x)
        return {}

    def _answers(self, request: Message) -> Message:
        pictures, labels = np.load(request["pictures"]), np.load(request["labels"])
        found = [int(np.argmax(self._run(np.ascontiguousarray(x[None]))[0])) for x in pictures]
        return {"top1": 100.0 * float(np.mean(np.asarray(found) == labels))}


def serve(answer: Callable[[Message], Message]) -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line)), default=str) + "\n")


if __name__ == "__main__":
    serve(Worker().answer)
