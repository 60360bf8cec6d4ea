"""What a node says of itself, as plain numbers."""

from featherweight.container.graph import Node


def number(node: Node, name: str, default: int) -> int:
    """Return an attribute that is a whole number; ONNX's default where it is not given."""
    return int(node.attributes.get(name, default))  # type: ignore[arg-type]
