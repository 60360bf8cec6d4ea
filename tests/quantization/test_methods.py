"""What is done about the error of quantization: equalize, correct, round, train."""

import pytest
import torch
from torch import Tensor, nn

from featherweight.container import Network
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.graph import capture, rebuild, rebuild_network
from featherweight.quantization import (
    AdaRoundConfig,
    QuantizationAwareTraining,
    UniformConfig,
    adaround,
    calibrate,
    correct_bias,
    equalize,
    fold_batch_norm,
    measure_ranges,
    post_training,
    prepare,
    quantize,
)
from featherweight.quantization.tensors import raw
from featherweight.quantization.weights import quantized_weight
from featherweight.training import TrainingConfig, evaluate, fit


class Separable(nn.Module):
    """A chain of a convolution, a depthwise one, one of a pixel, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 12, 3, padding=1)
        self.depthwise = nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False)
        self.point = nn.Conv2d(12, 6, 1)
        self.last = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        x = torch.relu(self.depthwise(x))
        return self.last(self.point(x).mean((2, 3)))


def network_of(module: nn.Module, x: Tensor) -> Network:
    graph, tensors = capture(module.eval(), x)
    return Network(graph, {name: raw(name, t.numpy()) for name, t in tensors.items()})


def run(network: Network, x: Tensor) -> Tensor:
    tensors = {name: tensor.dense() for name, tensor in network.tensors.items()}
    with torch.inference_mode():
        return rebuild(network.graph, tensors)(x)


@pytest.fixture(name="x")
def x_() -> Tensor:
    return torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(name="uneven")
def uneven_(x: Tensor) -> Network:
    """Channels whose weights differ a hundredfold, as folding batch norms makes them."""
    torch.manual_seed(0)
    module = Separable()
    with torch.no_grad():
        scale = torch.logspace(-1, 1, 12)
        module.first.weight.mul_(scale[:, None, None, None])
        module.first.bias.mul_(scale)
        module.depthwise.weight.div_(scale[:, None, None, None])
    return network_of(module, x)


LAYERS = {f"{name}.weight": 8 for name in ("first", "depthwise", "point", "last")}
TENSOR = UniformConfig(granularity="tensor", activations="float32")


def test_equalization_changes_nothing_but_the_ranges(uneven: Network, x: Tensor) -> None:
    equal = equalize(uneven)
    torch.testing.assert_close(run(equal, x), run(uneven, x), rtol=1e-4, atol=1e-5)
    first, depthwise, point = (
        torch.from_numpy(equal.tensors[f"{n}.weight"].dense())
        for n in ("first", "depthwise", "point")
    )
    ranges = [w.flatten(1).abs().amax(1) for w in (first, depthwise)]
    ranges.append(point.transpose(0, 1).flatten(1).abs().amax(1))
    torch.testing.assert_close(ranges[0], ranges[1], rtol=1e-2, atol=1e-4)
    torch.testing.assert_close(ranges[1], ranges[2], rtol=1e-2, atol=1e-4)


def test_equalization_makes_one_scale_a_tensor_enough(uneven: Network, x: Tensor) -> None:
    exact = run(uneven, x)
    plain = run(post_training(uneven, LAYERS, TENSOR), x)
    config = UniformConfig(granularity="tensor", activations="float32", equalize=True)
    equal = run(post_training(uneven, LAYERS, config), x)
    assert (equal - exact).norm() < 0.3 * (plain - exact).norm()


def test_relu6_between_equalized_layers_becomes_relu(x: Tensor) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU6(), nn.Conv2d(4, 2, 1))
    operators = [node.operator for node in equalize(network_of(module, x)).graph.nodes]
    assert operators == ["Conv", "Relu", "Conv"]


def test_bias_correction_makes_the_mean_error_zero(uneven: Network, x: Tensor) -> None:
    config = UniformConfig(granularity="tensor")
    layers = dict.fromkeys(LAYERS, 4)
    weights = {
        name: quantized_weight(torch.from_numpy(uneven.tensors[name].dense()), 4, config)
        for name in layers
    }
    ranges = measure_ranges(uneven, [x])
    corrected = correct_bias(uneven, weights, [x[:8], x[8:]], layers=layers, ranges=ranges)
    for bits in ({"first.weight": 4}, {"depthwise.weight": 4}):
        # Only this layer quantized: what it adds on average is gone.
        (name,) = bits
        alone = {name: weights[name]}
        there = correct_bias(uneven, alone, [x], layers=bits)
        small = quantize(there, None, layers=bits, config=config, weights=alone)
        value = next(n.outputs[0] for n in uneven.graph.nodes if name in n.inputs)
        means = [mean_of(network, value, x) for network in (uneven, small)]
        torch.testing.assert_close(means[0], means[1], rtol=1e-4, atol=1e-4)
    assert "depthwise.bias" in corrected.tensors  # it had none
    before = quantize(uneven, ranges, layers=layers, config=config, weights=weights)
    after = quantize(corrected, ranges, layers=layers, config=config, weights=weights)
    exact = run(uneven, x).mean(0)
    assert (run(after, x).mean(0) - exact).norm() < (run(before, x).mean(0) - exact).norm()


def mean_of(network: Network, value: str, x: Tensor) -> Tensor:
    from featherweight.quantization.ranges import watching

    return watching(network, [value])(x)[0].transpose(0, 1).flatten(1).mean(1).detach()


def test_adaround_keeps_the_output_better_than_the_nearest(uneven: Network, x: Tensor) -> None:
    """With inputs that go together: for white noise the nearest is the best."""
    x = x.abs() + 1.0
    config = UniformConfig(adaround=AdaRoundConfig(steps=300, batch_size=16), activations="float32")
    layers = {"first.weight": 3}
    rounded = adaround(uneven, layers, config, [x])["first.weight"]
    exact = torch.from_numpy(uneven.tensors["first.weight"].dense())
    nearest = quantized_weight(exact, 3, config)
    assert torch.equal(rounded.grid.scale, nearest.grid.scale)
    assert int((rounded.steps - nearest.steps).abs().max()) == 1

    def error(weight: Tensor) -> float:
        there = nn.functional.conv2d(x, weight, padding=1)
        return float((there - nn.functional.conv2d(x, exact, padding=1)).square().sum())

    assert error(rounded.dense) < 0.9 * error(nearest.dense)


@pytest.mark.parametrize("missing", [{"adaround": AdaRoundConfig()}, {"correct_bias": True}])
def test_methods_that_need_inputs_say_so(uneven: Network, missing: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError, match=f"`{next(iter(missing))}` needs calibration"):
        post_training(uneven, LAYERS, UniformConfig(**missing))  # type: ignore[arg-type]


@pytest.mark.parametrize("learned_step", [False, True])
def test_training_aware_of_quantization(blobs: Dataset, learned_step: bool) -> None:
    """2-bit weights: what is trained is what is stored, and it is better than rounding."""
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
        nn.Linear(800, 3),
    )  # fmt: skip
    fit(module, blobs, TrainingConfig(epochs=3, batch_size=50, learning_rate=5e-3))
    x = blobs.normalize(blobs.train.images[:100])
    network = network_of(module, x)
    layers = {"0.weight": 2, "4.weight": 2}
    config = UniformConfig(learned_step=learned_step, calibration="minmax")
    rounded = post_training(network, layers, config, [x])
    exact = prepare(network, layers, config)
    ranges = calibrate(exact, layers, config, [x])
    assert ranges is not None
    student = rebuild_network(exact)
    with torch.no_grad():
        student.get_parameter("4.weight")[0, :100] = 0.0
    constraint = QuantizationAwareTraining(student, layers, config)
    constraint.watch(student, exact, ranges)
    fit(
        student, blobs, TrainingConfig(epochs=4, batch_size=50, learning_rate=2e-3),
        constraint=constraint,
    )  # fmt: skip
    assert not student.get_parameter("4.weight")[0, :100].any()  # pruned is pruned
    for name, weight in constraint.result().items():
        assert torch.equal(weight.dense, student.get_parameter(name).detach())
        assert set(weight.steps.unique().tolist()) <= {-1, 0, 1}
    state = {name: t.clone() for name, t in constraint.state().items()}
    constraint.load_state(state)
    assert all(torch.equal(t, constraint.state()[name]) for name, t in state.items())

    def loss(network: Network) -> float:
        tensors = {name: tensor.dense() for name, tensor in network.tensors.items()}
        return evaluate(rebuild(network.graph, tensors), blobs, blobs.val).loss

    biases = {n: raw(n, p.detach().numpy()) for n, p in student.named_parameters() if "bias" in n}
    trained = Network(exact.graph, {**exact.tensors, **biases})
    small = quantize(
        trained, constraint.measured_ranges(), layers=layers, config=config,
        weights=constraint.result(),
    )  # fmt: skip
    assert loss(small) < loss(rounded)
    assert loss(small) == pytest.approx(
        evaluate(student, blobs, blobs.val).loss, rel=1e-3, abs=1e-6
    )


def test_folding_some_layers_only(x: Tensor) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
    )
    folded = fold_batch_norm(network_of(module, x), ["2.weight"])
    assert [n.operator for n in folded.graph.nodes] == ["Conv", "BatchNormalization", "Conv"]


def test_a_grid_without_zero_cannot_be_trained(x: Tensor) -> None:
    with pytest.raises(InvalidArgumentError, match="but got grid='minmax'"):
        QuantizationAwareTraining(nn.Linear(2, 2), {}, UniformConfig(grid="minmax"))
