"""Attributes that say nothing: ONNX's default values, which the file does not store."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from featherweight.container.graph import Attribute
from featherweight.container.operators import OURS, subset
from featherweight.extras import require

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_WINDOWS = (*_CONVOLUTIONS, f"{OURS}BinaryConv", "MaxPool", "AveragePool")
_ALL_ONES = ("strides", "dilations")
_ALL_ZEROS = ("pads", "output_padding")


@cache
def schema_defaults(operator: str, operator_set: int) -> Mapping[str, Attribute]:
    """Return the default values of the attributes of an operator; empty if unknown."""
    if operator.startswith(OURS):
        rules = subset()[operator].attributes
        return {name: rule.default for name, rule in rules.items() if rule.default is not None}
    onnx = require("onnx", extra="torch")
    try:
        schema = onnx.defs.get_schema(operator, operator_set, "")
    except onnx.defs.SchemaError:
        return {}
    defaults = {}
    for name, attribute in schema.attributes.items():
        if attribute.default_value.name:
            value = onnx.helper.get_attribute_value(attribute.default_value)
            defaults[name] = value.decode() if isinstance(value, bytes) else value
    return defaults


def without_defaults(
    operator: str, attributes: Mapping[str, Attribute], operator_set: int
) -> dict[str, Attribute]:
    """Return the attributes that differ from what ONNX takes when they are not given.

    The standard states some defaults in words only: strides and dilations of 1, padding of 0, and
    the kernel's shape, which is that of the weight.
    """
    defaults = schema_defaults(operator, operator_set)
    kept = {}
    for name, value in attributes.items():
        if name in defaults and _same(value, defaults[name]):
            continue
        if operator in _WINDOWS and isinstance(value, tuple):
            if name in _ALL_ONES and set(value) == {1}:
                continue
            if name in _ALL_ZEROS and set(value) == {0}:
                continue
        if operator in _CONVOLUTIONS and name == "kernel_shape":
            continue
        kept[name] = value
    return kept


def _same(value: Attribute, default: Attribute) -> bool:
    if isinstance(value, float) and isinstance(default, float | int):
        return bool(np.float32(value) == np.float32(default))
    return value == default
