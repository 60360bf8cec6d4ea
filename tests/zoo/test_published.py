"""Published figures as data: read, merged and refused."""

import pytest
from pydantic import ValidationError

from featherweight.errors import InvalidArgumentError
from featherweight.zoo.published import _network, published_network, published_networks


def table(**more: object) -> dict[str, object]:
    return {"source": "a paper", "rows": [{"macs": 3.0}], **more}


def test_a_row_has_what_its_table_says() -> None:
    network = _network({
        "name": "n", "title": "N", "paper": "p", "zoo": False,
        "tables": [{
            "source": "a paper", "device": "a phone",
            "convention": {"rounding": "truncate", "params_step": 0.1},
            "rows": [{"macs": 3.0}, {"macs": 4.0, "convention": {"params_step": 0.01}}],
        }],
    })  # fmt: skip
    first, second = network.rows
    assert (first.source, first.device, first.macs) == ("a paper", "a phone", 3.0)
    assert (first.convention.rounding, first.convention.params_step) == ("truncate", 0.1)
    assert (second.convention.rounding, second.convention.params_step) == ("truncate", 0.01)


@pytest.mark.parametrize(
    "wrong",
    [{"colour": "red"}, {"convention": {"rounding": "up"}}, {"rows": [{"top1": 101.0}]}],
)
def test_what_is_not_known_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _network({"name": "n", "title": "N", "paper": "p", "tables": [table(**wrong)]})


def test_networks_by_name() -> None:
    assert list(published_networks()) == sorted(published_networks())
    assert published_network("mobilenet-v1:width=0.5").name == "mobilenet-v1"
    with pytest.raises(InvalidArgumentError, match="no published figures of 'lenet-9'"):
        published_network("lenet-9")


def test_points_without_a_network_are_there() -> None:
    points = {name for name, network in published_networks().items() if not network.zoo}
    assert {"nasnet-a", "mobilenet-v3"} <= points
