"""Recipes: what is done to which layer, as frozen data that is read from and written to YAML."""

from dataclasses import replace
from fnmatch import fnmatchcase
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from featherweight.binarization import SchemeName
from featherweight.errors import InvalidArgumentError
from featherweight.functional.sparsity_pattern import UNSTRUCTURED, parse_pattern
from featherweight.pruning import PruningConfig, Target, find_method
from featherweight.pruning.group_training import GroupConfig
from featherweight.pruning.removal import RemovalConfig
from featherweight.quantization import UniformConfig
from featherweight.training import Distillation, TrainingConfig
from featherweight.weight_sharing import SharingConfig
from featherweight.zoo import small_settings

_STRICT = ConfigDict(extra="forbid")
Bits = Annotated[int, Field(ge=1, le=8)]


@dataclass(frozen=True, config=_STRICT)
class LayerRule:
    """What happens to the layers whose name matches `pattern` (``ip1``, ``conv*``)."""

    pattern: str
    density: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Share of weights to keep; none and no quality: nothing is pruned."""
    quality: Annotated[float, Field(ge=0.0)] | None = None
    """Instead of a density: keep what exceeds so many standard deviations."""
    method: str | None = None
    """How the weights that stay are chosen (`pruning.methods`); none: as the stage's masks say."""
    sparsity_pattern: str = UNSTRUCTURED.name
    """Which weights stay or go together: unstructured, N:M or RxC; N:M needs no density."""
    num_bits: Bits | None = None
    """Weights share 2^num_bits values; none: they stay float32."""
    scheme: Literal["kmeans", "uniform"] = "kmeans"
    """Where these values lie: at centroids of the weights, or equally spaced."""
    bias_bits: Bits | None = None
    """The same for the layer's bias, which is never pruned."""

    @property
    def prunes(self) -> bool:
        """Whether weights are removed."""
        if self.quality is not None or self.method == "zeros":
            return True
        if self.density is None:
            return parse_pattern(self.sparsity_pattern).fixed_density is not None
        return self.density < 1.0

    def target(self, method: str) -> Target:
        """What pruning is asked for; `method` is the stage's."""
        pattern = parse_pattern(self.sparsity_pattern)
        return Target(self.density, self.quality, self.method or method, pattern)

    def __post_init__(self) -> None:
        if self.density is not None and self.quality is not None:
            raise ValueError("a layer rule takes a density or a quality, not both")
        fixed = parse_pattern(self.sparsity_pattern).fixed_density
        if fixed is not None and self.density not in (None, fixed):
            raise ValueError(
                f"the pattern {self.sparsity_pattern} keeps {fixed:g} of the weights, "
                f"so `density` must be left out or be {fixed:g}"
            )
        if self.method is not None:
            find_method(self.method)


@dataclass(frozen=True, config=_STRICT)
class ChannelStage:
    """Before all else: channels or neurons go, and what is left is trained where there is data."""

    removal: RemovalConfig = RemovalConfig(pruning_ratio=0.0)
    penalties: GroupConfig | None = None
    """Train under these first; what they take to zero goes, too, whatever the ratio."""
    training: TrainingConfig = TrainingConfig()
    calibration: Annotated[int, Field(ge=1)] = 256
    """Training pictures for importances that look at some."""


@dataclass(frozen=True, config=_STRICT)
class PruningStage:
    """Prune while training so; without data the masks are set once."""

    masks: PruningConfig = PruningConfig()
    training: TrainingConfig = TrainingConfig()
    adjust_dropout: bool = True
    calibration: Annotated[int, Field(ge=1)] = 1024
    """Training pictures that methods look at which need data."""


@dataclass(frozen=True, config=_STRICT)
class SharingStage:
    """Cluster, then train the centroids so; without data they stay where k-means put them."""

    clusters: SharingConfig = SharingConfig()
    training: TrainingConfig = TrainingConfig(epochs=3, learning_rate=5e-4, weight_decay=0.0)


@dataclass(frozen=True, config=_STRICT)
class UniformStage:
    """Quantize the layers of scheme `uniform`, and train them so if there are epochs and data."""

    quantization: UniformConfig = UniformConfig()
    training: TrainingConfig = TrainingConfig(epochs=0, learning_rate=5e-4, weight_decay=0.0)


@dataclass(frozen=True, config=_STRICT)
class BinarizationStage:
    """Before weights are pruned: layers become binary, and are trained so where there is data."""

    scheme: SchemeName = "xnor"
    layers: tuple[str, ...] = ("*",)
    """Patterns of the names of those to make binary, of the ones that can be."""
    keep_first_last: bool = True
    """The first and the last layer stay real, whatever the patterns say."""
    training: TrainingConfig = TrainingConfig()


@dataclass(frozen=True, config=_STRICT)
class Recipe:
    """A whole compression, readable as YAML. The first rule that matches a layer holds."""

    name: str
    layers: tuple[LayerRule, ...]
    """What is done to real layers; may be empty where there is binarization, or channels go."""
    source: str = ""
    channels: ChannelStage | None = None
    binarization: BinarizationStage | None = None
    pruning: PruningStage = PruningStage()
    sharing: SharingStage = SharingStage()
    uniform: UniformStage = UniformStage()
    coder: Literal["auto", "huffman", "rans", "context", "packed"] = "auto"
    index_bits: Bits = 5
    """Width of a relative index in the table's columns before coding."""

    def rule(self, layer: str) -> LayerRule | None:
        """The rule for a layer, or None: it is stored as it is."""
        return next((rule for rule in self.layers if fnmatchcase(layer, rule.pattern)), None)


