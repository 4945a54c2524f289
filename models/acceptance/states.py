"""Every period's log odds given all decisions: the filter forward, and draws of the whole path backwards.

    z_T              logit of Beta(a, b) with the filter's mean and variance, less the offset
    z_t | z_(t+1) ~  Normal(m_t + g (z_(t+1) - rho w A_(t+1) - (1 - rho) m_t), P_t (1 - g (1 - rho)))
    g = P_t (1 - rho) / (P_t (1 - rho)^2 + v_(t+1)),   v the step variance given which component was seen

The last period keeps the filter's own shape, so that a rate without drift is exactly its beta distribution; earlier
ones are Gaussian on log odds. This module knows nothing of priors, calendars or samplers; worker processes only.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from models.acceptance.beta import beta_shapes
from models.acceptance.filter import LANE_ROWS, POINT, ROOM, drift_seen, forward

Array = NDArray[np.float64]
_LEAST_RATE = 1e-9


# Rows of what `filtered` gives.
MEAN, VARIANCE, DRIFT, LOG_DENSITY = range(4)


def filtered(
    scalars: Array,
    step_variance: Array,
    offset: Array,
    counts: Array,
    first: NDArray[np.int64],
    years: float,
) -> Array:
    """`(4, period, series)`: mean and variance of z after a period, drift variance into it, log density of its counts.

    The arguments are those of `density.AcceptanceLogDensity`, of one draw. A series begins with its first decisions,
    one that never had any with the last period; what lies before is NaN.
    """
    periods, series = offset.shape
    room = np.zeros((1, ROOM, POINT, 2 * series)), np.zeros((LANE_ROWS, 2 * series))
    after, kept, parts, density = forward(scalars, step_variance, offset, counts, first, years, *room)
    out = np.stack([after[1:, 0], after[1:, 1], drift_seen(kept, parts), density])
    out[:, np.arange(periods)[:, None] < np.minimum(first, periods - 1)] = np.nan
    return out


def paths(
    scalars: Array,
    step: Array,
    offset: Array,
    counts: Array,
    first: NDArray[np.int64],
    years: float,
    rng: np.random.Generator,
) -> Array:
    """`(draw, period, series)`: draws of log odds, one path per draw of the parameters, NaN before a series begins.

    `scalars` (draw, 7), `step` (draw, series), `offset` (draw, period, series).
    """
    states = np.stack(
        [filtered(*of_draw, counts, first, years) for of_draw in zip(scalars, step**2, offset, strict=True)],
        axis=1,
    )
    mean, variance, drift = states[MEAN], states[VARIANCE], states[DRIFT]
    stays = np.exp(-scalars[:, 0] * years)[:, None]
    aim = scalars[:, 1, None, None] * counts[2]
    z = np.empty_like(mean)
    z[:, -1] = _last(mean[:, -1] + offset[:, -1], variance[:, -1], rng) - offset[:, -1]
    for t in range(mean.shape[1] - 2, -1, -1):
        gain = variance[:, t] * stays / (variance[:, t] * stays**2 + drift[:, t + 1])
        missed = z[:, t + 1] - (1 - stays) * aim[:, t + 1] - stays * mean[:, t]
        left = np.maximum(variance[:, t] * (1 - gain * stays), 0.0)
        z[:, t] = mean[:, t] + gain * missed + np.sqrt(left) * rng.standard_normal(missed.shape)
    return np.asarray(z + offset)


def _last(log_odds: Array, variance: Array, rng: np.random.Generator) -> Array:
    """Log odds of rates drawn from the beta distributions with these moments."""
    a, b = beta_shapes(log_odds.ravel(), variance.ravel())
    rates = rng.beta(a, b).reshape(log_odds.shape)
    return np.asarray(logit(np.clip(rates, _LEAST_RATE, 1 - _LEAST_RATE)))
