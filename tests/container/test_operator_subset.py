"""operators.yaml against ONNX's own schemas; the page in docs/ against operators.yaml."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from featherweight.container import Graph, Node
from featherweight.container.operators import (
    check_operators,
    layer_of,
    markdown,
    operator_sets,
    subset,
)
from featherweight.errors import UnsupportedOperatorError

ROOT = Path(__file__).parents[2]
ANY = 2**31 - 1


@pytest.mark.parametrize("operator_set", range(operator_sets()[0], operator_sets()[1] + 1))
@pytest.mark.parametrize("name", [name for name in subset() if "." not in name])
def test_operator_is_onnx_own(name: str, operator_set: int) -> None:
    schema, rule = onnx.defs.get_schema(name, operator_set, ""), subset()[name]
    assert rule.inputs == (schema.min_input, None if schema.max_input == ANY else schema.max_input)
    assert rule.outputs[0] == schema.min_output
    for key, attribute in rule.attributes.items():
        theirs = schema.attributes[key]
        assert attribute.type == theirs.type.name.lower()
        assert attribute.required == theirs.required
        if theirs.default_value.name:
            default = onnx.helper.get_attribute_value(theirs.default_value)
            default = default.decode() if isinstance(default, bytes) else default
            if isinstance(default, float):
                assert np.float32(attribute.default) == np.float32(default)
            else:
                assert attribute.default == default
        else:
            assert attribute.default is None


def test_the_page_is_the_table() -> None:
    assert (ROOT / "docs" / "operators.md").read_text(encoding="utf-8") == markdown()


def graph_of(node: Node, operator_set: int = 20) -> Graph:
    return Graph((), (), (node,), operator_set)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Node("Loop", ("x",), ("y",)), "Loop of layer 'y' is outside the ONNX subset"),
        (Node("Conv", ("x",), ("y",)), "must have 2 to 3 inputs, but has 1"),
        (Node("Relu", ("x",), ("y", "z")), "must have 1 outputs, but has 2"),
        (Node("MaxPool", ("x",), ("y",)), "must have the attribute 'kernel_shape'"),
        (Node("Conv", ("x", "a.b.weight"), ("y",), {"auto_pad": "SAME"}), "layer 'a.b' has the"),
        (Node("Gelu", ("x",), ("y",), {"approximate": "erf"}), "approximate='erf', which is not"),
        (Node("Flatten", ("x",), ("y",), {"axis": 1.5}), "axis=1.5, which is not int"),
    ],
)
def test_what_is_outside_is_named(node: Node, message: str) -> None:
    with pytest.raises(UnsupportedOperatorError, match=message):
        check_operators(graph_of(node))


def test_what_is_inside_passes() -> None:
    check_operators(graph_of(Node("Elu", ("x",), ("y",), {"alpha": 1})))
    check_operators(graph_of(Node("Conv", ("x", "w"), ("y",), {"pads": (1, 1, 1, 1)})))
    check_operators(graph_of(Node("featherweight.BinaryConv", ("x", "w", "alpha"), ("y",))))
    with pytest.raises(UnsupportedOperatorError, match="operator set must be 20 to"):
        check_operators(graph_of(Node("Relu", ("x",), ("y",)), operator_set=7))


def test_a_node_is_known_by_its_weight() -> None:
    assert layer_of(Node("Conv", ("x", "features.0.weight"), ("conv",))) == "features.0"
    assert layer_of(Node("Relu", ("x",), ("relu_1",))) == "relu_1"
