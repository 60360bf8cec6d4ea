"""What a MODEL may be, and what it gives."""

from pathlib import Path

import pytest
import torch

from featherweight.container import CodedTensor, Network, write
from featherweight.errors import FormatError, InvalidArgumentError
from featherweight.graph import capture, to_onnx
from featherweight.zoo import resolve


@pytest.fixture
def lenet() -> torch.nn.Module:
    return resolve("lenet-300-100:input_size=8", seed=5).module.eval()


def same_answers(model: Path, network: torch.nn.Module) -> None:
    resolved = resolve(str(model))
    assert resolved.input_shape == (1, 8, 8)
    assert not resolved.fresh
    x = torch.randn(3, 1, 8, 8)
    assert torch.equal(resolved.module(x), network(x))
    assert resolved.module.state_dict().keys() == network.state_dict().keys()


def test_an_onnx_file(lenet: torch.nn.Module, tmp_path: Path) -> None:
    to_onnx(*capture(lenet, torch.zeros(1, 1, 8, 8)), tmp_path / "net.onnx")
    same_answers(tmp_path / "net.onnx", lenet)


def test_a_fwt_file(lenet: torch.nn.Module, tmp_path: Path) -> None:
    graph, tensors = capture(lenet, torch.zeros(1, 1, 8, 8))
    coded = {
        name: CodedTensor(
            name, str(tensor.numpy().dtype), tuple(tensor.shape), "raw", tensor.numpy()
        )
        for name, tensor in tensors.items()
    }
    write(tmp_path / "net.fwt", Network(graph, coded))
    same_answers(tmp_path / "net.fwt", lenet)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_pt2_file(lenet: torch.nn.Module, tmp_path: Path) -> None:
    batch = torch.export.Dim("b")
    x = torch.zeros(2, 1, 8, 8)
    program = torch.export.export(lenet, (x,), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "net.pt2")
    same_answers(tmp_path / "net.pt2", lenet)


def test_a_file_that_is_no_pt2_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"is not a \.pt2 file"):
        resolve(str(tmp_path / "net.pt2"))


def test_a_callable() -> None:
    resolved = resolve("featherweight.zoo.lenet_5:LeNet5", seed=1, shape=(1, 28, 28))
    again = resolve("lenet-5", seed=1, shape=(1, 28, 28), num_classes=10)
    assert resolved.fresh and again.fresh
    ours, theirs = resolved.module.state_dict(), again.module.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nowhere.fwt", "no file nowhere.fwt"),
        ("no.such.module:build", "cannot be imported"),
        ("featherweight.units:parse_bytes", "cannot be called|must return|parse_bytes"),
        ("lenet-7", "no network 'lenet-7'"),
    ],
)
def test_what_is_not_there_is_refused(model: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        resolve(model)
