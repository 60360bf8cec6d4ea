import random

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from featherweight.search.evaluation.predictor import features, fit
from featherweight.search.spaces.chain import ChainSpace
from featherweight.search.spaces.mobile import MobileSpace, Stage
from featherweight.search.spaces.space import Architecture
from featherweight.search.strategies.predictor import rewards_to_fit
from featherweight.search.strategies.suggest import distributions

SPACE = ChainSpace("small", layers=3, heights=(1, 3), widths=(1, 3, 5), filters=(4, 8))


def test_features_leave_out_what_has_no_say() -> None:
    space = MobileSpace("m", stages=(Stage((8, 16), (0, 1)),), squeeze=(0,), stems=(8,))
    # depth1 of 2 options, width1 of 2, kernel1 of 2, expansion1 of 3
    without, with_block = space.architecture([0, 0, 0, 0]), space.architecture([1, 1, 0, 2])
    assert features([without, with_block]).tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 1, 1, 0, 0, 0, 1],
    ]


def test_it_is_ridge_regression() -> None:
    """The mean is the least-squares solution with sqrt(ridge) x identity as further rows."""
    generator, ridge = random.Random(0), 0.7
    known = [SPACE.sample(generator) for _ in range(20)]
    values = [generator.gauss(50.0, 5.0) for _ in known]
    model = fit(known, values, ridge)
    x = features(known)
    rows = np.vstack([x, np.sqrt(ridge) * np.eye(x.shape[1])])
    centred = np.concatenate([np.array(values) - np.mean(values), np.zeros(x.shape[1])])
    expected = np.linalg.lstsq(rows, centred, rcond=None)[0]
    np.testing.assert_allclose(model.mean, expected, atol=1e-10)
    np.testing.assert_allclose(model.predict(known), np.mean(values) + x @ expected, atol=1e-9)
    # Noise times the inverse of X'X + ridge I, as the posterior of normal weights.
    precision = np.linalg.inv(model.covariance)
    scale = precision[0, 0] / (x.T @ x + ridge * np.eye(x.shape[1]))[0, 0]
    np.testing.assert_allclose(precision, scale * (x.T @ x + ridge * np.eye(x.shape[1])), atol=1e-9)


def test_what_decisions_add_up_to_is_ranked_right() -> None:
    generator = random.Random(1)
    weights = [[generator.random() for _ in each.options] for each in SPACE.decisions]

    def value(architecture) -> float:
        return sum(w[c] for w, c in zip(weights, architecture.choices, strict=True))

    known = [SPACE.sample(generator) for _ in range(120)]
    others = [SPACE.sample(generator) for _ in range(60)]
    found = fit(known, [value(each) for each in known], 1e-6).predict(others)
    assert found == pytest.approx([value(each) for each in others], abs=1e-3)


def test_draws_spread_as_the_covariance_says() -> None:
    generator = random.Random(2)
    known = [SPACE.sample(generator) for _ in range(15)]
    model = fit(known, [generator.gauss(0.0, 1.0) for _ in known], 1.0)
    probe = [SPACE.sample(generator)]
    draws = np.array([model.draw(probe, np.random.default_rng(seed))[0] for seed in range(2000)])
    x = features(probe)[0]
    assert draws.mean() == pytest.approx(model.predict(probe)[0], abs=0.1)
    assert draws.std() == pytest.approx(np.sqrt(x @ model.covariance @ x), rel=0.1)


def test_what_misses_a_limit_or_was_given_up_counts_as_the_worst() -> None:
    study = optuna.create_study(direction="maximize")
    generator = random.Random(3)
    each = list(dict.fromkeys(SPACE.sample(generator) for _ in range(9)))[:6]

    def tell(architecture: Architecture, value: float, state: TrialState) -> None:
        study.add_trial(
            optuna.trial.create_trial(
                params=architecture.values, distributions=distributions(SPACE), value=value,
                state=state,
            )
        )  # fmt: skip

    for architecture, value in zip(each[:3], (84.0, 88.0, 86.0), strict=True):
        tell(architecture, value, TrialState.COMPLETE)
    assert rewards_to_fit(study, SPACE, 4) == {}
    tell(each[3], -2.5, TrialState.COMPLETE)
    tell(each[4], 71.0, TrialState.PRUNED)
    assert rewards_to_fit(study, SPACE, 4) == {}
    assert rewards_to_fit(study, SPACE, 3) == dict(
        zip(each, (84.0, 88.0, 86.0, 84.0, 84.0), strict=False)
    )
