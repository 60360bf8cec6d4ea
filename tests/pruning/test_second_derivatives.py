"""Second derivatives of whole networks: exact where the recursion is, close where it is not."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import functional as autograd
from torch.func import functional_call
from torch.nn import functional

from featherweight.errors import InvalidArgumentError
from featherweight.pruning import Calibration
from featherweight.pruning.hutchinson import diagonal_by_hutchinson
from featherweight.pruning.optimal_brain_damage import diagonal_by_recursion


def perceptron(activation: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), activation, nn.Linear(8, 4)).double()


def pictures(count: int = 10, outputs: int = 4) -> tuple[Calibration, Calibration]:
    """With targets of a squared error, and with classes."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, 2, 2, generator=generator, dtype=torch.float64)
    targets = torch.randn(count, outputs, generator=generator, dtype=torch.float64)
    return Calibration(x, targets), Calibration(x, targets.argmax(1))


def exact_diagonal(module: nn.Module, name: str, calibration: Calibration, loss: str) -> Tensor:
    weight = module.get_parameter(name).detach()

    def error(flat: Tensor) -> Tensor:
        values = {name: flat.view(weight.shape)}
        outputs = functional_call(module, values, (calibration.inputs,))
        if loss == "cross-entropy":
            return functional.cross_entropy(outputs, calibration.labels)
        difference = (outputs - calibration.labels).square().sum(1)
        return 0.5 * difference.mean()

    return autograd.hessian(error, weight.flatten()).diagonal().view(weight.shape)


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.Sigmoid(), nn.ReLU()], ids=str)
def test_exact_for_squared_error_a_linear_output_and_one_hidden_layer(
    activation: nn.Module,
) -> None:
    """The paper's own case, the term with f'' included."""
    module = perceptron(activation)
    calibration, _ = pictures()
    found = diagonal_by_recursion(module, calibration, "squared-error")
    assert found.keys() == {"1.weight", "3.weight"}
    for name, value in found.items():
        exact = exact_diagonal(module, name, calibration, "squared-error")
        error = float((value - exact).abs().max() / exact.abs().max())
        assert error < 1e-12


def test_without_curvature_it_is_that_of_gauss_and_newton() -> None:
    """sum over outputs of (d output / d w)^2: the exact diagonal without the term with f''."""
    module = perceptron(nn.Tanh())
    calibration, _ = pictures()
    found = diagonal_by_recursion(module, calibration, "squared-error", with_curvature=False)
    for name, value in found.items():
        weight = module.get_parameter(name).detach()

        def run(weight: Tensor, name: str = name) -> Tensor:
            return functional_call(module, {name: weight}, (calibration.inputs,))

        slopes = autograd.jacobian(run, weight)
        expected = slopes.square().sum((0, 1)) / len(calibration.inputs)
        assert torch.allclose(value, expected)


def test_cross_entropy_is_exact_in_the_last_layer() -> None:
    module = perceptron(nn.Tanh())
    _, calibration = pictures()
    found = diagonal_by_recursion(module, calibration)["3.weight"]
    exact = exact_diagonal(module, "3.weight", calibration, "cross-entropy")
    assert torch.allclose(found, exact)


def test_exact_through_a_convolution_of_one_position_a_norm_and_a_pooling() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 2), nn.BatchNorm2d(6), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(6, 4),
    ).double()  # fmt: skip
    norm = module[1]
    norm.running_mean, norm.running_var = torch.randn(6).double(), torch.rand(6).double() + 0.5
    nn.init.normal_(norm.weight)
    module.eval()
    calibration, _ = pictures()
    for name, value in diagonal_by_recursion(module, calibration, "squared-error").items():
        assert torch.allclose(value, exact_diagonal(module, name, calibration, "squared-error"))


def test_a_value_used_twice_adds_its_parts_and_drops_their_mixed_term() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(5, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            y = self.first(x.flatten(1))
            return y + self.second(y)

    torch.manual_seed(0)
    module = Residual().double()
    x, targets = torch.randn(3, 5, dtype=torch.float64), torch.zeros(3, 4, dtype=torch.float64)
    found = diagonal_by_recursion(module, Calibration(x, targets), "squared-error")
    by_output = 1 + module.second.weight.detach().square().sum(0)
    assert torch.allclose(found["first.weight"], torch.outer(by_output, x.square().mean(0)))


def test_hutchinson_converges_to_the_exact_diagonal() -> None:
    module = perceptron(nn.Tanh())
    _, calibration = pictures()
    found = diagonal_by_hutchinson(module, calibration, probes=4000)
    for name, value in found.items():
        exact = exact_diagonal(module, name, calibration, "cross-entropy")
        assert float((value - exact).norm() / exact.norm()) < 0.1


def test_what_the_recursion_cannot_follow_names_the_operator_and_the_way_out() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.GELU(), nn.Linear(4, 4)).double()
    _, calibration = pictures()
    with pytest.raises(InvalidArgumentError, match=r"no rule for GELU.*hutchinson"):
        diagonal_by_recursion(module, calibration)

    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(InvalidArgumentError, match=r"cannot follow this network.*hutchinson"):
        diagonal_by_recursion(Branching(), calibration)


def test_the_network_is_left_as_it_was() -> None:
    module = perceptron(nn.Tanh()).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    calibration, classes = pictures()
    diagonal_by_recursion(module, calibration, "squared-error")
    diagonal_by_hutchinson(module, classes, probes=2)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())
