"""Our own runtime runs a `.fwt` file."""

from pathlib import Path

from featherweight.peers.runner import Runner
from featherweight.runtime import Session


def open_file(path: Path, threads: int) -> Runner:
    """Run a file on the native runtime."""
    return Session(path, threads=threads).run
