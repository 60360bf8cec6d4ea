"""The networks: one architecture a file, headed by its paper."""

from featherweight.zoo.registry import ZooEntry, create, names, parse
from featherweight.zoo.resolve import Resolved, resolve

__all__ = ["Resolved", "ZooEntry", "create", "names", "parse", "resolve"]
