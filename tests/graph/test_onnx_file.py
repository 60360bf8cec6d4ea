"""ONNX files, out and in; ONNX Runtime is the oracle."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from featherweight.container import Graph, Node, ValueInfo
from featherweight.errors import FormatError, UnsupportedOperatorError
from featherweight.graph import capture, from_onnx, rebuild, to_onnx


def run_onnx(path: Path, x: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (name,) = [value.name for value in session.get_inputs()]
    return torch.from_numpy(session.run(None, {name: x.numpy()})[0])


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU6(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 16, 12), nn.SiLU(), nn.Linear(12, 5, bias=False),
    ).eval()  # fmt: skip


def test_a_graph_goes_to_a_file_and_comes_back_the_same(net: nn.Module, tmp_path: Path) -> None:
    graph, tensors = capture(net, torch.zeros(1, 3, 8, 8))
    path = tmp_path / "net.onnx"
    to_onnx(graph, tensors, path)
    first = path.read_bytes()
    to_onnx(graph, tensors, path)
    assert path.read_bytes() == first
    again, again_tensors = from_onnx(path)
    assert again == graph
    assert again_tensors.keys() == tensors.keys()
    assert all(torch.equal(again_tensors[name], tensors[name]) for name in tensors)
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    for batch in (1, 3):
        x = torch.randn(batch, 3, 8, 8)
        torch.testing.assert_close(run_onnx(path, x), net(x), rtol=1e-5, atol=1e-5)
        assert torch.equal(rebuild(again, again_tensors)(x), net(x))


def test_an_operator_of_ours_has_no_onnx_form(tmp_path: Path) -> None:
    info = ValueInfo("input", "float32", ("batch", 2))
    graph = Graph(
        (info,), (ValueInfo("out", "float32", ("batch", 2)),),
        (Node("featherweight.Magic", ("input",), ("out",)),), 20,
    )  # fmt: skip
    with pytest.raises(UnsupportedOperatorError, match=r"featherweight\.Magic"):
        to_onnx(graph, {}, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def foreign_model(opset: int = 20) -> onnx.ModelProto:
    """A network as another tool may write it: weights [in, out], Flatten, Constant, own names."""
    rng = np.random.default_rng(0)
    weights = {
        "filters": rng.normal(size=(4, 1, 3, 3)), "b0": rng.normal(size=4),
        "dense/w": rng.normal(size=(36, 6)), "dense/b": rng.normal(size=6),
        "7": rng.normal(size=(6, 3)), "8": rng.normal(size=3),
    }  # fmt: skip
    make = onnx.helper.make_node
    shape = onnx.numpy_helper.from_array(np.array([0, -1]), "shape")
    nodes = [
        make("Conv", ["x", "filters", "b0"], ["c"], auto_pad="NOTSET", pads=[0, 0, 0, 0]),
        make("Relu", ["c"], ["r"]),
        make("Dropout", ["r"], ["d"]),
        make("Constant", [], ["target"], value=shape),
        make("Reshape", ["d", "target"], ["f"]),
        make("MatMul", ["f", "dense/w"], ["m"]),
        make("Add", ["m", "dense/b"], ["a"]),
        make("Gemm", ["a", "7", "8"], ["y"]),
    ]
    graph = onnx.helper.make_graph(
        nodes, "foreign",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 1, 5, 5])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 3])],
        [onnx.numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )  # fmt: skip
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8
    )


@pytest.mark.parametrize("opset", [13, 20, 23])
def test_a_foreign_file_becomes_layers(tmp_path: Path, opset: int) -> None:
    path = tmp_path / "foreign.onnx"
    onnx.save(foreign_model(opset), path)
    graph, tensors = from_onnx(path)
    assert [node.operator for node in graph.nodes] == ["Conv", "Relu", "Flatten", "Gemm", "Gemm"]
    module = rebuild(graph, tensors)
    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 3
    assert all(layer.bias is not None for layer in layers)
    assert len(list(module.parameters())) == 6
    x = torch.randn(4, 1, 5, 5)
    expected = run_onnx(path, x)
    torch.testing.assert_close(module(x), expected, rtol=1e-5, atol=1e-5)
    to_onnx(graph, tensors, path)
    torch.testing.assert_close(run_onnx(path, x), expected, rtol=1e-5, atol=1e-5)


def test_a_foreign_network_can_be_captured_again(tmp_path: Path) -> None:
    path = tmp_path / "foreign.onnx"
    onnx.save(foreign_model(), path)
    graph, tensors = from_onnx(path)
    again, again_tensors = capture(rebuild(graph, tensors), torch.zeros(1, 1, 5, 5))
    assert again.nodes == tuple(
        Node(n.operator, _renamed(n.inputs), _renamed(n.outputs), n.attributes) for n in graph.nodes
    )
    assert again_tensors.keys() == tensors.keys()


def _renamed(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({"x": "input"}.get(name, name) for name in names)


def test_names_that_clash_are_told_apart(tmp_path: Path) -> None:
    """An ONNX file may call two tensors `a` and `a.b`; a torch module may not."""
    make = onnx.helper.make_node
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [make("Mul", ["x", "a"], ["h"]), make("Add", ["h", "a.b"], ["y"])],
        "clash",
        [info("x", onnx.TensorProto.FLOAT, ["N", 2])],
        [info("y", onnx.TensorProto.FLOAT, ["N", 2])],
        [
            onnx.numpy_helper.from_array(np.array([2, 3], dtype=np.float32), "a"),
            onnx.numpy_helper.from_array(np.array([5, 7], dtype=np.float32), "a.b"),
        ],
    )
    opset = onnx.helper.make_opsetid("", 20)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset]), tmp_path / "clash.onnx")
    module = rebuild(*from_onnx(tmp_path / "clash.onnx"))
    assert len(list(module.parameters())) == 2
    assert module(torch.ones(1, 2)).tolist() == [[7.0, 10.0]]


def test_what_is_outside_the_subset_is_named(tmp_path: Path) -> None:
    model = foreign_model()
    model.graph.node[1].op_type = "Mish"
    model.graph.node[1].name = "activation"
    onnx.save(model, tmp_path / "x.onnx")
    with pytest.raises(UnsupportedOperatorError, match="operator Mish of layer 'activation'"):
        from_onnx(tmp_path / "x.onnx")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"\x00\x01 not a model")
    with pytest.raises(FormatError, match="is not a valid ONNX model"):
        from_onnx(tmp_path / "x.onnx")
    with pytest.raises(FileNotFoundError):
        from_onnx(tmp_path / "nowhere.onnx")
