"""What a device can do: peak rate, memory, tiles. Its figures, with sources, are data files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from featherweight.errors import InvalidArgumentError
from featherweight.measure.operations import MatrixProduct


class _Figure(BaseModel):
    """One number and where it is from; "assumed" if from nowhere."""

    model_config = ConfigDict(extra="forbid")
    value: float
    source: str


class _Tile(BaseModel):
    """Sizes of the block that the device multiplies at a time, along the three loops."""

    model_config = ConfigDict(extra="forbid")
    rows: int = 1
    inner: int = 1
    columns: int = 1
    source: str


class _DeviceFile(BaseModel):
    """A file of `devices/`."""

    model_config = ConfigDict(extra="forbid")
    title: str
    dtype: str
    skips_zeros: bool
    peak_macs: _Figure
    bandwidth: _Figure
    cache_bytes: _Figure
    weight_memory: _Figure | None = None
    activation_memory: _Figure | None = None
    battery_wh: _Figure | None = None
    lanes: _Figure | None = None
    tile: _Tile | None = None


@dataclass(frozen=True)
class Tile:
    """Block of a matrix product that is computed at once; what does not fill it is lost."""

    rows: int = 1
    inner: int = 1
    columns: int = 1

    def utilisation(self, product: MatrixProduct) -> float:
        """Return the share of the blocks that the product fills, in (0, 1]."""
        return (
            _filled(product.rows, self.rows)
            * _filled(product.inner, self.inner)
            * _filled(product.columns, self.columns)
        )


@dataclass(frozen=True)
class Device:
    """One device, as the roofline sees it."""

    name: str
    title: str
    dtype: str
    """The type in which it computes."""
    skips_zeros: bool
    """Whether pruned weights save multiply-adds (a program can; a matrix processor cannot)."""
    peak_macs: float
    """Multiply-adds a second at best."""
    bandwidth: float
    """Bytes a second between the chip and its memory."""
    cache_bytes: float
    """Memory on the chip in which values wait for their next use."""
    weight_memory: float | None = None
    """Bytes that there are for weights, where that is a limit."""
    activation_memory: float | None = None
    battery_wh: float | None = None
    lanes: int = 1
    """Width of its vectors, laid over the output channels of all groups."""
    tile: Tile | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def utilisation(self, product: MatrixProduct) -> float:
        """Return the share of its multipliers that a matrix product keeps busy at best."""
        if self.tile is not None:
            return self.tile.utilisation(product)
        return _filled(product.columns * product.repeats, self.lanes)


def device_names() -> list[str]:
    """Return the names of the devices that come with the package, sorted."""
    files = (resources.files("featherweight.measure") / "devices").iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def find_device(name: str) -> Device:
    """Return a device by its name, or from a YAML file of the same form.

    Raises:
        InvalidArgumentError: there is no such device, or the file is not one.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise InvalidArgumentError(f"there is no file {name}.")
        return _parsed(path.stem, path.read_text(encoding="utf-8"), name)
    if name not in device_names():
        raise InvalidArgumentError(
            f"`device` must be one of {', '.join(device_names())}, this-machine, or a .yaml file, "
            f"but got device={name!r}."
        )
    file = resources.files("featherweight.measure") / "devices" / f"{name}.yaml"
    return _parsed(name, file.read_text(encoding="utf-8"), str(file))


def _parsed(name: str, text: str, where: str) -> Device:
    try:
        read = _DeviceFile.model_validate(yaml.safe_load(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise InvalidArgumentError(f"{where} is not a device: {error}") from error
    figures: dict[str, _Figure | _Tile] = {
        key: value for key, value in read if isinstance(value, _Figure | _Tile)
    }
    return Device(
        name=name,
        title=read.title,
        dtype=read.dtype,
        skips_zeros=read.skips_zeros,
        peak_macs=read.peak_macs.value,
        bandwidth=read.bandwidth.value,
        cache_bytes=read.cache_bytes.value,
        weight_memory=_value(read.weight_memory),
        activation_memory=_value(read.activation_memory),
        battery_wh=_value(read.battery_wh),
        lanes=int(read.lanes.value) if read.lanes else 1,
        tile=_tile(read.tile),
        sources={key: figure.source for key, figure in figures.items()},
    )


def _value(figure: _Figure | None) -> float | None:
    return None if figure is None else figure.value


def _tile(tile: _Tile | None) -> Tile | None:
    return None if tile is None else Tile(tile.rows, tile.inner, tile.columns)


def _filled(size: int, block: int) -> float:
    """Return size over size rounded up to whole blocks."""
    if size <= 0:
        return 1.0
    return size / (-(-size // block) * block)
