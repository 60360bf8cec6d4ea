"""What a uniform quantization is asked to do: frozen values, readable from YAML."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")

Calibration = Literal["minmax", "moving-average", "percentile", "entropy", "mse"]
"""How the ranges of activations are found: the names of `calibration.CALIBRATIONS`."""


@dataclass(frozen=True, config=_STRICT)
class AdaRoundConfig:
    """How long and how hard roundings are trained (arXiv 2004.10568, section 4)."""

    steps: Annotated[int, Field(ge=1)] = 1000
    samples: Annotated[int, Field(ge=1)] = 256
    """Calibration inputs that a layer is trained on."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-2
    regularization: Annotated[float, Field(gt=0.0)] = 10.0
    """Weight of f(V) / weights beside the layer's error / that of rounding to the nearest."""


@dataclass(frozen=True, config=_STRICT)
class UniformConfig:
    """Where the points lie, what shares a scale, and what is done about the error."""

    grid: Literal["symmetric", "affine", "minmax"] = "symmetric"
    """Symmetric around 0; with a zero point; or the lecture's, from min to max, without exact 0."""
    granularity: Literal["tensor", "channel", "group"] = "channel"
    group_size: Annotated[int, Field(ge=2)] = 64
    weight_range: Literal["minmax", "mse"] = "minmax"
    """A row's range holds all its weights, or is cut where the squared error is least."""
    activations: Literal["float32", "uint8"] = "uint8"
    """uint8: the inputs of layers are quantized, too, so that they compute in integers."""
    calibration: Calibration = "mse"
    calibration_samples: Annotated[int, Field(ge=1)] = 512
    equalize: bool = False
    """Scale channels of neighbouring layers to equal ranges first (arXiv 1906.04721)."""
    correct_bias: bool = False
    """Take the mean error of each output channel into the bias (arXiv 1906.04721)."""
    adaround: AdaRoundConfig | None = None
    """Train which way each weight is rounded (arXiv 2004.10568)."""
    learned_step: bool = False
    """In training aware of quantization, learn the scales (arXiv 1902.08153)."""
