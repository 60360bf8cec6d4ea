"""Accuracy of a network on one split of a data set."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from featherweight.data import Dataset, Split


@dataclass(frozen=True)
class Accuracy:
    """Percentages of right answers (first, and among the first five), and mean cross-entropy."""

    top1: float
    top5: float
    loss: float
    samples: int


def logits(module: nn.Module, dataset: Dataset, split: Split, batch_size: int = 500) -> Tensor:
    """The network's outputs, [N, classes], in evaluation mode and in the split's order."""
    was_training = module.training
    device = next(iter(module.parameters())).device
    module.eval()
    with torch.inference_mode():
        parts = [
            module(dataset.normalize(images).to(device)).cpu()
            for images in torch.split(split.images, batch_size)
        ]
    module.train(was_training)
    return torch.cat(parts)


def accuracy(outputs: Tensor, labels: Tensor) -> Accuracy:
    """Score outputs [N, classes] against labels [N]."""
    count = len(labels)
    top = outputs.topk(min(5, outputs.shape[1]), dim=1).indices == labels[:, None]
    return Accuracy(
        top1=100.0 * float(top[:, 0].sum()) / count,
        top5=100.0 * float(top.any(dim=1).sum()) / count,
        loss=float(functional.cross_entropy(outputs, labels)),
        samples=count,
    )


def evaluate(module: nn.Module, dataset: Dataset, split: Split) -> Accuracy:
    """Accuracy of `module` on `split`; in test mode, gradients off, the mode is restored."""
    return accuracy(logits(module, dataset, split), split.labels)
