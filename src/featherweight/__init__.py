"""featherweight: what you prune is gone, from the file, from RAM and from the clock.

Importing this module is light: torch is imported by the verb that needs it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featherweight.bench.model_profile import profile as profile
    from featherweight.container import inspect as inspect
    from featherweight.graph import load as load
    from featherweight.recipes import compress as compress

__version__ = "0.1.0"
_VERBS = {
    "compress": "featherweight.recipes",
    "inspect": "featherweight.container",
    "load": "featherweight.graph",
    "profile": "featherweight.bench.model_profile",
}
__all__ = ["__version__", "compress", "inspect", "load", "profile"]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(importlib.import_module(_VERBS[name]), name)
    raise AttributeError(f"module 'featherweight' has no attribute {name!r}")
