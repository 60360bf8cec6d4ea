"""Shared weights stay shared while they are trained, and training helps."""

import copy

import numpy as np
import torch
from torch import nn

from featherweight.data import Dataset
from featherweight.training import TrainingConfig, evaluate, fit
from featherweight.weight_sharing import SharingConfig, TrainedCentroids, share

CONFIG = TrainingConfig(epochs=4, batch_size=50, learning_rate=5e-3)


def trained(blobs: Dataset) -> nn.Module:
    torch.manual_seed(7)
    module = nn.Sequential(nn.Flatten(), nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 3))
    fit(module, blobs, CONFIG)
    return module


def test_share_covers_the_mask_and_nothing_else() -> None:
    weight = torch.randn(8, 9, generator=torch.Generator().manual_seed(1))
    mask = weight.abs() > 0.7
    shared = share(weight, mask, 3, SharingConfig())
    assert torch.equal(shared.weight != 0, mask)
    assert shared.codebook.numel() <= 8
    assert len(np.unique(shared.weight[mask].numpy())) == shared.codebook.numel()
    nearest = (weight[mask][:, None] - shared.codebook).abs().argmin(1)
    assert torch.equal(nearest, shared.codes)


def test_training_moves_centroids_and_keeps_codes(blobs: Dataset) -> None:
    module = trained(blobs)
    weight = module[1].weight.detach()
    mask = weight.abs() > weight.abs().median()
    shared = {
        "1.weight": share(weight, mask, 1, SharingConfig()),
        "1.bias": share(module[1].bias, torch.ones(32, dtype=torch.bool), 2, SharingConfig()),
    }
    constraint = TrainedCentroids(module, shared)
    untrained = evaluate(copy.deepcopy(module), blobs, blobs.train)
    last_layer = module[3].weight.detach().clone()
    fit(module, blobs, CONFIG, constraint=constraint)
    result = constraint.result()
    assert torch.equal(module[1].weight, result["1.weight"].weight)
    assert torch.equal(module[1].bias, result["1.bias"].weight)
    assert torch.equal(result["1.weight"].codes, shared["1.weight"].codes)
    assert not torch.equal(result["1.weight"].codebook, shared["1.weight"].codebook)
    assert not torch.equal(module[3].weight, last_layer)  # what is not shared is trained as usual
    assert evaluate(module, blobs, blobs.train).loss < untrained.loss
