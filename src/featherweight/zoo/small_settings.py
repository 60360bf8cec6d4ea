"""The size at which each network learns small pictures in about a minute an epoch; data beside."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from torch import nn

from featherweight.errors import InvalidArgumentError
from featherweight.zoo import registry


@dataclass(frozen=True)
class SmallSetting:
    """One network of `small_settings.yaml`, where the fields are explained."""

    name: str
    options: dict[str, Any]
    input: tuple[int, int, int]
    num_classes: int
    learning_rate: float
    cpu_s: float

    @property
    def spec(self) -> str:
        """As MODEL on the command line; the data sets the picture's size and the classes."""
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name

    def build(self, **options: object) -> nn.Module:
        """The network with fresh weights; `options` win over those of the setting."""
        size = {
            "in_channels": self.input[0],
            "input_size": self.input[1],
            "num_classes": self.num_classes,
        }
        return registry.create(self.name, **(size | self.options | options))


@cache
def small_settings() -> dict[str, SmallSetting]:
    """All small settings by the network's name."""
    file = resources.files("featherweight.zoo") / "small_settings.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    shared = {"input": tuple(raw["input"]), "num_classes": raw["num_classes"]}
    return {
        name: SmallSetting(name=name, **shared, **entry) for name, entry in raw["networks"].items()
    }


def small_setting(name: str) -> SmallSetting:
    """The small setting of one network.

    Raises:
        InvalidArgumentError: there is none of this name.
    """
    if name not in small_settings():
        raise InvalidArgumentError(
            f"there is no small setting of {name!r}: there are of {', '.join(small_settings())}."
        )
    return small_settings()[name]
