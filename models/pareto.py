"""How far importance weights can be trusted: the Pareto k-hat and the effective sample size.

k-hat is the shape of a generalised Pareto distribution fitted to the largest weights; under 0.7 their mean
settles. Fit: Zhang and Stephens (2009), with the weak prior towards 0.5 of Vehtari, Simpson, Gelman, Yao and
Gabry (2024, Pareto smoothed importance sampling). ArviZ computes the same number and the tests compare; the web
process needs it too and has no room for ArviZ.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def effective_sample_size(log_weights: Array) -> float:
    """`(sum w)^2 / sum w^2`, between 0 (all weights zero) and the number of draws (all equal)."""
    top = float(log_weights.max())
    if not np.isfinite(top):
        return 0.0
    weights = np.exp(log_weights - top)
    return float(weights.sum() ** 2 / (weights @ weights))


def effective_sample_sizes(log_weights: Array) -> Array:
    """As `effective_sample_size`, of every row `(set, draw)`: an array `(set,)`."""
    top = log_weights.max(axis=1, keepdims=True)
    weights = np.exp(log_weights - np.where(np.isfinite(top), top, 0.0))
    squares = np.square(weights).sum(axis=1)
    return np.asarray(weights.sum(axis=1) ** 2 / np.maximum(squares, np.finfo(squares.dtype).tiny))


def pareto_k(log_weights: Array) -> float:
    """k-hat of the weights' upper tail; -inf when the tail is flat, inf when nothing has weight."""
    finite = log_weights if np.isfinite(log_weights.sum()) else log_weights[np.isfinite(log_weights)]
    if len(finite) == 0:
        return float("inf")
    tail_size = int(np.ceil(min(0.2 * len(log_weights), 3 * np.sqrt(len(log_weights)))))
    if tail_size < 5 or len(finite) <= tail_size:
        return float("inf")
    largest = np.sort(np.partition(finite, len(finite) - tail_size - 1)[-tail_size - 1 :])
    excess = np.exp(largest[1:] - largest[-1]) - np.exp(largest[0] - largest[-1])
    if excess[-1] <= np.finfo(float).tiny:
        return float("-inf")
    return _generalised_pareto_shape(np.maximum(excess, np.finfo(float).tiny))


def _generalised_pareto_shape(excess: Array) -> float:
    """Posterior-mean shape for sorted positive excesses, shrunk by ten pseudo-observations at 0.5."""
    n = len(excess)
    grid_size = 30 + int(np.sqrt(n))
    grid = 1 - np.sqrt(grid_size / (np.arange(1, grid_size + 1) - 0.5))
    quartile = excess[int(n / 4 + 0.5) - 1]
    theta = grid / (3 * quartile) + 1 / excess[-1]
    # Not log1p: it takes ten times as long, and what it gains is lost in a mean of numbers up to 1.
    shapes = np.log(1.0 - theta[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-theta / shapes) - shapes - 1)
    weights = np.exp(profile - profile.max())
    weights /= weights.sum()
    kept = weights >= 10 * np.finfo(float).eps
    estimate = float((theta[kept] * weights[kept]).sum() / weights[kept].sum())
    shape = float(np.log1p(-estimate * excess).mean())
    return (n * shape + 10 * 0.5) / (n + 10)
