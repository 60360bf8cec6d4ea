"""Masks are held, reach their density, and resume."""

from pathlib import Path

import pytest
import torch
from torch import nn

from featherweight.data import Dataset
from featherweight.pruning import MaskedTraining, PruningConfig, Target, adjust_dropout
from featherweight.training import TrainingConfig, evaluate, fit

CONFIG = TrainingConfig(epochs=6, batch_size=50, learning_rate=5e-3)


def network() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 3))


@pytest.mark.parametrize("schedule", ["one-shot", "iterative", "gradual"])
@pytest.mark.parametrize("regrow", [False, True])
def test_density_is_reached_and_held(blobs: Dataset, schedule: str, regrow: bool) -> None:
    module = network()
    fit(module, blobs, CONFIG)
    config = PruningConfig(schedule=schedule, regrow=regrow)
    constraint = MaskedTraining(module, {"1.weight": Target(density=0.1)}, config)
    fit(module, blobs, CONFIG, constraint=constraint)
    kept = round(0.1 * 144 * 32)
    assert int((module[1].weight != 0).sum()) == kept
    assert torch.equal(module[1].weight != 0, constraint.masks["1.weight"])
    assert int((module[3].weight == 0).sum()) == 0
    assert evaluate(module, blobs, blobs.test).top1 > 85.0


def test_a_held_mask_never_gives_a_weight_back() -> None:
    module = network()
    constraint = MaskedTraining(module, {"1.weight": Target(density=0.2)}, PruningConfig())
    earlier = constraint.masks["1.weight"]
    for progress in (0.0, 0.2, 0.4, 0.6, 0.9):
        constraint.before_step(progress)
        now = constraint.masks["1.weight"]
        assert not bool((now & ~earlier).any())
        earlier = now
        with torch.no_grad():
            module[1].weight.add_(torch.randn_like(module[1].weight))
        constraint.after_step()
        assert torch.equal(module[1].weight != 0, now)
    assert int(earlier.sum()) == round(0.2 * 144 * 32)


def test_threshold_target() -> None:
    module = network()
    weight = module[1].weight.detach().clone()
    constraint = MaskedTraining(
        module, {"1.weight": Target(quality=1.0)}, PruningConfig("one-shot")
    )
    constraint.before_step(0.0)
    expected = weight.abs() > weight.std(correction=0)
    assert torch.equal(constraint.masks["1.weight"], expected)


def test_pruning_resumes_to_the_same_bits(blobs: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "prune.safetensors"

    def run(stop: int | None) -> nn.Module:
        module = network()
        constraint = MaskedTraining(module, {"1.weight": Target(density=0.1)}, PruningConfig())

        def report(progress) -> None:
            if progress.epoch == stop:
                raise KeyboardInterrupt

        fit(module, blobs, CONFIG, constraint=constraint, checkpoint=file, report=report)
        return module

    straight = run(None)
    file.unlink()
    with pytest.raises(KeyboardInterrupt):
        run(3)
    assert torch.equal(run(None)[1].weight, straight[1].weight)


def test_dropout_is_adjusted_to_the_layer_before() -> None:
    module = nn.Sequential(nn.Linear(10, 10), nn.Dropout(0.5), nn.Linear(10, 4), nn.Dropout(0.5))
    rates = adjust_dropout(module, {"0.weight": 0.25})
    assert rates == {"1": pytest.approx(0.25), "3": pytest.approx(0.5)}
    assert module[1].p == pytest.approx(0.25)
