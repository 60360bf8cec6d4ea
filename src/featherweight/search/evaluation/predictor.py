"""What an architecture will reach, predicted from those that were trained.

A linear model of the decisions, one weight an option: which options are good on the whole. Wen et
al. 2019, "Neural Predictor for Neural Architecture Search", arXiv 1912.00848, predict from a few
trained architectures which others are worth a training; the model here is Bayesian linear
regression, because the first dozens of trainings do not carry more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featherweight.search.spaces.space import Architecture

Array = NDArray[np.float64]


def features(architectures: Sequence[Architecture]) -> Array:
    """One row an architecture: a one for each chosen option of the decisions that have a say."""
    sizes = [len(decision.options) for decision in architectures[0].space.decisions]
    first = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.zeros((len(architectures), int(first[-1])))
    for row, architecture in zip(rows, architectures, strict=True):
        for index in architecture.active:
            row[first[index] + architecture.choices[index]] = 1.0
    return rows


@dataclass(frozen=True)
class Predictor:
    """The model as it was fitted: weights are normal, of this mean and covariance."""

    offset: float
    mean: Array
    covariance: Array

    def predict(self, architectures: Sequence[Architecture]) -> Array:
        """The expected value of each."""
        return self.offset + features(architectures) @ self.mean

    def draw(self, architectures: Sequence[Architecture], generator: np.random.Generator) -> Array:
        """Values by weights drawn from what the trainings leave open (Thompson sampling)."""
        weights = generator.multivariate_normal(self.mean, self.covariance, method="cholesky")
        return self.offset + features(architectures) @ weights


def fit(architectures: Sequence[Architecture], values: Sequence[float], ridge: float) -> Predictor:
    """Bayesian linear regression: weights start with variance noise / `ridge`.

    Args:
        architectures: of one space, at least one.
        values: what each reached.
        ridge: how strongly weights are held at zero; greater than 0.
    """
    x, y = features(architectures), np.asarray(values, dtype=np.float64)
    offset = float(y.mean())
    inverse = np.linalg.inv(x.T @ x + ridge * np.eye(x.shape[1]))
    mean = inverse @ x.T @ (y - offset)
    left = y - offset - x @ mean
    # Few trainings fit almost exactly: what is left says too little of the noise.
    noise = max(float(left @ left) / len(y), 0.05 * float(y.var()), 1e-12)
    return Predictor(offset, mean, noise * (inverse + inverse.T) / 2)
