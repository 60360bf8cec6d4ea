"""Bar 3: REINFORCE beside the exact gradient; the controller under a synthetic reward."""

import torch

from featherweight.search.spaces.chain import ChainSpace
from featherweight.search.strategies.learner import ControllerSettings, Learner
from harness import Row

_SPACE = ChainSpace("tiny", layers=3, heights=(1, 3), widths=(3,), filters=(4, 8), chained=True)
_DRAWS, _BATCHES, _STEPS = 256, 60, 200


def rows() -> list[Row]:
    return [_gradient(), _best()]


def _gradient() -> Row:
    """Cosine of the mean of 60 x 256 draws and the sum over all 128 architectures."""
    learner = Learner(_SPACE, ControllerSettings(entropy=0.0, spread=0.5), seed=0)
    policy = learner.policy
    every = torch.tensor([architecture.choices for architecture in _SPACE.all()])
    reward = torch.rand(len(every), generator=torch.Generator().manual_seed(1))
    index = {tuple(row): i for i, row in enumerate(every.tolist())}

    def gradient(loss: torch.Tensor) -> torch.Tensor:
        policy.zero_grad()
        loss.backward()
        parts = (torch.zeros_like(p) if p.grad is None else p.grad for p in policy.parameters())
        return torch.cat([part.flatten() for part in parts])

    p = policy.read(every).log_probabilities.sum(1).exp()
    exact = gradient(-(p * reward).sum())
    mean = torch.zeros_like(exact)
    for seed in range(_BATCHES):
        with torch.no_grad():
            drawn = policy.write(_DRAWS, torch.Generator().manual_seed(seed)).choices
        got = torch.tensor([float(reward[index[tuple(row)]]) for row in drawn.tolist()])
        mean += gradient(learner.reinforce_loss(drawn, got - 0.5)) / _BATCHES
    cosine = float(torch.nn.functional.cosine_similarity(mean, exact, dim=0))
    return Row("cosine of REINFORCE's gradient", cosine, "", "the exact gradient")


def _best() -> Row:
    """Reward: the square of the share of decisions that are the hidden architecture's."""
    settings = ControllerSettings(learning_rate=0.01, entropy=0.001, batch=16, normalise=True)
    learner = Learner(_SPACE, settings, seed=0)
    best = _SPACE.architecture((1, 0, 0, 1, 1, 0, 1)).choices
    for _ in range(_STEPS):
        for choices in learner.write(16):
            right = sum(a == b for a, b in zip(choices, best, strict=True))
            learner.reward(choices, (right / len(best)) ** 2)
    probability = learner.probability(best)
    name = "probability of the best architecture under a synthetic reward"
    return Row(name, probability, "", bar=0.9, met=probability > 0.9)
