"""What every network of the zoo must do: forward, learn, be captured, and go through a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import featherweight
from featherweight.data import Dataset, Split, load
from featherweight.errors import DataError
from featherweight.graph import capture, rebuild
from featherweight.recipes import LayerRule, Recipe, compress
from featherweight.recipes.recipe import PruningStage, SharingStage
from featherweight.training import TrainingConfig, evaluate, fit, logits
from featherweight.zoo import create, names, small_setting, small_settings
from featherweight.zoo.registry import entry, options_of

RULES = (LayerRule("*", density=0.5, num_bits=5),)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small(name: str, seed: int = 0, **options: object) -> nn.Module:
    torch.manual_seed(seed)
    return small_setting(name).build(**options)


def pictures(count: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn((count, *shape), generator=torch.Generator().manual_seed(0))


def test_every_network_has_a_small_setting() -> None:
    assert sorted(small_settings()) == names()


@pytest.mark.parametrize("name", names())
def test_forward_as_published(name: str) -> None:
    torch.manual_seed(0)
    network, shape = create(name).eval(), entry(name).input_shape
    with torch.no_grad():
        outputs = network(pictures(2, shape))
    assert outputs.shape == (2, 10 if name.removeprefix("xnor-").startswith("lenet-") else 1000)
    assert bool(outputs.isfinite().all())
    assert float(outputs.std()) > 0


@pytest.mark.parametrize("name", names())
def test_a_gradient_for_every_parameter(name: str) -> None:
    dropout = {"dropout": 0.0} if "dropout" in options_of(name) else {}
    network = small(name, **dropout).train()
    outputs = network(pictures(4, small_setting(name).input))
    assert outputs.shape == (4, 10)
    assert bool(outputs.isfinite().all())
    nn.functional.cross_entropy(outputs, torch.arange(4)).backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("name", names())
def test_deterministic_under_a_seed(name: str) -> None:
    x = pictures(2, small_setting(name).input)
    with torch.no_grad():
        first, again, other = (small(name, seed).eval()(x) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", names())
def test_captured_and_rebuilt_it_gives_the_same_logits(name: str) -> None:
    """At 32 pixels; the way through a file below has 28."""
    network = small(name, input_size=32).eval()
    x = pictures(3, (1, 32, 32))
    graph, tensors = capture(network, x[:1])
    assert {n for n, _ in network.named_parameters()} <= tensors.keys()
    with torch.no_grad():
        assert torch.equal(rebuild(graph, tensors)(x), network(x))


def learn(network: nn.Module, data: Dataset, epochs: int, rate: float) -> list[float]:
    """Train, and return the mean loss of each epoch."""
    losses: list[float] = []
    config = TrainingConfig(epochs=epochs, batch_size=64, learning_rate=rate)
    fit(network, data, config, report=lambda progress: losses.append(progress.loss))
    return losses


def first(split: Split, count: int) -> Split:
    return Split(split.images[:count], split.labels[:count])


def same_logits_from_the_file(file: Path, network: nn.Module, data: Dataset) -> None:
    decoded = featherweight.load(file)
    assert torch.equal(logits(decoded, data, data.val), logits(network, data, data.val))


@pytest.mark.parametrize("name", names())
def test_it_learns_and_goes_through_a_file(name: str, tmp_path: Path) -> None:
    """The quick form of the slow test below: 640 digits, and no retraining."""
    data = load("mnist5k")
    data = replace(data, train=first(data.train, 640), val=first(data.val, 100))
    network = small(name)
    losses = learn(network, data, 2, small_setting(name).learning_rate)
    assert losses[1] < losses[0]
    result = compress(
        network, Recipe("half", RULES), None, tmp_path / "net.fwt", input_shape=data.shape
    )
    assert result.compression_ratio > 4
    same_logits_from_the_file(tmp_path / "net.fwt", result.module, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_it_learns_fashion_mnist_and_compresses(name: str, tmp_path: Path) -> None:
    """6,000 pictures; chance is 10 %."""
    try:
        data = load("fashion-mnist")
    except DataError as error:
        pytest.skip(str(error))
    data = replace(
        data,
        train=first(data.train, 6000),
        val=first(data.val, 500),
        test=first(data.test, 2000),
    )
    rate = small_setting(name).learning_rate
    network = small(name)
    learn(network, data, 2, rate)
    assert evaluate(network, data, data.test).top1 > 40
    retraining = TrainingConfig(epochs=1, batch_size=64, learning_rate=rate / 2)
    recipe = Recipe(
        "half", RULES,
        pruning=PruningStage(training=retraining),
        sharing=SharingStage(training=replace(retraining, learning_rate=rate / 10)),
    )  # fmt: skip
    result = compress(network, recipe, data, tmp_path / "net.fwt")
    assert result.compressed is not None and result.compressed.top1 > 40
    assert result.compression_ratio > 4
    same_logits_from_the_file(tmp_path / "net.fwt", result.module, data)
