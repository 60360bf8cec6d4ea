"""A network without some of its channels gives what the whole one gives with them masked."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from featherweight import container, graph, zoo
from featherweight.container import Network
from featherweight.errors import InvalidArgumentError
from featherweight.nn import ChannelShuffle
from featherweight.pruning.removal import Removal, RemovalConfig, remove_channels
from featherweight.recipes.pack import coded_tensor
from randomised import randomise

ZOO = {
    "lenet-300-100": {},
    "lenet-5": {},
    "vgg-16": {"width": 0.125, "input_size": 32, "num_classes": 10},
    "resnet-18": {"width": 0.125, "num_classes": 10},
    "mobilenet-v1": {"width": 0.25, "num_classes": 10},
    "mobilenet-v2": {"width": 0.35, "num_classes": 10},
    "shufflenet-v1": {"num_classes": 10},
    "squeezenet-1.1": {"num_classes": 10},
}
SHAPES = {"lenet-300-100": (1, 28, 28), "lenet-5": (1, 28, 28), "vgg-16": (3, 32, 32)}


def masked_output(module: nn.Module, removal: Removal, x: Tensor) -> Tensor:
    """What the whole network gives when all that is removed is zero."""
    tensors = module.state_dict()
    for name, kept in removal.kept.items():
        tensors[name].mul_(kept)
    with torch.no_grad():
        return module(x)


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


@pytest.mark.parametrize("name", ZOO)
def test_zoo_network_equals_its_masked_self(name: str) -> None:
    known = zoo.registry.options_of(name)
    options = {key: value for key, value in ZOO[name].items() if key in known}
    module = randomise(zoo.create(name, **options)).eval()
    x = torch.randn(2, *SHAPES.get(name, (3, 64, 64)))
    removal = remove_channels(module, x, RemovalConfig(pruning_ratio=0.5))
    before = sum(p.numel() for p in module.parameters())
    after = sum(p.numel() for p in removal.module.parameters())
    assert after < 0.6 * before
    with torch.no_grad():
        found = removal.module(x)
    assert not removal.mixings
    assert_close(found, masked_output(module, removal, x))


class Squeezed(nn.Module):
    """Residual sum, concatenation, depthwise and grouped convolutions, shuffle, SE, attention."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.norm = nn.BatchNorm2d(16)
        self.grouped = nn.Conv2d(16, 16, 1, groups=4)
        self.shuffle = ChannelShuffle(4)
        self.branch = nn.Conv2d(16, 12, 1)
        self.reduce, self.widen = nn.Conv2d(28, 8, 1), nn.Conv2d(8, 28, 1)
        self.qkv, self.out = nn.Linear(28, 3 * 24), nn.Linear(24, 28)
        self.last = nn.Linear(28 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = x + torch.relu(self.norm(self.depthwise(x)))
        x = self.shuffle(self.grouped(x))
        x = torch.cat([x, self.branch(x)], 1)
        x = x * torch.sigmoid(self.widen(torch.relu(self.reduce(x.mean((2, 3), keepdim=True)))))
        tokens = x.flatten(2).transpose(1, 2)  # [N, 16, 28]
        n, t, _ = tokens.shape
        q, k, v = self.qkv(tokens).reshape(n, t, 3, 4, 6).permute(2, 0, 3, 1, 4)
        attended = (q @ k.transpose(-2, -1) * 6**-0.5).softmax(-1) @ v
        tokens = tokens + self.out(attended.transpose(1, 2).reshape(n, t, 24))
        return self.last(tokens.transpose(1, 2).flatten(1))


@pytest.mark.parametrize("attention", ["dimensions", "heads"])
def test_all_that_is_coupled_goes_together(attention: str) -> None:
    torch.manual_seed(0)
    module = randomise(Squeezed()).eval()
    x = torch.randn(2, 3, 4, 4)
    removal = remove_channels(module, x, RemovalConfig(attention=attention))
    shapes = {name: tuple(t.shape) for name, t in removal.tensors.items() if "." in name}
    assert (
        shapes["stem.weight"][0] == shapes["norm.weight"][0] == shapes["depthwise.weight"][0] < 16
    )
    assert shapes["depthwise.weight"][1] == 1
    assert shapes["qkv.weight"] == (36, shapes["widen.weight"][0])
    assert shapes["last.weight"] == (5, 16 * shapes["widen.weight"][0])
    with torch.no_grad():
        found = removal.module(x)
    assert_close(found, masked_output(module, removal, x))


def test_whole_heads_go() -> None:
    """The rows of the query, key and value matrices that are left are those of two whole heads."""
    torch.manual_seed(0)
    module = randomise(Squeezed()).eval()
    config = RemovalConfig(attention="heads")
    removal = remove_channels(module, torch.randn(2, 3, 4, 4), config)
    rows = removal.kept["qkv.weight"].any(1).reshape(3, 4, 6)
    assert torch.equal(rows.all(2), rows.any(2))
    assert rows.any(2).sum(1).tolist() == [2, 2, 2]


def test_layer_norm_is_named_as_mixing() -> None:
    module = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3))
    removal = remove_channels(module, torch.randn(2, 6), RemovalConfig(pruning_ratio=0.25))
    assert [m.operator for m in removal.mixings] == ["LayerNormalization"]
    assert removal.module.get_submodule("1").normalized_shape == (6,)


