"""The networks: one architecture a file, headed by its paper."""

from featherweight.zoo.published import published_network, published_networks
from featherweight.zoo.registry import ZooEntry, create, names, parse
from featherweight.zoo.resolve import FILE_SUFFIXES, Resolved, resolve
from featherweight.zoo.small_settings import SmallSetting, small_setting, small_settings

__all__ = [
    "FILE_SUFFIXES",
    "Resolved",
    "SmallSetting",
    "ZooEntry",
    "create",
    "names",
    "parse",
    "published_network",
    "published_networks",
    "resolve",
    "small_setting",
    "small_settings",
]
