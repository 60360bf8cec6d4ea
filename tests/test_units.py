"""Bytes with units; arguments and their messages; optional packages."""

import pytest

from featherweight.errors import InvalidArgumentError, MissingExtraError
from featherweight.extras import require
from featherweight.units import format_bytes, parse_bytes
from featherweight.validation import check_choice, check_range


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (27_300, "27.3 kB"), (6_900_000, "6.9 MB")]
)
def test_format(count: int, text: str) -> None:
    assert format_bytes(count) == text


def test_messages_name_rule_value_and_place() -> None:
    with pytest.raises(InvalidArgumentError, match="between 1 and 8 inclusive, but got bits=9"):
        check_range("bits", 9, 1, 8)
    with pytest.raises(InvalidArgumentError, match="one of a, b, but got coder='c'"):
        check_choice("coder", "c", ("b", "a"))


def test_a_missing_package_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"featherweight\[vision\]"):
        require("no_such_package_at_all", "vision")


@pytest.mark.parametrize(
    ("text", "count"),
    [("200kB", 200_000), ("1.5 MB", 1_500_000), ("64KiB", 65_536), ("123", 123), ("7 b", 7)],
)
def test_sizes_are_read_as_people_write_them(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "kB", "-3kB", "0", "3 apples", "1e3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="number of bytes"):
        parse_bytes(text)
