"""Let torchvision be imported beside a build of torch that its C++ part does not fit.

PyPI's torchvision is linked with CUDA; beside the CPU build of torch its operators are not
registered, and the import fails at the first of them. Only their schemas are missed there: with
these defined, models and transforms work (the operators themselves, such as `nms`, do not).
"""

import importlib
import sys
from functools import cache
from types import ModuleType

import torch

from featherweight.extras import require

_SCHEMAS = tuple(
    f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms")
)


@cache
def torchvision() -> ModuleType:
    """Return the module torchvision; where it imports as it is, nothing else is done.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    try:
        return require("torchvision", extra="test")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _LIBRARIES.append(library)
    return importlib.import_module("torchvision")


_LIBRARIES: list[torch.library.Library] = []
"""Schemas live as long as their library object does."""
