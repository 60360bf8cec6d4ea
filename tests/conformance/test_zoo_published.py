"""Every published count of a zoo network agrees with the network, under the recorded convention."""

from functools import cache

import pytest
import torch
from torch import nn

from featherweight.zoo import create, names, parse, published_networks
from featherweight.zoo.published import Claim, Convention, Counted, PublishedRow, agrees
from oracle_counts import Count, count

ROWS = [
    (network.name, row)
    for network in published_networks().values()
    for row in network.rows
    if row.spec is not None
]
CLAIMS = [claim for network in published_networks().values() for claim in network.claims]
MOST_EXCEPTIONS = 5


@cache
def counts(spec: str, shape: tuple[int, int, int]) -> tuple[Count, ...]:
    name, options = parse(spec)
    with torch.device("meta"):
        return tuple(count(create(name, **options), shape))


def millions(row: PublishedRow) -> tuple[float, float]:
    """Parameters and multiply-adds of the zoo's network, counted as the row's source counts."""
    assert row.spec is not None and row.input is not None
    convention = row.convention
    layers = [
        layer
        for layer in counts(row.spec, row.input)
        if row.layer is None or layer.name == row.layer or layer.name.startswith(f"{row.layer}.")
    ]
    assert layers, f"{row.spec} has no layer {row.layer}"
    params = sum(
        layer.params
        for layer in layers
        if convention.norm_params or not isinstance(layer.layer, nn.BatchNorm2d)
    )
    macs = sum(
        layer.macs
        for layer in layers
        if convention.fully_connected or not isinstance(layer.layer, nn.Linear)
    )
    return params / 1e6, convention.operations_per_mac * macs / 1e6


def row_agrees(row: PublishedRow) -> bool:
    convention = row.convention
    printed = (row.params, row.macs)
    steps = (convention.params_step, convention.macs_step)
    return all(
        value is None or agrees(value, ours, step, convention.rounding)
        for value, ours, step in zip(printed, millions(row), steps, strict=True)
    )


def label(value: object) -> str:
    if isinstance(value, PublishedRow):
        side = value.input[1] if value.input else ""
        return f"{value.source}-{value.spec}-{value.layer or side}".replace(" ", "_")
    return str(value)


@pytest.mark.parametrize(("name", "row"), ROWS, ids=label)
def test_a_published_row(name: str, row: PublishedRow) -> None:
    assert row.spec is not None and row.spec.partition(":")[0] == name
    assert row_agrees(row) == (row.reason is None), f"counted: {millions(row)} (millions)"


@pytest.mark.parametrize("row", [row for _, row in ROWS if row.convention.stem_channels], ids=label)
def test_the_width_of_the_first_layer(row: PublishedRow) -> None:
    assert row.spec is not None and row.input is not None
    first = counts(row.spec, row.input)[0].layer
    assert isinstance(first, nn.Conv2d)
    assert first.out_channels == row.convention.stem_channels


def test_exceptions_are_few_and_say_why() -> None:
    exceptions = [row for _, row in ROWS if row.exception]
    assert len(exceptions) <= MOST_EXCEPTIONS
    apart = {(name, row.source) for name, row in ROWS if row.apart}
    assert apart == {
        ("efficientnet-lite0", "TensorFlow TPU models, EfficientNet-lite"),
        ("mobilenet-v1", "TF-slim, MobileNetV1"),
        ("mobilenet-v1", "arXiv 1801.04381, Table 4"),
        ("mobilenet-v2", "arXiv 1801.04381, Table 4"),
    }
    assert all(len(row.reason or "") > 20 for _, row in ROWS if row.exception or row.apart)


def test_every_network_of_the_zoo_has_figures() -> None:
    assert {n.name for n in published_networks().values() if n.zoo} == set(names())
    for network in published_networks().values():
        assert network.zoo or all(row.spec is None for row in network.rows)


def test_what_the_papers_print_is_all_there() -> None:
    """The rows that the bar names, by number."""

    def rows(name: str, source: str) -> list[PublishedRow]:
        return [row for n, row in ROWS if n == name and row.source.startswith(source)]

    tables = {3: 4, 4: 2, 5: 2, 6: 4, 7: 4, 8: 1, 9: 1}
    for table, expected in tables.items():
        assert len(rows("mobilenet-v1", f"arXiv 1704.04861, Table {table}")) == expected
    cells = {(row.spec, row.input) for row in rows("mobilenet-v2", "TF-slim")}
    widths = {None, 0.75, 0.5, 0.35}
    expected_cells = {
        (f"mobilenet-v2:width={width}" if width else "mobilenet-v2", (3, side, side))
        for width in widths
        for side in (224, 192, 160, 128, 96)
    }
    wide = {(f"mobilenet-v2:width={width}", (3, 224, 224)) for width in (1.3, 1.4)}
    assert cells == expected_cells | wide
    assert len(rows("shufflenet-v1", "arXiv 1707.01083, Tables 1")) == 5
    assert len(rows("shufflenet-v1", "arXiv 1707.01083, Table 5")) == 6


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.text)
def test_what_papers_say_in_words(claim: Claim) -> None:
    def total(counted: Counted) -> int:
        return sum(getattr(c, claim.quantity) for c in counts(counted.spec, counted.input))

    ratio = total(claim.of) / total(claim.to)
    assert ratio == pytest.approx(claim.ours, abs=0.05 if claim.ours > 5 else 0.005)


@pytest.mark.parametrize(
    ("printed", "counted", "step", "rounding", "expected"),
    [
        (18, 18.885, 1, "truncate", True),
        (18, 18.885, 1, "round", False),
        (19, 18.885, 1, "truncate", True),  # to 1 %
        (19, 18.6, 1, "truncate", False),
        (1700, 1665.3, 100, "round", True),
        (1700, 1637.9, 100, "round", False),
        (6.8, 6.998, 0.1, "round", False),
        (100, 101, 1, "round", True),
        (100, 101.1, 1, "round", False),
    ],
)
def test_what_agrees(
    printed: float, counted: float, step: float, rounding: str, expected: bool
) -> None:
    assert agrees(printed, counted, step, rounding) is expected


def test_a_convention_that_is_wrong_fails() -> None:
    row = next(r for n, r in ROWS if n == "squeezenet-1.0" and r.convention.operations_per_mac == 2)
    assert row_agrees(row)
    wrong = PublishedRow(row.source, row.spec, row.input, macs=row.macs, convention=Convention())
    assert not row_agrees(wrong)