T = TypeVar("T")


def to_yaml(value: Recipe | TrainingConfig) -> str:
    """Write a recipe as YAML; what `from_yaml` reads back is equal."""
    return yaml.safe_dump(to_data(value), sort_keys=False, width=100)


def to_data(value: Recipe | TrainingConfig) -> dict[str, Any]:
    """The recipe as plain data, defaults left out: what YAML files and `.fwt` metadata hold."""
    plain: dict[str, Any] = TypeAdapter(type(value)).dump_python(
        value, mode="json", exclude_defaults=True
    )
    return plain


def from_yaml(text: str, source: str, kind: type[T]) -> T:
    """Read a `Recipe` or a `TrainingConfig`.

    Raises:
        InvalidArgumentError: not YAML, an unknown key, or a value outside its rule.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InvalidArgumentError(f"{source} is not readable as YAML: {reason}.") from error
    return from_data(data or {}, source, kind)


def from_data(data: object, source: str, kind: type[T]) -> T:
    """The same from plain data, as `to_data` gives it.

    Raises:
        InvalidArgumentError: an unknown key, or a value outside its rule.
    """
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise InvalidArgumentError(
            f"{source}: `{place}` is not valid: {first['msg']}, but got {first['input']!r}."
        ) from error


def _library() -> Traversable:
    return resources.files("featherweight.recipes") / "library"


def recipe_names() -> dict[str, list[str]]:
    """The recipes that ship, and the networks (or network@data set) that each is written for."""
    folders = [f for f in _library().iterdir() if f.is_dir() and f.name != "reference"]
    return {
        folder.name: sorted(file.name.removesuffix(".yaml") for file in folder.iterdir())
        for folder in sorted(folders, key=lambda f: f.name)
    }


def find_recipe(name_or_file: str, model: str, data: str | None = None) -> Recipe:
    """A recipe that ships, for this network and data set, or one from a YAML file.

    Raises:
        InvalidArgumentError: no such recipe or file, or none for this network.
    """
    path = Path(name_or_file)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise InvalidArgumentError(f"there is no recipe file {name_or_file}.")
        return from_yaml(path.read_text(encoding="utf-8"), name_or_file, Recipe)
    text = _shipped(name_or_file, model, data)
    if text is None:
        known = "; ".join(f"{name} ({', '.join(nets)})" for name, nets in recipe_names().items())
        raise InvalidArgumentError(
            f"there is no recipe {name_or_file!r} for {model!r}: "
            f"give a YAML file, or one of {known}."
        )
    return from_yaml(text, f"recipe {name_or_file}", Recipe)


def fitting_base(model: str, data: str | None = None) -> Recipe:
    """The recipe whose training `compress --max-size` takes: "lightest" where it is for this
    network, else gradual pruning while the network learns from its uncompressed self.
    """
    text = _shipped("lightest", model, data)
    if text is not None:
        return from_yaml(text, "recipe lightest", Recipe)
    own = Distillation()
    training = replace(find_training(model, data, epochs=10), distillation=own)
    return Recipe(
        "fit",
        (),
        pruning=PruningStage(PruningConfig(start_density=0.6), training),
        sharing=SharingStage(training=replace(SharingStage().training, distillation=own)),
    )


def find_training(model: str, data: str | None = None, epochs: int | None = None) -> TrainingConfig:
    """How a reference network is trained: as it ships for this network, or the defaults.

    By default a network of the zoo has the learning rate of its small setting.
    """
    text = _shipped("reference", model, data)
    known = small_settings().get(model.partition(":")[0])
    if text:
        config = from_yaml(text, f"training of {model}", TrainingConfig)
    elif known:
        config = TrainingConfig(learning_rate=known.learning_rate)
    else:
        config = TrainingConfig()
    return config if epochs is None else replace(config, epochs=epochs)


def _shipped(folder: str, model: str, data: str | None) -> str | None:
    base = model.partition(":")[0]
    for name in ([f"{base}@{data}"] if data else []) + [base]:
        file = _library() / folder / f"{name}.yaml"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def scaled(recipe: Recipe, epochs: float) -> Recipe:
    """The same recipe with the epochs of every stage multiplied by `epochs`, at least one
    of each that has any.
    """

    def shorter(training: TrainingConfig) -> TrainingConfig:
        return replace(
            training, epochs=max(min(1, training.epochs), round(training.epochs * epochs))
        )

    binary, channels = recipe.binarization, recipe.channels
    return replace(
        recipe,
        channels=channels and replace(channels, training=shorter(channels.training)),
        binarization=binary and replace(binary, training=shorter(binary.training)),
        pruning=replace(recipe.pruning, training=shorter(recipe.pruning.training)),
        sharing=replace(recipe.sharing, training=shorter(recipe.sharing.training)),
        uniform=replace(recipe.uniform, training=shorter(recipe.uniform.training)),
    )
