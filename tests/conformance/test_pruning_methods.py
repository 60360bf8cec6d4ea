"""One suite over every registered method of pruning weights, and every pattern."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from featherweight.errors import InvalidArgumentError
from featherweight.functional.sparsity_pattern import parse_pattern
from featherweight.pruning import (
    Amount,
    Calibration,
    Decision,
    Method,
    Needs,
    Target,
    decide,
    find_method,
    methods,
)

ALL = methods()
CHOOSING = [method for method in ALL if method.amount is Amount.DENSITY]
PATTERNS = ("unstructured", "2:4", "4:8", "2:16", "1x4", "4x1", "8x1")
PRUNED = ("conv.weight", "fc1.weight", "fc2.weight")


class Small(nn.Module):
    """A convolution and two linear layers whose rows and columns groups and blocks divide."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 16, 2, stride=2)
        self.fc1 = nn.Linear(16 * 9, 32)
        self.fc2 = nn.Linear(32, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x)).flatten(1)
        return self.fc2(torch.relu(self.fc1(x)))


def network() -> nn.Module:
    torch.manual_seed(5)
    return Small()


def calibration() -> Calibration:
    generator = torch.Generator().manual_seed(6)
    pictures = torch.randn(64, 4, 6, 6, generator=generator)
    return Calibration(pictures, torch.arange(64) % 8)


def answer(method: Method, target: Target, module: nn.Module, **options: object) -> Decision:
    targets = dict.fromkeys(PRUNED, replace(target, method=method.name))
    needed = None if method.needs is Needs.NOTHING else calibration()
    return decide(module, targets, calibration=needed, **options)


def density(mask: torch.Tensor) -> float:
    return float(mask.float().mean())


def parameters(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


@pytest.mark.parametrize("method", CHOOSING, ids=lambda method: method.name)
@pytest.mark.parametrize("name", PATTERNS)
def test_pattern_and_density_are_exact(method: Method, name: str) -> None:
    pattern = parse_pattern(name)
    wanted = pattern.fixed_density or 0.25
    target = Target(density=wanted, pattern=pattern)
    if method.is_global and name != "unstructured":
        with pytest.raises(InvalidArgumentError, match="needs `pattern` unstructured"):
            answer(method, target, network())
        return
    decision = answer(method, target, network())
    total = sum(mask.numel() for mask in decision.masks.values())
    kept = sum(int(mask.sum()) for mask in decision.masks.values())
    assert kept == round(wanted * total)
    for mask in decision.masks.values():
        assert mask.dtype == torch.bool
        if not method.is_global:
            assert density(mask) == pytest.approx(wanted, abs=0.5 / mask.numel())
        # A mask of the pattern is what the pattern makes of the mask.
        assert torch.equal(pattern.mask(mask.float(), density(mask)), mask)


@pytest.mark.parametrize("method", CHOOSING, ids=lambda method: method.name)
def test_one_budget_for_all_layers(method: Method) -> None:
    decision = answer(method, Target(density=0.3), network(), is_global=True)
    sizes = [mask.numel() for mask in decision.masks.values()]
    kept = [int(mask.sum()) for mask in decision.masks.values()]
    assert abs(sum(kept) - 0.3 * sum(sizes)) <= len(sizes)
    assert min(kept) > 0


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_deciding_changes_nothing_and_is_repeatable(method: Method) -> None:
    module = network().train()
    before = parameters(module)
    first = answer(method, Target(density=0.25), module)
    again = answer(method, Target(density=0.25), module)
    assert module.training
    for name, value in module.named_parameters():
        assert torch.equal(value, before[name]) and value.grad is None
    for name in PRUNED:
        assert torch.equal(first.masks[name], again.masks[name])
    assert bool(first.weights) == method.moves_weights


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_what_is_dead_stays_dead(method: Method) -> None:
    module = network()
    generator = torch.Generator().manual_seed(1)
    alive = {
        name: torch.rand(module.get_parameter(name).shape, generator=generator) < 0.5
        for name in PRUNED
    }
    with torch.no_grad():
        for name, mask in alive.items():
            module.get_parameter(name).mul_(mask)
    decision = answer(method, Target(density=0.25), module, alive=alive)
    for name, mask in decision.masks.items():
        assert not bool((mask & ~alive[name]).any())
        if method.amount is Amount.DENSITY and not method.is_global:
            assert density(mask) == pytest.approx(0.25, abs=0.5 / mask.numel())


@pytest.mark.parametrize(
    "method", [m for m in ALL if m.needs is not Needs.NOTHING], ids=lambda method: method.name
)
def test_a_method_that_looks_at_data_says_so(method: Method) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"{method.name} needs `--data`"):
        decide(network(), {"fc1.weight": Target(0.5, method=method.name)})


