"""Simple forecasts of the next period's log odds, and the heavy-tailed spread that each is given.

    last value        y_T = log((positive + 1/2) / (negative + 1/2)) of the last period with decisions
    recent mean       mean of y over the last periods with decisions
    binomial trend    logistic regression on time over the last periods, slope ~ Normal(0, 1), counts + 1/2
    spread            (y_(T+1) - forecast) / scale ~ Student-t(nu), both by maximum likelihood on earlier cases

So a comparison with them is one of what is expected, not of how uncertainty is stated.
This module knows nothing of the model, PyMC or files.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import t as student

from models.series import Array

_NU_PRIOR = (np.log(4.0), 1.0)
_NEWTON_STEPS, _LONGEST = 30, 2.0
_FARTHEST = 9.0


def log_odds(positive: ArrayLike, total: ArrayLike) -> Array:
    """Empirical log odds, finite also where all or none are positive."""
    k, n = np.asarray(positive, dtype=float), np.asarray(total, dtype=float)
    return np.asarray(np.log((k + 0.5) / (n - k + 0.5)))


def last_value(positive: Array, total: Array) -> float:
    """Log odds of the last of `positive`, `total` (period,) with decisions; NaN without any."""
    decided = np.flatnonzero(total > 0)
    return float(log_odds(positive[decided[-1]], total[decided[-1]])) if len(decided) else float("nan")


def recent_mean(positive: Array, total: Array, periods: int) -> float:
    """Mean log odds of the last `periods`, of those with decisions; the last value where there are none."""
    decided = total[-periods:] > 0
    if not decided.any():
        return last_value(positive, total)
    return float(log_odds(positive[-periods:][decided], total[-periods:][decided]).mean())


def binomial_trend(positive: Array, total: Array, periods: int) -> float:
    """Log odds of the next period by logistic regression on time over the last `periods`."""
    k, n = positive[-periods:], total[-periods:]
    decided = n > 0
    if decided.sum() < 2:
        return last_value(positive, total)
    time = (np.arange(len(n)) - len(n))[decided].astype(float)
    design = np.column_stack([np.ones_like(time), time])
    wanted, size = k[decided] + 0.5, n[decided] + 1.0
    found = np.array([float(logit(wanted.sum() / size.sum())), 0.0])
    ridge = np.diag([0.0, 1.0])
    for _ in range(_NEWTON_STEPS):
        p = expit(design @ found)
        curvature = (design.T * (size * p * (1 - p))) @ design + ridge + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (wanted - size * p) - ridge @ found)
        found = found + np.clip(step, -_LONGEST, _LONGEST)
        if np.abs(step).max() < 1e-8:
            break
    return float(np.clip(found[0], -_FARTHEST, _FARTHEST))


@dataclass(frozen=True)
class Spread:
    """A Student-t on log odds around a forecast."""

    scale: float
    nu: float

    def rates(self, forecast: Array, levels: Array) -> Array:
        """`(level, case)` quantiles of the rate."""
        return np.asarray(expit(forecast + self.scale * student.ppf(levels, self.nu)[:, None]))

    def below(self, forecast: Array, positive: Array, total: Array) -> Array:
        """`(case,)` probability of fewer positive decisions than so many of `total`."""
        end = logit(np.minimum(positive / (total + 1), 1.0))
        return np.asarray(student.cdf((end - forecast) / self.scale, self.nu))

    def log_probability(self, forecast: Array, positive: Array, total: Array) -> Array:
        """`(case,)` log probability of so many positive of `total`: the spread over log odds cut between counts."""
        ends = [logit((positive + side) / (total + 1)) for side in (0.0, 1.0)]
        low, high = ((end - forecast) / self.scale for end in ends)
        # The smaller of two tails keeps its digits.
        above = low > 0
        mass = student.cdf(high, self.nu) - student.cdf(low, self.nu)
        tail = student.sf(low, self.nu) - student.sf(high, self.nu)
        return np.asarray(np.log(np.maximum(np.where(above, tail, mass), 1e-300)))


def fitted_spread(errors: Array) -> Spread:
    """Scale and degrees of freedom of forecast errors (case,) on log odds; a weak prior holds nu near 4.

    Raises ValueError for fewer than three errors.
    """
    if len(errors) < 3:
        raise ValueError(f"a spread needs at least three errors, not {len(errors)}")

    def loss(found: Array) -> float:
        density = student.logpdf(errors / np.exp(found[0]), np.exp(found[1])).sum() - len(errors) * found[0]
        return float(((found[1] - _NU_PRIOR[0]) / _NU_PRIOR[1]) ** 2 / 2 - density)

    begun = np.array([np.log(np.median(np.abs(errors)) + 1e-3), _NU_PRIOR[0]])
    found = minimize(loss, begun, method="Nelder-Mead").x
    return Spread(float(np.exp(found[0])), float(np.exp(found[1])))
