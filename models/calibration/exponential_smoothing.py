"""A small automatic exponential smoothing of yearly log totals: the peer called AutoETS.

    y_t = l_(t-1) + phi b_(t-1) + e_t                    level; with trend (phi = 1); with damped trend
    l_t = l_(t-1) + phi b_(t-1) + alpha e_t,             b_t = phi b_(t-1) + beta e_t
    variance h steps ahead: sigma^2 (1 + sum_(j<h) c_j^2),   c_j = alpha + beta (phi + ... + phi^j)

Hyndman, Koehler, Ord and Snyder (2008), Forecasting with Exponential Smoothing, chapters 2, 5 and 6. Parameters on a
grid by least squares, start values by the first years, the form by AICc, as AutoETS does for a series without season;
everything is deterministic. A yearly series as short as an archive's would not bear a finer search.
This module must not know forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ALPHAS = np.linspace(0.05, 1.0, 20)
_SHARES = np.linspace(0.05, 1.0, 8)
_DAMPING = (0.8, 0.9, 0.98)
_LEAST_FOR_TREND = 6


@dataclass(frozen=True)
class Smoothed:
    """Last states and parameters of the chosen form; `sigma` is the sd of one-step errors."""

    level: float
    trend: float
    alpha: float
    beta: float
    phi: float
    sigma: float

    def ahead(self, steps: int) -> tuple[float, float]:
        """Mean and sd of the log total `steps` years after the last, 1 or more."""
        damped = np.cumsum(self.phi ** np.arange(1, steps + 1))
        weights = self.alpha + self.beta * damped[: steps - 1]
        return self.level + self.trend * float(damped[-1]), self.sigma * float(np.sqrt(1 + weights @ weights))


def smooth(y: Array) -> Smoothed:
    """Fit log totals of consecutive years (year,). Raises ValueError with fewer than three."""
    if len(y) < 3:
        raise ValueError("smoothing needs at least three years")
    forms = [(np.zeros(1), 1.0, 2)]
    if len(y) >= _LEAST_FOR_TREND:
        forms += [(_SHARES, 1.0, 4)] + [(_SHARES, phi, 5) for phi in _DAMPING]
    found = [_best(y, shares, phi, parameters) for shares, phi, parameters in forms]
    return min(found, key=lambda pair: pair[0])[1]


def _best(y: Array, shares: Array, phi: float, parameters: int) -> tuple[float, Smoothed]:
    """(AICc, fit) of one form over its grid; `shares` are beta over alpha."""
    alpha, share = (axis.ravel() for axis in np.meshgrid(_ALPHAS, shares))
    beta = alpha * share
    trending = bool(beta.any())
    start = float(y[:4].mean()) if not trending else float(y[0])
    level, trend = np.full(len(alpha), start), np.zeros(len(alpha))
    if trending:
        trend += float(np.diff(y[:4]).mean())
        level -= trend
    squares = np.zeros(len(alpha))
    for value in y:
        expected = level + phi * trend
        error = value - expected
        level, trend = expected + alpha * error, phi * trend + beta * error
        squares += error**2
    best, n = int(np.argmin(squares)), len(y)
    k = parameters + 1
    free = max(n - k - 1, 0.5)
    criterion = n * np.log(max(squares[best] / n, 1e-12)) + 2 * k + 2 * k * (k + 1) / free
    sigma = float(np.sqrt(max(squares[best], 1e-12) / max(n - parameters, 1)))
    fitted = Smoothed(
        float(level[best]), float(trend[best]), float(alpha[best]), float(beta[best]), phi, sigma
    )
    return float(criterion), fitted
