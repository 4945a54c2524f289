"""The rate of all decisions together: rates of nationalities weighed by their part in the decisions.

    total = sum_s w_s r_s,   w the composition of decisions, r the rates, taken as independent
    Var(total) = E_w[Var_r(w . r)]  +  Var_w(E_r[w . r])                       rate + mix, law of total variance

Every draw of w meets every draw of r, so that both parts add up to the variance of the pairs exactly. "The mix stays"
keeps w as it was last, "the rates stay" keeps r as it was last. Counts: decisions are divided by w, positive ones are
beta-binomial around the rate (`own_rates`). Web-safe; it knows nothing of files or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from models.series import Array

LEVELS: Mapping[str, float] = {"lower95": 0.025, "lower75": 0.125, "upper75": 0.875, "upper95": 0.975}
_LEAST_RATE = 1e-6
_LEAST_SIZE = 1e-3  # without decisions none is positive either
MOST_PAIRED = 400


@dataclass(frozen=True)
class TotalRate:
    """Rate of the total in one period: mean, quantiles by name (`LEVELS`), and the two parts of its variance."""

    mean: float
    quantiles: dict[str, float]
    variance_rate: float
    variance_mix: float


def total_rate(rates: NDArray[np.floating], weights: Array) -> TotalRate:
    """From draws of rates (draw, series) and of weights (draw, series) that add up to one.

    The first `MOST_PAIRED` of either are paired. Raises ValueError for weights that do not add up to one.
    """
    w, r = weights[:MOST_PAIRED].astype(float), rates[:MOST_PAIRED].astype(float)
    if not np.allclose(w.sum(axis=1), 1.0):
        raise ValueError("the composition of decisions must add up to one")
    pairs = w @ r.T
    found = np.quantile(pairs, list(LEVELS.values()))
    return TotalRate(
        mean=float(pairs.mean()),
        quantiles=dict(zip(LEVELS, found.tolist(), strict=True)),
        variance_rate=float(pairs.var(axis=1).mean()),
        variance_mix=float(pairs.mean(axis=1).var()),
    )


def normalised(weights: Array, noise_sd: float, seed: int) -> Array:
    """Weights (draw, period, series) that add up to one; `noise_sd` the log sd of what no lag explains."""
    rng = np.random.default_rng(seed)
    moved = np.maximum(weights, 0.0) * np.exp(noise_sd * rng.standard_normal(weights.shape))
    total = moved.sum(axis=-1, keepdims=True)
    even = np.full_like(moved, 1 / moved.shape[-1])
    return np.asarray(np.divide(moved, total, out=even, where=total > 0))


def positive_counts(
    rates: NDArray[np.floating], weights: Array, decisions: int, noise: Array, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(decisions, positive ones), each (draw, series), when `decisions` are taken in a period.

    `noise` (draw, 2) batch and correlation. Positive decisions never exceed decisions, which add up in every draw.
    """
    draws = min(len(rates), len(weights), len(noise))
    rng = np.random.default_rng(seed)
    divided = rng.multinomial(decisions, weights[:draws])
    own = own_rates(rates[:draws], divided, noise[:draws, 0, None], noise[:draws, 1, None], rng)
    return divided, rng.binomial(divided, own)


def own_rates(
    rates: NDArray[np.floating],
    total: ArrayLike,
    batch: ArrayLike,
    correlation: ArrayLike,
    rng: np.random.Generator,
) -> Array:
    """Draws of the rate that a period's `total` decisions have by themselves, around `rates`: Beta(M r, M (1 - r)).

    M is `beta_size(total, batch, correlation)`; all arguments broadcast to the shape of `rates`.
    """
    p = np.clip(rates.astype(float), _LEAST_RATE, 1 - _LEAST_RATE)
    size = beta_size(total, batch, correlation)
    return np.asarray(rng.beta(size * p, size * (1 - p)))


def beta_size(total: ArrayLike, batch: ArrayLike, correlation: ArrayLike) -> Array:
    """M, for which 1 / (M + 1) = r + (1 - r) d / (n + d): families or batches of d, and r that all n share."""
    n, d, r = (np.asarray(value, dtype=float) for value in (total, batch, correlation))
    return np.asarray((1 - r) * n / (r * n + d)).clip(_LEAST_SIZE)


def shifted(rates: NDArray[np.floating], shift: float) -> NDArray[np.float64]:
    """Rates after a change of policy by so much on the log odds; they stay between 0 and 1."""
    clipped = np.clip(rates.astype(float), _LEAST_RATE, 1 - _LEAST_RATE)
    return np.asarray(expit(logit(clipped) + shift))
