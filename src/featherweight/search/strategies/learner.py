"""How rewards move the controller: REINFORCE, or PPO.

REINFORCE (Williams 1992) as in Zoph & Le 2016, arXiv 1611.01578, section 3.2: the gradient of the
expected reward is the mean of grad log p(a) (R(a) - b); b, the exponential moving average of the
rewards, changes its variance, not its mean. An entropy bonus keeps the controller curious.

PPO (Schulman et al. 2017, arXiv 1707.06347, equation 7, for NAS in arXiv 1707.07012) goes several
times over the same rewards, and stops where p has moved by more than `clip` from what drew them.

Both may also raise the likelihood of the best `queue` architectures so far: priority queue training
(Abolafia et al. 2018, arXiv 1801.03526), which makes more of few rewards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from featherweight.search.spaces.space import Choices, Space
from featherweight.search.strategies.policy import Policy


@dataclass(frozen=True)
class ControllerSettings:
    """What the learner is asked to do."""

    method: Literal["reinforce", "ppo"] = "reinforce"
    learning_rate: float = 0.0006
    """Of Adam."""
    batch: int = 8
    """So many rewards make one step (the paper's m)."""
    decay: float = 0.95
    """Of the baseline."""
    entropy: float = 0.0001
    """Weight of the bonus."""
    passes: int = 4
    """Of PPO over each batch."""
    clip: float = 0.2
    queue: int = 0
    """So many of the best architectures are learned by heart at each step; 0: none."""
    queue_weight: float = 1.0
    units: int = 35
    spread: float = 0.08
    normalise: bool = False
    """Divide R - b by the running deviation of the rewards, so that their unit does not matter."""


class Learner:
    """A policy with its optimizer, baseline and memory of the best."""

    def __init__(self, space: Space, settings: ControllerSettings, *, seed: int = 0) -> None:
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.policy = Policy(space, units=settings.units, spread=settings.spread)
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=settings.learning_rate)
        self.baseline: float | None = None
        self.variance = 0.0
        self.best: dict[Choices, float] = {}
        self._waiting: list[tuple[Choices, float]] = []

    def write(self, count: int = 1) -> list[Choices]:
        """Draw architectures."""
        with torch.no_grad():
            return self.policy.write(count, self.generator).as_tuples()

    def reward(self, choices: Choices, reward: float) -> None:
        """Take a reward; every `batch` of them the controller learns."""
        self._waiting.append((choices, reward))
        self._remember(choices, reward)
        if len(self._waiting) >= self.settings.batch:
            self.learn(self._waiting)
            self._waiting = []

    def learn(self, rewarded: Sequence[tuple[Choices, float]]) -> None:
        """One step of REINFORCE, or `passes` of PPO, on architectures that the policy drew."""
        choices = torch.tensor([choices for choices, _ in rewarded])
        advantages = self._advantages([reward for _, reward in rewarded])
        if self.settings.method == "reinforce":
            self._step(self.reinforce_loss(choices, advantages))
        else:
            with torch.no_grad():
                before = self.policy.read(choices).log_probabilities.sum(dim=1)
            for _ in range(self.settings.passes):
                self._step(self._ppo_loss(choices, advantages, before))

    def reinforce_loss(self, choices: Tensor, advantages: Tensor) -> Tensor:
        """Its gradient is minus REINFORCE's, the bonus included: choices [B, T], advantages [B]."""
        written = self.policy.read(choices)
        gain = (written.log_probabilities.sum(dim=1) * advantages).mean()
        return -gain - self.settings.entropy * written.entropies.sum(dim=1).mean()

    def probability(self, choices: Choices) -> float:
        """p(architecture)."""
        with torch.no_grad():
            return float(self.policy.read(torch.tensor([choices])).log_probabilities.sum().exp())

    def _ppo_loss(self, choices: Tensor, advantages: Tensor, before: Tensor) -> Tensor:
        written = self.policy.read(choices)
        ratio = (written.log_probabilities.sum(dim=1) - before).exp()
        clipped = ratio.clamp(1 - self.settings.clip, 1 + self.settings.clip)
        gain = torch.minimum(ratio * advantages, clipped * advantages).mean()
        return -gain - self.settings.entropy * written.entropies.sum(dim=1).mean()

    def _step(self, loss: Tensor) -> None:
        if self.settings.queue and self.best:
            known = self.policy.read(torch.tensor(list(self.best)))
            likelihood = known.log_probabilities.sum(dim=1).mean()
            loss = loss - self.settings.queue_weight * likelihood
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def _advantages(self, rewards: Sequence[float]) -> Tensor:
        """R - b by the baseline before these rewards, which they then move."""
        mean = sum(rewards) / len(rewards)
        if self.baseline is None:
            self.baseline = mean
            self.variance = sum((reward - mean) ** 2 for reward in rewards) / len(rewards)
        advantages = torch.tensor([reward - self.baseline for reward in rewards])
        decay = self.settings.decay
        for reward in rewards:
            self.variance = decay * self.variance + (1 - decay) * (reward - self.baseline) ** 2
            self.baseline = decay * self.baseline + (1 - decay) * reward
        return advantages / (self.variance**0.5 + 1e-8) if self.settings.normalise else advantages

    def _remember(self, choices: Choices, reward: float) -> None:
        if self.settings.queue:
            self.best[choices] = reward
            self.best = _largest(self.best, self.settings.queue)


def _largest(rewards: Mapping[Choices, float], count: int) -> dict[Choices, float]:
    return dict(sorted(rewards.items(), key=lambda pair: -pair[1])[:count])
