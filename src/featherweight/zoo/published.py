"""What papers print about networks: parameters, multiply-adds, accuracy, latency, and how counted.

One data file a network in `published/`. A file has tables (one source each), a table has rows; what
a table says beside its rows holds for each of them. Counts are in millions, as printed; top-1 in
percent; latency in milliseconds for one picture.
"""

from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from featherweight.errors import InvalidArgumentError

_STRICT = ConfigDict(extra="forbid")
Positive = Annotated[float, Field(gt=0.0)]
Percent = Annotated[float, Field(ge=0.0, le=100.0)]
Shape = tuple[int, int, int]
"""(channels, height, width)."""


@dataclass(frozen=True, config=_STRICT)
class Convention:
    """How a printed count was taken; the defaults are the plain way."""

    rounding: Literal["round", "truncate"] = "round"
    params_step: Positive = 1.0
    """Millions that the last printed digit stands for."""
    macs_step: Positive = 1.0
    norm_params: bool = True
    """Whether the parameters of batch-norm are counted."""
    fully_connected: bool = True
    """Whether the MACs of linear layers, the classifier among them, are counted."""
    operations_per_mac: Literal[1, 2] = 1
    stem_channels: int | None = None
    """Channels of the first layer, where the paper leaves them open and the count tells them."""


@dataclass(frozen=True, config=_STRICT)
class PublishedRow:
    """One network at one picture size, as one source prints it."""

    source: str
    spec: str | None = None
    """The zoo network that it describes; None: the zoo has none, and `variant` says what it is."""
    input: Shape | None = None
    layer: str | None = None
    """Of the network, only this layer."""
    variant: str = ""
    params: Positive | None = None
    macs: Positive | None = None
    top1: Percent | None = None
    data: str = "ImageNet"
    latency_ms: Positive | None = None
    device: str | None = None
    convention: Convention = Convention()
    exception: str | None = None
    """Why the count of the zoo's network differs by more than 1 % and the printed digits."""
    apart: str | None = None
    """The same, where the source itself is at odds with the network's own paper."""

    @property
    def reason(self) -> str | None:
        """Why the printed counts are not the zoo network's; None: they are."""
        return self.exception or self.apart


@dataclass(frozen=True, config=_STRICT)
class Counted:
    """A zoo network at one picture size."""

    spec: str
    input: Shape


@dataclass(frozen=True, config=_STRICT)
class Claim:
    """A ratio that a paper states in words: `quantity` of one network to that of another."""

    text: str
    quantity: Literal["params", "macs"]
    of: Counted
    to: Counted
    theirs: Positive
    ours: Positive
    reason: str


@dataclass(frozen=True, config=_STRICT)
class PublishedNetwork:
    """All that is printed about one network."""

    name: str
    title: str
    paper: str
    rows: tuple[PublishedRow, ...]
    zoo: bool = True
    """Whether the zoo builds it; otherwise it is a point in plots."""
    claims: tuple[Claim, ...] = ()


def agrees(printed: float, counted: float, step: float, rounding: str) -> bool:
    """Whether a count agrees with what is printed: to 1 %, or to the last printed digit.

    Args:
        printed: in millions, as are `counted` and `step`.
        step: what one unit of the last printed digit stands for.
        rounding: "round" to the nearest, or "truncate".
    """
    slack = 1e-9 * printed
    if rounding == "truncate":
        to_the_digit = -slack <= counted - printed < step - slack
    else:
        to_the_digit = abs(counted - printed) <= step / 2 + slack
    return to_the_digit or abs(counted - printed) <= 0.01 * printed


@cache
def published_networks() -> dict[str, PublishedNetwork]:
    """The networks with published figures, by name, sorted."""
    folder = resources.files("featherweight.zoo") / "published"
    files = (file for file in folder.iterdir() if file.name.endswith(".yaml"))
    networks = [_network(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files]
    return {network.name: network for network in sorted(networks, key=lambda n: n.name)}


def published_network(name: str) -> PublishedNetwork:
    """The published figures of one network; options after a colon are left out.

    Raises:
        InvalidArgumentError: there are none of this name.
    """
    known = published_networks()
    base = name.partition(":")[0]
    if base not in known:
        raise InvalidArgumentError(
            f"there are no published figures of {name!r}: there are of {', '.join(known)}."
        )
    return known[base]


def _network(raw: dict[str, Any]) -> PublishedNetwork:
    """Give each row what its table says, and check all of it."""
    tables = raw.pop("tables")
    rows = []
    for table in tables:
        shared = {key: value for key, value in table.items() if key != "rows"}
        for row in table["rows"]:
            convention = shared.get("convention", {}) | row.get("convention", {})
            rows.append(shared | row | {"convention": convention})
    return TypeAdapter(PublishedNetwork).validate_python({**raw, "rows": rows})
