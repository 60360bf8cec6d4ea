import pytest
import torch

from featherweight.search.spaces.chain import ChainSpace
from featherweight.search.strategies.learner import ControllerSettings, Learner
from featherweight.search.strategies.policy import Policy

SPACE = ChainSpace("tiny", layers=3, heights=(1, 3), widths=(3,), filters=(4, 8), chained=True)


def every() -> torch.Tensor:
    return torch.tensor([architecture.choices for architecture in SPACE.all()])


def rewards() -> torch.Tensor:
    return torch.rand(SPACE.count, generator=torch.Generator().manual_seed(1))


def gradient(policy: Policy, loss: torch.Tensor) -> torch.Tensor:
    policy.zero_grad()
    loss.backward()
    parts = (torch.zeros_like(p) if p.grad is None else p.grad for p in policy.parameters())
    return torch.cat([part.flatten() for part in parts])


def test_probabilities_sum_to_one() -> None:
    policy = Policy(SPACE, spread=1.0)
    with torch.no_grad():
        total = float(policy.read(every()).log_probabilities.sum(1).exp().sum())
    assert total == pytest.approx(1, abs=1e-5)


def test_draws_follow_the_probabilities() -> None:
    torch.manual_seed(0)
    policy = Policy(SPACE, spread=0.5)
    with torch.no_grad():
        p = policy.read(every()).log_probabilities.sum(1).exp()
        drawn = policy.write(20_000, torch.Generator().manual_seed(2)).as_tuples()
    index = {tuple(row): i for i, row in enumerate(every().tolist())}
    counts = torch.bincount(torch.tensor([index[c] for c in drawn]), minlength=SPACE.count)
    deviation = (counts / 20_000 - p) / (p * (1 - p) / 20_000).sqrt()
    assert float(deviation.abs().max()) < 4.5
    assert float(deviation.square().mean()) == pytest.approx(1, abs=0.8)


def test_reinforce_is_the_gradient_of_the_expected_reward() -> None:
    """The exact gradient of sum p(a) R(a), by enumeration; the estimate by its own error."""
    learner = Learner(SPACE, ControllerSettings(entropy=0.0, spread=0.5), seed=0)
    policy, reward = learner.policy, rewards()
    p = policy.read(every()).log_probabilities.sum(1).exp()
    exact = gradient(policy, -(p * reward).sum())
    index = {tuple(row): i for i, row in enumerate(every().tolist())}
    estimates = []
    for seed in range(60):
        with torch.no_grad():
            drawn = policy.write(256, torch.Generator().manual_seed(seed)).choices
        got = torch.tensor([float(reward[index[tuple(row)]]) for row in drawn.tolist()])
        estimates.append(gradient(policy, learner.reinforce_loss(drawn, got - 0.5)))
    stacked = torch.stack(estimates)
    mean, error = stacked.mean(0), stacked.std(0) / len(stacked) ** 0.5
    moved = error > 1e-9
    z = (mean - exact)[moved] / error[moved]
    assert float(z.abs().max()) < 5.5
    assert float(z.square().mean()) < 2.0
    cosine = torch.nn.functional.cosine_similarity(mean, exact, dim=0)
    assert float(cosine) > 0.95
    torch.testing.assert_close(mean[~moved], exact[~moved], atol=1e-7, rtol=0)


@pytest.mark.parametrize("method", ["reinforce", "ppo"])
def test_the_best_architecture_becomes_likely(method: str) -> None:
    settings = ControllerSettings(
        method=method, learning_rate=0.01, entropy=0.001, batch=16, normalise=True
    )
    learner = Learner(SPACE, settings, seed=0)
    best = tuple(every()[37].tolist())
    before = learner.probability(best)
    for _ in range(200):
        for choices in learner.write(16):
            right = sum(a == b for a, b in zip(choices, best, strict=True))
            learner.reward(choices, (right / len(best)) ** 2)
    assert before < 0.05
    assert learner.probability(best) > 0.9


def test_the_baseline_is_a_moving_average() -> None:
    learner = Learner(SPACE, ControllerSettings(decay=0.9, batch=2), seed=0)
    first, second = learner.write(2)
    learner.reward(first, 1.0)
    learner.reward(second, 3.0)
    assert learner.baseline == pytest.approx(0.9 * (0.9 * 2.0 + 0.1 * 1.0) + 0.1 * 3.0)
