"""Rules for arguments, and the one shape of their messages: the rule first, then the value."""

from collections.abc import Iterable

from featherweight.errors import InvalidArgumentError


def _where(where: str) -> str:
    return f" {where}" if where else ""


def check_range(name: str, value: float, low: float, high: float, where: str = "") -> float:
    """Return `value` if `low <= value <= high`."""
    if not low <= value <= high:
        raise InvalidArgumentError(
            f"`{name}` must be between {low} and {high} inclusive, "
            f"but got {name}={value}{_where(where)}."
        )
    return value


def check_choice(name: str, value: str, choices: Iterable[str], where: str = "") -> str:
    """Return `value` if it is one of `choices`."""
    options = sorted(choices)
    if value not in options:
        raise InvalidArgumentError(
            f"`{name}` must be one of {', '.join(options)}, "
            f"but got {name}={value!r}{_where(where)}."
        )
    return value
