"""Spaces by name; data in `library.yaml`."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from featherweight.errors import InvalidArgumentError
from featherweight.search.spaces.cell import CellSpace
from featherweight.search.spaces.chain import ChainSpace
from featherweight.search.spaces.compressed import CompressedSpace
from featherweight.search.spaces.mobile import MobileSpace, Stage
from featherweight.search.spaces.space import Architecture, Space

_KINDS: Mapping[str, type[Space]] = {
    "cell": CellSpace,
    "chain": ChainSpace,
    "compressed": CompressedSpace,
    "mobile": MobileSpace,
}


def space_names() -> tuple[str, ...]:
    """The spaces that are known by name."""
    return tuple(_library())


@cache
def find_space(name: str) -> Space:
    """The space of this name.

    Raises:
        InvalidArgumentError: there is none.
    """
    if name not in _library():
        raise InvalidArgumentError(
            f"there is no space {name!r}: there are {', '.join(space_names())}."
        )
    return make_space(name, _library()[name])


def make_space(name: str, description: Mapping[str, Any]) -> Space:
    """The space that an entry of the library describes; `inner` names another entry."""
    fields = {key: _frozen(value) for key, value in description.items() if key != "kind"}
    if "inner" in fields:
        fields["inner"] = find_space(fields["inner"])
    return _KINDS[description["kind"]](name, **fields)


def parse_architecture(text: str) -> Architecture:
    """Read `SPACE:decision=option,...`.

    Raises:
        InvalidArgumentError: there is no such space, or it has no such architecture.
    """
    return find_space(text.partition(":")[0]).parse(text)


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return Stage(**{key: _frozen(field) for key, field in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


@cache
def _library() -> dict[str, dict[str, Any]]:
    file = resources.files("featherweight.search.spaces") / "library.yaml"
    spaces: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return spaces
