"""A `.fwt` file becomes a torch module."""

from pathlib import Path

from featherweight.container import dense, read
from featherweight.graph.rebuild import GraphModule, rebuild


def load(path: str | Path) -> GraphModule:
    """Return the network of a `.fwt` file, its weights decoded, in evaluation mode.

    Raises:
        FormatError: the file is truncated, altered or hostile.
        UnsupportedOperatorError: the file was written for storage only, and its graph has an
            operator that is outside the subset.
    """
    return rebuild(read(path).graph, dense(path))
