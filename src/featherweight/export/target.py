"""What a target is: how a network is written for it, and how what was written runs here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from featherweight.export.subject import Subject
from featherweight.peers.runner import Runner


@dataclass(frozen=True)
class Written:
    """What a target has to say about what it wrote."""

    scales: str = "none"
    """Whose scales an int8 file has: `ours`, `its own`; `none` for floats."""
    notes: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    """Facts for the manifest, such as the share of delegated operators."""


@dataclass(frozen=True)
class Target:
    """One runtime or compiler."""

    name: str
    title: str
    suffix: str
    extra: str
    """The extra of featherweight that installs what it needs; empty: nothing more than torch."""
    packages: Mapping[str, str]
    """What it needs: names to import, and the distributions whose versions are noted."""
    precisions: tuple[str, ...]
    write: Callable[[Subject, str, Path], Written]
    """(subject, precision, path)."""
    open: Callable[[Path, int], Runner] | None
    """(path, threads); None where it cannot run on this machine."""
    runtime: str = ""
    """The distribution that runs its files, where that is not the first of `packages`."""
    companions: tuple[str, ...] = ()
    """Suffixes of the files that belong to the one that is named."""

    def missing(self) -> str | None:
        """The first package that is not installed, or None."""
        return next((name for name in self.packages if not _is_installed(name)), None)

    def versions(self) -> dict[str, str]:
        """Version of each distribution that is installed."""
        found = {}
        for distribution in self.packages.values():
            try:
                found[distribution] = version(distribution)
            except PackageNotFoundError:
                continue
        return found

    @property
    def runs_on(self) -> str:
        """The distribution that runs its files: `runtime`, or the first of `packages`."""
        return self.runtime or next(iter(self.packages.values()), "")

    def files(self, path: Path) -> list[Path]:
        """The files of an export: the one that is named, and its companions."""
        return [path, *(path.with_suffix(suffix) for suffix in self.companions)]


def size_of(paths: list[Path]) -> int:
    """Bytes of files and of all that is in folders."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
