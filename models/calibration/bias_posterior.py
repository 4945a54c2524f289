"""The posterior of the bias from draws of the scales, and the verdict it allows.

    p(b | e) = sum_i w_i Normal(m_i r_i, v_i r_i),   r_i = s^2 / (v_i + s^2),   w_i ∝ Normal(m_i; 0, v_i + s^2)

with m_i, v_i the mean and variance of the bias given draw i under a flat prior, and bias ~ Normal(0, s^2) entering as a
weight: one set of draws serves every prior, and every shift of the errors. The Bayes factor is
sum_i Normal(m_i; 0, v_i + s^2) / sum_i Normal(m_i; 0, v_i). Exact up to Monte Carlo error, no draws of b needed.
This module must not know cells or forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp, ndtr

from models.calibration.answer import Verdict
from models.calibration.gaussian_draws import GaussianDraws

Array = NDArray[np.float64]

DEMONSTRATED = 0.975
"""Posterior probability of one direction from which a bias counts as demonstrated."""
PRACTICALLY = 0.95
"""Posterior probability of the region of practical equivalence from which an archive counts as unbiased."""


@dataclass(frozen=True, eq=False)
class BiasPosterior:
    """A mixture of normals: `weight`, `mean` and `sd` (draw,)."""

    weights: Array
    means: Array
    sds: Array

    @property
    def mean(self) -> float:
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        second = self.weights @ (self.means**2 + self.sds**2)
        return float(np.sqrt(second - self.mean**2))

    def below(self, x: float) -> float:
        """Posterior probability of a bias under `x`."""
        return float(self.weights @ ndtr((x - self.means) / self.sds))

    def quantile(self, level: float) -> float:
        """The bias that is exceeded with probability 1 - level."""
        reach = 12 * self.sds
        ends = float((self.means - reach).min()), float((self.means + reach).max())
        return float(brentq(lambda x: self.below(x) - level, *ends, xtol=1e-10))

    @property
    def probability_positive(self) -> float:
        return 1 - self.below(0.0)

    def within(self, rope: float) -> float:
        """Posterior probability that forecast / realised lies between 1 - rope and 1 + rope."""
        return self.below(float(np.log1p(rope))) - self.below(float(np.log1p(-rope)))

    def verdict(self, rope: float, questions: int = 1) -> Verdict:
        """Practical equivalence first: a bias too small to matter is none, however surely it is there.

        `questions` asked side by side share the chance of a false alarm.
        """
        if self.within(rope) >= PRACTICALLY:
            return "practically_unbiased"
        if (
            max(self.probability_positive, 1 - self.probability_positive)
            >= 1 - (1 - DEMONSTRATED) / questions
        ):
            return "bias_demonstrated"
        return "not_demonstrated"


def bias_posterior(found: GaussianDraws, prior_sd: float, shift: float = 0.0) -> BiasPosterior:
    """The posterior under bias ~ Normal(0, prior_sd^2), of errors that are all larger by `shift`."""
    mean, total = found.mean + shift, found.variance + prior_sd**2
    log_weight = _log_normal(mean, total)
    kept = prior_sd**2 / total
    return BiasPosterior(
        weights=np.exp(log_weight - logsumexp(log_weight)),
        means=mean * kept,
        sds=np.sqrt(found.variance * kept),
    )


def summary_95(found: BiasPosterior) -> dict[str, float]:
    """Mean, sd, ends of the central 95% and the probability of a bias upwards, under the answer's names."""
    return {
        "mean": found.mean,
        "sd": found.sd,
        "lower95": found.quantile(0.025),
        "upper95": found.quantile(0.975),
        "probability_positive": found.probability_positive,
    }


def bayes_factor(found: GaussianDraws, prior_sd: float) -> float:
    """Odds of bias ~ Normal(0, prior_sd^2) against a bias of exactly zero."""
    some = logsumexp(_log_normal(found.mean, found.variance + prior_sd**2))
    none = logsumexp(_log_normal(found.mean, found.variance))
    return float(np.exp(np.clip(some - none, -50, 50)))


def demonstrated(found: GaussianDraws, prior_sd: float, shift: Array) -> Array:
    """`(shift,)` whether errors larger by each shift would demonstrate a bias, practical equivalence aside."""
    mean = found.mean[:, None] + shift
    total = (found.variance + prior_sd**2)[:, None]
    log_weight = _log_normal(mean, total)
    weights = np.exp(log_weight - logsumexp(log_weight, axis=0))
    positive = np.sum(weights * ndtr(mean * np.sqrt(prior_sd**2 / (total * found.variance[:, None]))), axis=0)
    return np.asarray(np.maximum(positive, 1 - positive) >= DEMONSTRATED)


def _log_normal(x: Array, variance: Array) -> Array:
    return np.asarray(-(x**2) / (2 * variance) - np.log(2 * np.pi * variance) / 2)
