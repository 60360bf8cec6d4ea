"""The table of break-even densities that belongs to this machine: where it lies, what it holds.

A table is text: a line `csr_columns 0.43` says that convolutions with csr weights are faster than
dense ones up to a density of 43 %. `native/src/runtime/break_even.h` names the entries and has the
defaults; `featherweight calibrate` measures a table.
"""

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "FEATHERWEIGHT_BREAK_EVEN"
"""Names the table of this user; empty: none, not even the one in the cache."""


def default_path() -> Path:
    """Where `calibrate` writes: what VARIABLE says, or the user's cache."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "featherweight" / "break-even.txt"


def find(explicit: str | os.PathLike[str] | None = None, *, exact: bool = False) -> str:
    """Return the path of the table that a session uses; empty for the defaults.

    A table that is asked for is used. Without one, the user's own is, but not for `exact` sessions:
    their sums must not depend on what was once measured on a machine.

    Raises:
        OSError: there is no such table.
    """
    if explicit is not None:
        with Path(explicit).open("rb"):
            pass
        return os.fspath(explicit)
    if exact or os.environ.get(VARIABLE) == "":
        return ""
    path = default_path()
    is_asked_for = VARIABLE in os.environ
    return str(path) if is_asked_for or path.is_file() else ""


def write(path: str | os.PathLike[str], densities: Mapping[str, float], comment: str) -> None:
    """Write a table, whole or not at all; makes the folder that it lies in."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"# {line}\n" for line in comment.splitlines()]
    lines += [f"{name} {density:.4f}\n" for name, density in densities.items()]
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(target)
