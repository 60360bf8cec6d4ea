"""The tables `embedded.yaml` and `published.yaml` as frozen values."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class EmbeddedSet:
    """A data set inside a Python package; the fields are explained in `embedded.yaml`."""

    name: str
    package: str
    extra: str
    file: str
    sha256: str
    shape: tuple[int, int]
    largest: int
    sizes: tuple[int, int, int]
    seed: int


@dataclass(frozen=True)
class PublishedFile:
    """One IDX file; the fields are explained in `published.yaml`."""

    name: str
    bytes: int
    sha256: str
    content_sha256: str


@dataclass(frozen=True)
class PublishedSet:
    """A data set in four IDX files: training pictures and labels, test pictures and labels."""

    name: str
    mirrors: tuple[str, ...]
    system_folder: str | None
    hint: str | None
    class_names: tuple[str, ...]
    sizes: tuple[int, int]
    seed: int
    files: tuple[PublishedFile, PublishedFile, PublishedFile, PublishedFile]


@cache
def embedded_sets() -> dict[str, EmbeddedSet]:
    """The data sets inside Python packages, by name."""
    return {
        name: EmbeddedSet(
            name=name,
            **{**entry, "shape": tuple(entry["shape"]), "sizes": tuple(entry["sizes"])},
        )
        for name, entry in _table("embedded.yaml").items()
    }


@cache
def published_sets() -> dict[str, PublishedSet]:
    """The data sets in IDX files, by name."""
    return {
        name: PublishedSet(name=name, **_frozen(entry))
        for name, entry in _table("published.yaml").items()
    }


def _frozen(entry: dict[str, Any]) -> dict[str, Any]:
    files = tuple(PublishedFile(name=name, **facts) for name, facts in entry["files"].items())
    lists = {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
    return {**entry, **lists, "files": files}


def _table(file: str) -> dict[str, dict[str, Any]]:
    text = resources.files("featherweight.data").joinpath(file).read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return table
