"""Toolchains talk on stdout, which belongs to the command's result: their words are kept off it."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path


@contextmanager
def quietly() -> Iterator[None]:
    """Send what is written to the process's stdout and stderr to nowhere, and drop warnings.

    The file descriptors are replaced, too, since C++ writes to them without Python.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    level = logging.root.manager.disable
    try:
        with Path(os.devnull).open("w") as nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.disable(logging.WARNING)
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                yield
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        logging.disable(level)
        for descriptor, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