@pytest.mark.parametrize(
    "method", [m for m in ALL if m.needs is not Needs.NOTHING], ids=lambda method: method.name
)
def test_a_weight_that_no_output_depends_on_goes_first(method: Method) -> None:
    """The weights of an input that is always zero: free to remove, however large they are."""
    module, shown = network(), calibration()
    shown.inputs[:, 1] = 0.0
    with torch.no_grad():
        module.conv.weight[:, 1].fill_(10.0)
    targets = {"conv.weight": Target(0.25, method=method.name)}
    mask = decide(module, targets, calibration=shown).masks["conv.weight"]
    if method.name == "movement":  # a negative sum is worse than none
        assert float(mask[:, 1].float().mean()) <= 0.25
    else:
        assert not bool(mask[:, 1].any())


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_every_method_says_what_it_does(method: Method) -> None:
    assert method.summary
    assert find_method(method.name) is method


def test_zeros_keep_their_place_and_no_other_is_made() -> None:
    module = network()
    with torch.no_grad():
        module.fc1.weight[:, ::3] = 0.0
    masks = answer(find_method("zeros"), Target(), module).masks
    assert torch.equal(masks["fc1.weight"], module.fc1.weight != 0)
    assert bool(masks["conv.weight"].all())


def test_moved_weights_keep_the_outputs_closer_than_masks_alone() -> None:
    module, shown = network(), calibration()
    expected = module(shown.inputs).detach()

    def distance(name: str) -> float:
        changed = copy.deepcopy(module)
        decision = answer(find_method(name), Target(density=0.25), module)
        with torch.no_grad():
            for key, value in decision.weights.items():
                changed.get_parameter(key).copy_(value)
            for key, mask in decision.masks.items():
                changed.get_parameter(key).mul_(mask)
        return float((changed(shown.inputs).detach() - expected).square().mean())

    assert distance("second-order") < 0.7 * distance("magnitude")


def test_an_unknown_method_is_answered_with_the_list() -> None:
    with pytest.raises(InvalidArgumentError, match=r"magnitude.*second-order.*but got.*nothing"):
        decide(network(), {"fc1.weight": Target(0.5, method="nothing")})


def test_a_target_without_an_amount_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"how much of fc1\.weight remains"):
        decide(network(), {"fc1.weight": Target()})


def test_a_quality_is_for_magnitudes_alone() -> None:
    with pytest.raises(InvalidArgumentError, match=r"threshold of magnitudes.*method='random'"):
        decide(network(), {"fc1.weight": Target(quality=1.0, method="random")})


def test_thresholds_are_in_standard_deviations_of_each_layer() -> None:
    """One threshold for all: a layer scaled as a whole keeps as much as before."""
    module = network()
    before = answer(find_method("threshold"), Target(density=0.3), module).masks
    with torch.no_grad():
        module.fc1.weight.mul_(100.0)
    after = answer(find_method("threshold"), Target(density=0.3), module).masks
    for name in PRUNED:
        assert torch.equal(before[name], after[name])
    by_magnitude = answer(
        find_method("magnitude"), Target(density=0.3), module, is_global=True
    ).masks
    assert density(by_magnitude["fc1.weight"]) > density(after["fc1.weight"])
