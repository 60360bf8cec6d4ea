"""Which operators a `.tflite` file holds, on what numbers, and which accelerators refuse them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

_NOT_AN_OPERATOR = frozenset({"DELEGATE"})
_BETWEEN = frozenset({"QUANTIZE", "DEQUANTIZE"})
"""What turns numbers into steps and back stands at an integer network's border."""


@dataclass(frozen=True)
class FileOperator:
    """One operator of a file: its name, and whether it reads or gives floats."""

    name: str
    on_floats: bool


def operators_of(interpreter: Any) -> tuple[FileOperator, ...]:
    """Return the operators of a loaded file, as they stand in it before any delegate took them."""
    floats = {
        tensor["index"]
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] in (np.float32, np.float16)
    }
    return tuple(
        FileOperator(
            operator["op_name"],
            bool(floats.intersection([*operator["inputs"], *operator["outputs"]])),
        )
        for operator in interpreter._get_ops_details()
        if operator["op_name"] not in _NOT_AN_OPERATOR
    )


def float_operators(operators: Sequence[FileOperator]) -> list[str]:
    """Names of the operators that compute on floats."""
    return sorted({o.name for o in operators if o.on_floats and o.name not in _BETWEEN})


def refused_by(operators: Sequence[FileOperator]) -> dict[str, list[str]]:
    """By accelerator that would not take the whole file: the operators that it refuses."""
    refused = {}
    for title, entry in _accelerators().items():
        names = {
            operator.name
            for operator in operators
            if operator.name not in entry["operators"] or (operator.on_floats and entry["integer"])
        }
        if names - _BETWEEN:
            refused[title] = sorted(names - _BETWEEN)
    return refused


@cache
def _accelerators() -> Mapping[str, Any]:
    text = Path(__file__).with_name("litert_accelerators.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = yaml.safe_load(text)
    return table
