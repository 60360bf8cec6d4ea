"""Metadata and attributes as values that deterministic CBOR holds (RFC 8949, section 4.2.1)."""

from collections.abc import Mapping
from typing import Any

import cbor2
import numpy as np

from featherweight.errors import InvalidArgumentError

MAX_DEPTH = 32
_INTEGERS = range(-(2**63), 2**63)


def canonical(value: object) -> bytes:
    """Encode in the one form that the reader accepts: shortest numbers, sorted keys."""
    return bytes(cbor2.dumps(value, canonical=True))


def plain(value: object, where: str = "metadata", depth: int = 0) -> Any:
    """Return `value` built of None, bool, int, float, str, bytes, list and dict alone.

    Raises:
        InvalidArgumentError: says where an object of another kind, a key that is not text, an
            integer beyond 64 bits or more than 32 levels are.
    """
    if depth >= MAX_DEPTH:
        raise InvalidArgumentError(f"{where} is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {_key(k, where): plain(v, f"{where}[{k!r}]", depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int) and not isinstance(value, bool) and value not in _INTEGERS:
        raise InvalidArgumentError(f"{where} must fit 64 signed bits, but got {value}.")
    if value is None or isinstance(value, bool | int | float | bytes):
        return value
    raise InvalidArgumentError(
        f"{where} must be None, bool, int, float, str, bytes, a list or a dict, "
        f"but got {type(value).__name__}."
    )


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise InvalidArgumentError(f"the keys of {where} must be text, but got {key!r}.")
    return _text(key, where)


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{where} must be valid Unicode, but got {value!r}.") from error
    return value
