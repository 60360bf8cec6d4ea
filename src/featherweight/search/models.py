"""The network of an architecture that is given as text: a MODEL as any other."""

from torch import nn

from featherweight.search.network import PlannedNetwork
from featherweight.search.plan import Shape
from featherweight.search.spaces.registry import parse_architecture


def build(text: str, shape: Shape, num_classes: int) -> nn.Module:
    """The network of `SPACE:decision=option,...`, with fresh weights.

    Raises:
        InvalidArgumentError: there is no such space, or it has no such architecture.
    """
    return PlannedNetwork(parse_architecture(text).plan(shape, num_classes))
