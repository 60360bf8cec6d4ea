"""What holds while binary networks are trained, and the stages in which they are."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from featherweight.binarization import (
    BinaryConnect,
    ClippedWeights,
    Course,
    binarize,
    binary_candidates,
    binary_layers,
    find_scheme,
    train_binary,
    train_binary_connect,
)
from featherweight.binarization.constraints import glorot_scale
from featherweight.data import Dataset
from featherweight.nn import set_stage
from featherweight.training import Progress, TrainingConfig, evaluate, fit

TRAINING = TrainingConfig(epochs=6, batch_size=50, learning_rate=5e-3)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3)
        self.norm = nn.BatchNorm2d(16)
        self.middle = nn.Conv2d(16, 16, 3, padding=1)
        self.middle_norm = nn.BatchNorm2d(16)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        x = torch.relu(self.middle_norm(self.middle(x)))
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]


def net() -> Net:
    torch.manual_seed(0)
    return Net()


def test_binary_connect_step_by_step() -> None:
    """Algorithm 1 of arXiv 1511.00363, in plain numbers: one weight of three, H = 0.5."""
    layer = nn.Linear(3, 3, bias=False)
    real = torch.tensor([[0.1, -0.3, 0.0], [2.0, -2.0, 0.5], [0.2, 0.2, -0.2]])
    with torch.no_grad():
        layer.weight.copy_(real)
    constraint = BinaryConnect(layer, ["weight"])
    assert constraint.limits == {"weight": 0.5}  # sqrt(1.5 / 6)
    half = 0.5 * torch.tensor([[1.0, -1, 1], [1, -1, 1], [1, 1, -1]])
    assert torch.equal(layer.weight, half)  # the forward pass sees -H and +H, sign(0) = +1
    x = torch.tensor([[1.0, 2.0, 3.0]])
    (layer(x) * torch.tensor([1.0, 0.0, 2.0])).sum().backward()
    gradient = torch.tensor([[1.0, 2, 3], [0, 0, 0], [2, 4, 6]])
    constraint.after_backward()
    assert layer.weight.grad is not None and torch.equal(layer.weight.grad, gradient)
    with torch.no_grad():
        layer.weight -= 0.1 * layer.weight.grad  # the step goes to the real weights
    constraint.after_step()
    expected = (real.clamp(-0.5, 0.5) - 0.1 * gradient).clamp(-0.5, 0.5)
    torch.testing.assert_close(constraint.real["weight"], expected)
    assert torch.equal(layer.weight, 0.5 * torch.where(expected < 0, -1.0, 1.0))


@pytest.mark.parametrize("shape", [(50, 20, 5, 5), (500, 800), (7, 3, 1, 1)])
def test_the_scale_is_a_power_of_two_near_glorots(shape: tuple[int, ...]) -> None:
    weight = torch.zeros(shape)
    exact = (1.5 / ((shape[0] + shape[1]) * weight[0, 0].numel())) ** 0.5
    scale = glorot_scale(weight)
    assert torch.frexp(torch.tensor(scale)).mantissa == 0.5
    assert 2**-0.5 <= scale / exact <= 2**0.5


def test_binary_connect_trains_and_its_layers_compute_the_same(blobs: Dataset) -> None:
    network = net()
    names = binary_candidates(network, "bwn")
    converted = train_binary_connect(network, names, Course(blobs, TRAINING))
    weight = converted.middle.weight.detach()
    assert weight.abs().unique().tolist() == [glorot_scale(weight)]
    x = torch.randn(4, 16, 6, 6)
    expected = nn.functional.conv2d(x, weight, converted.middle.bias, padding=1)
    torch.testing.assert_close(converted.middle(x), expected, rtol=1e-5, atol=1e-6)
    assert evaluate(converted, blobs, blobs.test).top1 > 85


def test_binary_connect_goes_on_from_its_checkpoint(blobs: Dataset, tmp_path: Path) -> None:
    names = ["middle.weight"]

    def train(stop_at: int | None) -> nn.Module:
        network = net()

        def report(progress: Progress) -> None:
            if progress.epoch == stop_at:
                raise KeyboardInterrupt

        file = tmp_path / ("resumed" if stop_at else "straight")
        try:
            fit(network, blobs, TRAINING, constraint=BinaryConnect(network, names),
                checkpoint=file, report=report)  # fmt: skip
        except KeyboardInterrupt:
            network = net()
            fit(network, blobs, TRAINING, constraint=BinaryConnect(network, names), checkpoint=file)
        return network

    straight, resumed = train(None), train(3)
    for (name, one), two in zip(straight.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two), name


def test_clipping_keeps_weights_where_the_gradient_is() -> None:
    network = binarize(net(), "xnor")
    weight = network.middle.conv.weight
    with torch.no_grad():
        weight.mul_(100)
        network.conv.weight.mul_(100)
    constraint = ClippedWeights(network)
    assert weight.abs().max() == 1 and network.conv.weight.abs().max() > 1
    with torch.no_grad():
        weight.add_(0.5)
    constraint.after_step()
    assert weight.max() == 1 and weight.min() == -0.5


@pytest.mark.parametrize("scheme", ["bwn", "xnor", "bi-real", "reactnet"])
def test_a_binary_network_learns(scheme: str, blobs: Dataset) -> None:
    teacher = net()
    fit(teacher, blobs, TRAINING)
    network = binarize(net(), scheme)
    seen: list[tuple[str, int, str]] = []

    def report(stage: str, progress: Progress) -> None:
        layer = next(iter(binary_layers(network).values()))
        seen.append((stage, progress.epoch, str(layer.stage)))

    train_binary(network, find_scheme(scheme), Course(blobs, TRAINING, teacher, report=report))
    assert evaluate(network, blobs, blobs.test).top1 > 65  # chance is 33
    if find_scheme(scheme).has_two_stages:
        first = [("binary inputs", i, "binary-input") for i in (1, 2, 3)]
        assert seen == [*first, *[("binary weights", i, "binary") for i in (1, 2, 3)]]
    else:
        assert seen == [("binary weights", i, "binary") for i in range(1, 7)]


def test_stages_are_what_they_say() -> None:
    """real: conv(f(x), W); binary inputs: conv(sign(x), W); then both are signs."""
    network = binarize(net(), "bi-real")
    layer = network.middle.conv
    x = torch.randn(2, 16, 6, 6, generator=torch.Generator().manual_seed(0))
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    set_stage(network, "real")
    clipped = padded.clamp(-1, 1)
    smooth = torch.where(clipped < 0, 2 * clipped + clipped**2, 2 * clipped - clipped**2)
    torch.testing.assert_close(layer(x), nn.functional.conv2d(smooth, layer.weight))
    set_stage(network, "binary-input")
    signs = torch.where(padded < 0, -1.0, 1.0)
    torch.testing.assert_close(layer(x), nn.functional.conv2d(signs, layer.weight))
    set_stage(network, "binary")
    alpha = layer.weight.abs().mean((1, 2, 3))[:, None, None]
    two = nn.functional.conv2d(signs, torch.where(layer.weight < 0, -1.0, 1.0))
    torch.testing.assert_close(layer(x), alpha * two)
