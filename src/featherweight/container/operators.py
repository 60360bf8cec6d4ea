"""The documented subset of ONNX operators: `operators.yaml`, and checks against it.

`python -m featherweight.container.operators` prints docs/operators.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from featherweight.container.graph import Attribute, Graph, Node
from featherweight.errors import UnsupportedOperatorError

OURS = "featherweight."
"""The prefix of operators that are ours, not ONNX's."""


@dataclass(frozen=True)
class AttributeRule:
    """Type (int, float, string, ints, floats), ONNX's default, and the values that are allowed."""

    type: str
    default: Attribute | None = None
    required: bool = False
    choices: tuple[Attribute, ...] = ()

    def accepts(self, value: Attribute) -> bool:
        """Whether `value` is of this type and one of the choices. An int may stand for a float."""
        if self.choices and value not in self.choices:
            return False
        if self.type in ("ints", "floats"):
            numbers = (int,) if self.type == "ints" else (int, float)
            return isinstance(value, tuple | list) and all(isinstance(v, numbers) for v in value)
        if self.type == "float":
            return isinstance(value, int | float)
        return isinstance(value, int if self.type == "int" else str)


@dataclass(frozen=True)
class OperatorRule:
    """How many inputs and outputs, (least, most or None), and which attributes."""

    inputs: tuple[int, int | None]
    outputs: tuple[int, int | None]
    attributes: Mapping[str, AttributeRule]


@cache
def operator_sets() -> tuple[int, int]:
    """The first and the last operator set of ONNX at which the subset holds."""
    first, last = _table()["operator_sets"]
    return first, last


@cache
def subset() -> Mapping[str, OperatorRule]:
    """The rules of all operators, by ONNX's name."""
    return {name: _rule(entry) for name, entry in _table()["operators"].items()}


def check_operators(graph: Graph) -> None:
    """Refuse a graph with an operator outside the subset.

    Raises:
        UnsupportedOperatorError: names the operator and the layer.
    """
    first, last = operator_sets()
    if not first <= graph.operator_set <= last:
        raise UnsupportedOperatorError(
            f"the operator set must be {first} to {last}, but got {graph.operator_set}."
        )
    for node in graph.nodes:
        rule = subset().get(node.operator)
        problem = "is outside the ONNX subset" if rule is None else _problem(node, rule)
        is_ours = rule is None and node.operator.startswith(OURS)
        if problem and not is_ours:
            raise UnsupportedOperatorError(
                f"operator {node.operator} of layer {layer_of(node)!r} {problem} "
                "(docs/operators.md lists what a file may hold)."
            )


def layer_of(node: Node) -> str:
    """The name by which people know a node: that of its weight's module, else of its output."""
    for name in node.inputs[1:]:
        module, dot, last = name.rpartition(".")
        if dot and last in ("weight", "bias"):
            return module
    return next(iter(node.outputs), "")


def _problem(node: Node, rule: OperatorRule) -> str:
    for what, names, (least, most) in (
        ("inputs", node.inputs, rule.inputs),
        ("outputs", node.outputs, rule.outputs),
    ):
        if len(names) < least or (most is not None and len(names) > most):
            return f"must have {_span(least, most)} {what}, but has {len(names)}"
    for name, attribute in rule.attributes.items():
        if attribute.required and name not in node.attributes:
            return f"must have the attribute {name!r}"
    for name, value in node.attributes.items():
        known = rule.attributes.get(name)
        if known is None:
            return f"has the attribute {name!r}, which is outside the ONNX subset"
        if not known.accepts(value):
            return f"has {name}={value!r}, which is not {_describe(known)}"
    return ""


def _span(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more"
    return f"{least}" if least == most else f"{least} to {most}"


def _describe(rule: AttributeRule) -> str:
    if rule.choices:
        return f"{rule.type} ({', '.join(map(str, rule.choices))})"
    return rule.type


@cache
def _table() -> Any:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def _rule(entry: Mapping[str, Any]) -> OperatorRule:
    attributes = {
        name: AttributeRule(**{**fields, "choices": tuple(fields.get("choices", ()))})
        for name, fields in entry.get("attributes", {}).items()
    }
    least_in, most_in = entry.get("inputs", (1, 1))
    least_out, most_out = entry.get("outputs", (1, 1))
    return OperatorRule((least_in, most_in), (least_out, most_out), attributes)


def markdown() -> str:
    """The page docs/operators.md."""
    first, last = operator_sets()
    lines = [
        "# Operators",
        "",
        "<!-- Written by `python -m featherweight.container.operators`; a test compares them. -->",
        "",
        f"What a `.fwt` file may hold: these ONNX operators, as ONNX defines them at operator sets "
        f"{first} to {last},",
        "and ours, named `featherweight.Name`. An attribute stands here with its type and ONNX's",
        "default; in bold it must be given, and one that is not here is outside the subset.",
        "A network with another operator is refused when it is written, unless it is for storage",
        "only; `inspect` then says so.",
        "",
        "| operator | inputs | outputs | attributes |",
        "|---|---|---|---|",
    ]
    for name, rule in subset().items():
        cells = [name, _span(*rule.inputs), _span(*rule.outputs)]
        attributes = ", ".join(_cell(*item) for item in rule.attributes.items())
        lines.append(f"| {' | '.join(cells)} | {attributes} |".replace("  ", " "))
    return "\n".join(lines) + f"\n\n{_table()['ours']}"


def _cell(name: str, rule: AttributeRule) -> str:
    title = f"**`{name}`**" if rule.required else f"`{name}`"
    default = "" if rule.default is None else f" = {rule.default}"
    return f"{title} {_describe(rule)}{default}"


if __name__ == "__main__":
    print(markdown(), end="")
