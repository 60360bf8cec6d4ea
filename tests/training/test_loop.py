"""The loop learns, is deterministic, and resumes to the same bits."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from featherweight.data import Dataset
from featherweight.errors import CheckpointError
from featherweight.nn import WithAuxiliary
from featherweight.training import Distillation, Progress, TrainingConfig, evaluate, fit
from featherweight.training.config import learning_rate

CONFIG = TrainingConfig(epochs=4, batch_size=50, learning_rate=5e-3, max_shift=1)


def network() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(400, 3)
    )


def same(one: nn.Module, two: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class Interrupted(Exception):
    """Stands for a kill at the end of an epoch."""


def stop_after(epoch: int):
    def report(progress: Progress) -> None:
        if progress.epoch == epoch:
            raise Interrupted

    return report


def test_learns_and_is_deterministic(blobs: Dataset) -> None:
    first, second = network(), network()
    fit(first, blobs, CONFIG, seed=1)
    fit(second, blobs, CONFIG, seed=1)
    assert same(first, second)
    assert evaluate(first, blobs, blobs.test).top1 > 90.0
    other = network()
    fit(other, blobs, CONFIG, seed=2)
    assert not same(first, other)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_killed_run_ends_with_the_same_bits(
    blobs: Dataset, tmp_path: Path, optimizer: str
) -> None:
    config = replace(CONFIG, optimizer=optimizer, distillation=Distillation())
    teacher, straight, resumed = network(), network(), network()
    fit(straight, blobs, config, seed=3, teacher=teacher)
    file = tmp_path / "run.safetensors"
    with pytest.raises(Interrupted):
        fit(resumed, blobs, config, seed=3, teacher=teacher, checkpoint=file, report=stop_after(2))
    again = network()
    seen: list[int] = []
    fit(
        again, blobs, config, seed=3, teacher=teacher, checkpoint=file,
        report=lambda progress: seen.append(progress.epoch),
    )  # fmt: skip
    assert seen == [2, 3, 4]
    assert same(straight, again)
    assert not list(tmp_path.glob("*.partial"))


def test_a_checkpoint_of_another_run_is_refused(blobs: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    short = replace(CONFIG, epochs=1)
    fit(network(), blobs, short, seed=3, checkpoint=file)
    with pytest.raises(CheckpointError, match="another"):
        fit(network(), blobs, short, seed=4, checkpoint=file)


def test_something_that_is_no_checkpoint_is_refused(blobs: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        fit(network(), blobs, CONFIG, checkpoint=file)


def test_distillation_pulls_towards_the_teacher(blobs: Dataset) -> None:
    teacher = network()
    fit(teacher, blobs, CONFIG)
    before = copy.deepcopy(teacher.state_dict())
    student = nn.Sequential(nn.Flatten(), nn.Linear(144, 3))
    fit(student, blobs, replace(CONFIG, distillation=Distillation(weight=1.0)), teacher=teacher)
    assert evaluate(student, blobs, blobs.test).top1 > 85.0
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())


def test_l1_makes_weights_smaller(blobs: Dataset) -> None:
    plain, penalised = network(), network()
    fit(plain, blobs, replace(CONFIG, weight_decay=0.0))
    fit(penalised, blobs, replace(CONFIG, weight_decay=0.0, l1=2e-2))
    assert penalised[4].weight.abs().sum() < 0.8 * plain[4].weight.abs().sum()


class WithHead(nn.Module):
    """A network with one auxiliary head, of the same size as the network itself."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.main, self.head, self.weight = nn.Linear(144, 3), nn.Linear(144, 3), weight

    def forward(self, x: torch.Tensor) -> torch.Tensor | WithAuxiliary:
        x = x.flatten(1)
        if not self.training:
            return self.main(x)
        return WithAuxiliary(self.main(x), (self.head(x),), self.weight)


@pytest.mark.parametrize("distillation", [None, Distillation()])
def test_auxiliary_heads_are_trained_by_their_weight(
    blobs: Dataset, distillation: Distillation | None
) -> None:
    config = replace(CONFIG, optimizer="sgd", weight_decay=0.0, distillation=distillation)
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(144, 3))
    fit(teacher, blobs, CONFIG)
    alone, helped = WithHead(0.0), WithHead(0.3)
    start = copy.deepcopy(alone.state_dict())
    for network in (alone, helped):
        fit(network, blobs, config, teacher=teacher if distillation else None)
    # The head shares nothing with the network here: only the head itself learns from it.
    assert torch.equal(alone.main.weight, helped.main.weight)
    assert torch.equal(alone.head.weight, start["head.weight"])
    assert not torch.equal(helped.head.weight, start["head.weight"])
    assert evaluate(helped, blobs, blobs.test).top1 > 85.0


def test_the_loss_of_a_head_has_its_weight(blobs: Dataset) -> None:
    losses: dict[float, float] = {}
    config = replace(CONFIG, epochs=1, learning_rate=1e-12, weight_decay=0.0)
    for weight in (0.0, 0.3, 0.6):
        fit(
            WithHead(weight), blobs, config,
            report=lambda progress, weight=weight: losses.update({weight: progress.loss}),
        )  # fmt: skip
    assert losses[0.3] > losses[0.0]
    assert losses[0.6] - losses[0.0] == pytest.approx(2 * (losses[0.3] - losses[0.0]), rel=1e-3)


def test_schedule_rises_to_the_rate_and_falls_to_zero() -> None:
    config = TrainingConfig(learning_rate=0.1, warmup=0.2)
    rates = [learning_rate(config, step, 100) for step in range(100)]
    assert max(rates) == rates[20] == pytest.approx(0.1)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert learning_rate(config, 60, 100) == pytest.approx(0.05)
    assert rates[-1] < 1e-4
