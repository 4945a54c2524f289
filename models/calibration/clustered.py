"""The mean of paired differences whose cases share surprises, with an honest standard error.

    V = V_edition + V_target_year - V_both,   V_c = sum over clusters of (sum of deviations)^2 · C / (C - 1) / n^2

Two-way clustering (Cameron, Gelbach and Miller 2011, Journal of Business and Economic Statistics 29): forecasts of one
edition share its views, forecasts of one year its outcome. Where the difference is negative or smaller than one of its
parts the larger part is taken. Student-t with one degree of freedom less than the fewer clusters. Knows no scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClusteredMean:
    """`standard_error` and the ends of the 95% interval are None with fewer than two clusters on a side."""

    mean: float
    standard_error: float | None
    lower95: float | None
    upper95: float | None
    n: int


def clustered_mean(values: ArrayLike, *clusters: ArrayLike) -> ClusteredMean:
    """Mean of `values` (case,) with one or two cluster labels (case,). Raises ValueError without cases or labels."""
    x = np.asarray(values, dtype=float)
    if not len(x) or not 1 <= len(clusters) <= 2:
        raise ValueError("a clustered mean needs cases and one or two cluster labels")
    labels = [np.unique(np.asarray(c), return_inverse=True)[1] for c in clusters]
    counts = [int(label.max()) + 1 for label in labels]
    mean = float(x.mean())
    if min(counts) < 2:
        return ClusteredMean(mean, None, None, None, len(x))
    parts = [_variance(x - mean, label) for label in labels]
    variance = max(parts)
    if len(labels) == 2:
        both = labels[0] * counts[1] + labels[1]
        variance = max(variance, sum(parts) - _variance(x - mean, np.unique(both, return_inverse=True)[1]))
    error = float(np.sqrt(variance))
    reach = float(stdtrit(min(counts) - 1, 0.975)) * error
    return ClusteredMean(mean, error, mean - reach, mean + reach, len(x))


def _variance(deviation: Array, label: NDArray[np.int64]) -> float:
    sums = np.bincount(label, weights=deviation)
    count = len(sums)
    return float(count / max(count - 1, 1) * np.sum(sums**2) / len(deviation) ** 2)