def test_least_important_by_norm_goes() -> None:
    module = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([3.0, 1.0, 4.0, 2.0])[:, None].expand(4, 3))
        module[2].weight.fill_(1.0)
    for importance in ("l1", "l2"):
        config = RemovalConfig(importance=importance)
        kept = remove_channels(module, torch.ones(2, 3), config).kept["0.weight"]
        assert kept.any(1).tolist() == [True, False, True, False]


def test_taylor_equals_weight_times_gradient() -> None:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))
    x, labels = torch.randn(20, 5), torch.randint(0, 3, (20,))
    loss = nn.functional.cross_entropy(module(x), labels)
    (gradient,) = torch.autograd.grad(loss, [module[0].weight])
    expected = (gradient * module[0].weight).sum(1).abs()
    config = RemovalConfig(importance="taylor", layers={"0": 4})
    removal = remove_channels(module, x, config, [(x, labels)])
    kept = removal.kept["0.weight"].any(1)
    assert set(expected.topk(4).indices.tolist()) == set(kept.nonzero().flatten().tolist())


def test_neurons_that_are_mostly_zero_go_first() -> None:
    module = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        module[0].weight.fill_(1.0)
        module[0].bias.copy_(torch.tensor([0.0, 5.0, -5.0]))
    config = RemovalConfig(importance="activation-zeros", layers={"0": 2})
    x = torch.linspace(-1, 1, 20)[:, None]
    removal = remove_channels(module, x, config, [(x, torch.zeros(20, dtype=torch.int64))])
    assert removal.kept["0.weight"].any(1).tolist() == [True, True, False]


def test_batch_norm_scales_rank_across_layers() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4),
        nn.ReLU(), nn.Conv2d(4, 2, 1),
    ).eval()  # fmt: skip
    with torch.no_grad():
        module[1].weight.copy_(torch.tensor([0.1, 0.2, 0.3, 0.9]))
        module[4].weight.copy_(torch.tensor([0.8, 0.7, 0.4, 0.6]))
    config = RemovalConfig(importance="batch-norm-scale", scope="global")
    removal = remove_channels(module, torch.randn(2, 1, 3, 3), config)
    assert [(g.layer, g.after) for g in removal.groups] == [("0", 1), ("3", 3)]


def test_neurons_only_are_those_of_matrices() -> None:
    module = zoo.create("lenet-5")
    removal = remove_channels(module, torch.randn(2, 1, 28, 28), RemovalConfig(structure="neurons"))
    changed = [group.layer for group in removal.groups if group.after < group.before]
    assert changed == ["ip1"]


def test_a_layer_that_is_not_there_is_refused() -> None:
    config = RemovalConfig(layers={"nowhere": 2})
    with pytest.raises(InvalidArgumentError, match="nowhere"):
        remove_channels(zoo.create("lenet-5"), torch.randn(2, 1, 28, 28), config)


def test_loads_in_a_new_process_and_exports(tmp_path: Path) -> None:
    module = randomise(zoo.create("resnet-18", width=0.125, num_classes=10)).eval()
    x = torch.randn(2, 3, 64, 64)
    removal = remove_channels(module, x, RemovalConfig())
    coded = {name: coded_tensor(name, t, None) for name, t in removal.tensors.items()}
    container.write(tmp_path / "small.fwt", Network(removal.graph, coded, {}))
    with torch.no_grad():
        torch.save({"x": x, "y": removal.module(x)}, tmp_path / "case.pt")
    program = torch.export.export(removal.module, (x,))
    torch.export.save(program, tmp_path / "small.pt2")
    script = (
        "import sys, torch, featherweight.graph as g\n"
        "case = torch.load(sys.argv[1] + '/case.pt')\n"
        "net = g.load(sys.argv[1] + '/small.fwt')\n"
        "assert torch.equal(net(case['x']), case['y'])\n"
        "again = torch.export.load(sys.argv[1] + '/small.pt2').module()\n"
        "assert torch.allclose(again(case['x']), case['y'], atol=1e-5)\n"
        "print(tuple(net.get_parameter('conv1.weight').shape))\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tuple(removal.tensors["conv1.weight"].shape))


def test_it_can_be_captured_and_made_smaller_again() -> None:
    module = randomise(zoo.create("lenet-5")).eval()
    x = torch.randn(2, 1, 28, 28)
    once = remove_channels(module, x, RemovalConfig())
    twice = remove_channels(once.module, x, RemovalConfig())
    assert twice.tensors["ip1.weight"].shape[0] == -(-once.tensors["ip1.weight"].shape[0] // 2)
    assert (
        graph.capture(twice.module, x)[1]["ip1.weight"].shape == twice.tensors["ip1.weight"].shape
    )
