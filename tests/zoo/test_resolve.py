"""What a MODEL may be, and what it gives."""

import sys
from pathlib import Path

import pytest
import torch

from featherweight.container import CodedTensor, Network, write
from featherweight.errors import CheckpointError, FormatError, InvalidArgumentError
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


def test_a_callable_in_the_folder_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_net.py").write_text("from torch.nn import Linear as line\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    resolved = resolve("their_net:line:in_features=3,out_features=2", shape=(1, 1, 3))
    assert resolved.module.out_features == 2
    with pytest.raises(InvalidArgumentError, match="cannot be imported"):
        resolve("their_net:circle")
    with pytest.raises(InvalidArgumentError, match="must be key=value"):
        resolve("lenet-5:line")


def test_a_callable_with_options() -> None:
    resolved = resolve("torchvision.models:mobilenet_v2:width_mult=0.25,num_classes=7")
    assert resolved.input_shape == (3, 224, 224)
    assert resolved.module.classifier[1].out_features == 7


def test_a_network_of_timm() -> None:
    pytest.importorskip("timm")
    resolved = resolve("timm:mobilenetv3_small_050", shape=(1, 32, 32), num_classes=5)
    assert resolved.fresh and resolved.input_shape == (1, 32, 32)
    assert resolved.module.eval()(torch.zeros(2, 1, 32, 32)).shape == (2, 5)
    assert resolve("timm:mobilenetv3_small_050:num_classes=3").module.num_classes == 3
    with pytest.raises(InvalidArgumentError, match="has no network 'no_such_net'"):
        resolve("timm:no_such_net")


def test_weights_of_other_data_leave_the_classifier_fresh(tmp_path: Path) -> None:
    trained = resolve("resnet-18:width=0.25,num_classes=20", seed=1).module
    torch.save(trained.state_dict(), tmp_path / "imagenet.pt")
    resolved = resolve(
        "resnet-18:width=0.25", seed=2, num_classes=10, weights=tmp_path / "imagenet.pt"
    )
    assert resolved.fresh
    theirs = trained.state_dict()
    for name, value in resolved.module.state_dict().items():
        assert torch.equal(value, theirs[name]) == (not name.startswith("fc.weight")) or (
            name == "fc.bias"
        )
    assert resolved.module.fc.out_features == 10


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    trained = resolve("resnet-18:width=0.25,in_channels=1").module
    torch.save(trained.state_dict(), tmp_path / "gray.pt")
    with pytest.raises(CheckpointError, match=r"does not fit this network.*conv1\.weight"):
        resolve("resnet-18:width=0.25", weights=tmp_path / "gray.pt")
    with pytest.raises(InvalidArgumentError, match="exclude each other"):
        resolve("lenet-5", weights=tmp_path / "a.pt", checkpoint=tmp_path / "b.pt")


@pytest.mark.parametrize(
    "model", ["torchvision.models:resnet18:weights=DEFAULT", "timm:resnet18:pretrained=true"]
)
def test_nothing_is_fetched(model: str) -> None:
    if model.startswith("timm"):
        pytest.importorskip("timm")
    with pytest.raises(InvalidArgumentError, match="would fetch weights by itself"):
        resolve(model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("featherweight.zoo.lenet_5:LeNet5:depth=3", "cannot be called so"),
        ("nowhere.fwt", "no file nowhere.fwt"),
        ("no.such.module:build", "cannot be imported"),
        ("featherweight.units:parse_bytes", "cannot be called|must return|parse_bytes"),
        ("lenet-7", "no network 'lenet-7'"),
    ],
)
def test_what_is_not_there_is_refused(model: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        resolve(model)
