"""The one place through which optional third-party packages are imported."""

import importlib
from types import ModuleType

from featherweight.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra of featherweight brings it.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A package that is installed but broken inside must not be reported as "not installed".
        if error.name is None or error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        raise MissingExtraError(install_hint(module, extra)) from error


def install_hint(module: str, extra: str) -> str:
    """The sentence that says what to install."""
    return f"`{module}` is needed here but is not installed: pip install 'featherweight[{extra}]'."
