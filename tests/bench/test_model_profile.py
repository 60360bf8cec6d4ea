"""One count for every form of a network."""

from pathlib import Path

import pytest
import torch
from torch import nn

import featherweight
from featherweight import container, zoo
from featherweight.container import Network
from featherweight.errors import InvalidArgumentError
from featherweight.graph import capture, to_onnx
from featherweight.recipes.pack import coded_tensor


def test_module_onnx_pt2_fwt_and_name_count_alike(tmp_path: Path) -> None:
    module = zoo.create("lenet-5").eval()
    example = torch.zeros(2, 1, 28, 28)
    graph, tensors = capture(module, example)
    to_onnx(graph, tensors, tmp_path / "n.onnx")
    size = torch.export.Dim("batch")
    program = torch.export.export(module, (example,), dynamic_shapes=({0: size},))
    torch.export.save(program, tmp_path / "n.pt2")
    coded = {name: coded_tensor(name, tensor, None) for name, tensor in tensors.items()}
    network = Network(graph, coded)
    container.write(tmp_path / "n.fwt", network)
    forms = [
        featherweight.profile("lenet-5"),
        featherweight.profile(module, (1, 28, 28)),
        featherweight.profile(network),
        *(featherweight.profile(tmp_path / f"n.{suffix}") for suffix in ("onnx", "pt2", "fwt")),
    ]
    for form in forms:
        assert (form.params, form.macs) == (431_080, 2_293_000)
        assert form.weight_bytes == 4 * 431_080
        assert form.peak_activation_bytes == 57_600
        assert form.layers == forms[0].layers
    assert featherweight.profile(tmp_path / "n.fwt", batch=4).macs == 4 * 2_293_000


def test_a_size_of_input_reaches_the_zoo() -> None:
    assert featherweight.profile("vgg-16", (3, 32, 32)).params < 40e6
    with pytest.raises(InvalidArgumentError, match="channels, height and width"):
        featherweight.profile("vgg-16", (32,))


def test_a_callable_of_ones_own() -> None:
    counted = featherweight.profile("torch.nn:Flatten", (3, 4, 4))
    assert [(layer.type, layer.output_shape) for layer in counted.layers] == [("Flatten", (1, 48))]
    assert (counted.params, counted.macs) == (0, 0)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(InvalidArgumentError, match="there is no file"):
        featherweight.profile("missing.fwt")
    with pytest.raises(InvalidArgumentError, match="input_shape"):
        featherweight.profile(nn.Linear(1, 1))
