"""Parameters, multiply-adds and bytes against closed forms and torch's counter; coded tensors."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from featherweight import zoo
from featherweight.container import CodedTensor
from featherweight.errors import InvalidArgumentError
from featherweight.graph import capture
from featherweight.graph.without_weights import without_weights
from featherweight.measure import profile_module, profile_network
from featherweight.zoo.registry import entry

LENET_5 = {
    "conv1": (520, 20 * 25 * 24 * 24),
    "conv2": (25_050, 50 * 20 * 25 * 8 * 8),
    "ip1": (400_500, 800 * 500),
    "ip2": (5_010, 500 * 10),
}


class Mixed(nn.Module):
    """One of each kind of layer that counts, and most that do not."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(4, 8, 3, padding=1, groups=2)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False)
        self.dilated = nn.Conv2d(8, 6, 3, dilation=2)
        self.up = nn.ConvTranspose2d(6, 5, 2, stride=2)
        self.line = nn.Conv1d(5, 3, 3)
        self.mix = nn.Linear(6, 7)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.head = nn.Linear(42, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(torch.relu(self.norm(self.grouped(x))))
        x = self.up(self.dilated(x)).mean(2)
        x = torch.softmax(self.mix(self.line(x).flatten(1).unsqueeze(1)), -1)
        x = x.transpose(1, 2).expand(-1, 7, 6)
        x = self.attention(x, x, x, need_weights=False)[0]
        return self.head(x.flatten(1))


def torch_macs(module: nn.Module, *shape: int) -> int:
    """Half of what torch's counter counts: it counts a multiply and an add as two.

    On the meta device: the CPU's fused attention is one that it does not know.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        without_weights(module).eval()(torch.zeros(shape, device="meta"))
    return counter.get_total_flops() // 2


@pytest.fixture(autouse=True)
def one_form_of_attention():
    """Without gradients nn.MultiheadAttention takes a fused path that torch does not count."""
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(True)


def test_lenet_5_layer_by_layer() -> None:
    profile = profile_module(zoo.create("lenet-5"), (1, 28, 28))
    layers = {layer.name: layer for layer in profile.layers}
    assert {name: (layers[name].params, layers[name].macs) for name in LENET_5} == LENET_5
    assert profile.params == 431_080
    assert profile.macs == sum(macs for _, macs in LENET_5.values())
    assert profile.weight_bytes == 4 * 431_080
    assert layers["conv1"].output_shape == (1, 20, 24, 24)
    assert layers["conv1"].activation_bytes == 4 * 20 * 24 * 24
    assert layers["maxpool_1"].other_operations == 20 * 12 * 12 * 4
    assert layers["flatten_1"].activation_bytes == 0
    conv1 = layers["conv1"]
    assert conv1.arithmetic_intensity == pytest.approx(288_000 / (4 * (520 + 784 + 11_520)))


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_as_torch_counts_it(name: str) -> None:
    with torch.device("meta"):
        module = zoo.create(name)
    shape = entry(name).input_shape
    profile = profile_module(module, shape)
    assert profile.macs == pytest.approx(torch_macs(module, 1, *shape), rel=0.01)


def test_every_kind_of_product_as_torch_counts_it() -> None:
    torch.manual_seed(0)
    module = Mixed()
    profile = profile_module(module, (4, 12, 12))
    assert profile.macs == profile.dense_macs == torch_macs(module, 1, 4, 12, 12)
    assert profile.params == sum(parameter.numel() for parameter in module.parameters())
    layers = {layer.name: layer for layer in profile.layers}
    assert layers["norm"].params == 16
    assert layers["norm"].weight_bytes == 4 * 32
    assert layers["up"].macs == 6 * 2 * 2 * 5 * 2 * 2
    assert layers["mix"].params == 6 * 7 + 7


def test_a_batch_does_the_work_of_its_samples() -> None:
    module = zoo.create("lenet-5")
    one, eight = (profile_module(module, (1, 28, 28), batch=batch) for batch in (1, 8))
    assert eight.macs == 8 * one.macs
    assert eight.weight_bytes == one.weight_bytes
    assert eight.peak_activation_bytes == 8 * one.peak_activation_bytes


def test_a_module_is_left_as_it_is() -> None:
    module = zoo.create("lenet-5").train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    profile_module(module, (1, 28, 28))
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_another_input_size_where_the_network_allows_it() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 2),
    )  # fmt: skip
    graph, tensors = capture(module, torch.zeros(1, 3, 32, 32))
    larger = profile_network(graph, tensors, (3, 64, 64))
    assert larger.macs == profile_module(module, (3, 64, 64)).macs == 27 * 4 * 32 * 32 + 8
    graph, tensors = capture(zoo.create("lenet-5"), torch.zeros(1, 1, 28, 28))
    with pytest.raises(InvalidArgumentError, match=r"input_shape.*layer 'ip1'"):
        profile_network(graph, tensors, (1, 32, 32))
    with pytest.raises(InvalidArgumentError, match="sizes of 1 or more"):
        profile_network(graph, tensors, batch=0)


def coded(name: str, array: np.ndarray, format: str, **parts: object) -> CodedTensor:
    return CodedTensor(name, str(array.dtype), array.shape, format, **parts)


def test_compressed_layers_are_charged_what_they_keep() -> None:
    graph, tensors = capture(zoo.create("lenet-300-100"), torch.zeros(1, 1, 28, 28))
    stored: dict[str, object] = dict(tensors)
    weight = tensors["ip1.weight"].numpy()
    positions = np.arange(0, weight.size, 10, dtype=np.int64)
    codes = np.zeros(positions.size, np.uint8)
    book = np.linspace(-1, 1, 16, dtype=np.float32)
    stored["ip1.weight"] = coded(
        "ip1.weight", weight, "sparse_shared", positions=positions, codes=codes, codebook=book
    )
    weight2 = tensors["ip2.weight"].numpy()
    stored["ip2.weight"] = coded(
        "ip2.weight", weight2, "shared", codes=np.zeros(weight2.size, np.uint8), codebook=book[:4]
    )
    profile = profile_network(graph, stored)
    layers = {layer.name: layer for layer in profile.layers}
    kept = 784 * 300 // 10
    assert layers["ip1"].macs == kept
    assert layers["ip1"].dense_macs == 784 * 300
    assert layers["ip1"].kept_params == kept + 300
    assert layers["ip1"].params == 784 * 300 + 300
    # Gaps of nine zeros need four bits; a code of sixteen values four more.
    assert layers["ip1"].weight_bytes == kept + 4 * 16 + 4 * 300
    assert layers["ip2"].macs == 300 * 100
    assert layers["ip2"].weight_bytes == 300 * 100 * 2 // 8 + 4 * 4 + 4 * 100
    assert profile.formats == {"sparse_shared": 1, "raw": 4, "shared": 1}


def test_a_tensor_used_twice_is_stored_once() -> None:
    layer = nn.Linear(5, 5)
    profile = profile_module(nn.Sequential(layer, nn.ReLU(), layer), (5,))
    assert profile.params == 30
    assert profile.weight_bytes == 120
    assert profile.macs == 50


def test_half_precision_takes_half_the_bytes() -> None:
    module = zoo.create("lenet-300-100")
    whole = profile_module(module, (1, 28, 28))
    half = profile_module(nn.Sequential(Half(), module.half()), (1, 28, 28))
    assert 2 * half.weight_bytes == whole.weight_bytes
    assert half.macs == whole.macs


class Half(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.half()
