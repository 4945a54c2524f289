"""The filter of rates, forward and back: log odds that drift between periods and learn from beta-binomial counts.

    z_t = z_(t-1) + rho (w A_t - z_(t-1)) + e,   rho = 1 - exp(-pull years),   z = log odds less those of the host
    e ~ sqrt(years) Normal(0, step) with probability 1 - omega, Normal(0, c step) with omega
    k of n ~ BetaBinomial(n, M p, M (1 - p)),   p = expit(offset + z),   1 / (M + 1) = r + (1 - r) d / (n + d)

r correlates all decisions of a period, d those of a family or a batch. Before a period's decisions z is Normal in
either component of e. Their product with the probability of the counts is summed at `NODES` points of a Gauss-Hermite
rule around its peak, which gives the density of the counts and the mean and variance of z after them; as a Normal
with these it is passed on (assumed density filtering). That last step is the only approximation. The way back gives
the derivative of the log density to everything that is not data, one pass over the periods: at fixed points it is the
posterior mean of the derivatives of the integrand (Fisher's identity).
This module knows nothing of priors, calendars or samplers; only worker processes import it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.acceptance.beta import compiled, rising_with_slope

Array = NDArray[np.float64]

SCALARS: Final = (
    "pull",
    "elsewhere_weight",
    "start_variance",
    "turbulent_share",
    "turbulent_variance",
    "batch",
    "correlation",
)
"""Order of the population's parameters: kappa per year, w, variance of a first z, omega, c squared, d, r."""
_PULL, _WEIGHT, _START, _SHARE, _TURBULENT, _BATCH, _CORRELATION = range(len(SCALARS))

NODES: Final = 5
_X, _RULE = np.polynomial.hermite_e.hermegauss(NODES)
_LOG_RULE = np.log(_RULE) + _X**2 / 2
_NEWTON_STEPS, _LONGEST_STEP = 3, 2.0
_LEAST_CORRELATION = 1e-7
_HALF_LOG_TWO_PI = 0.9189385332046727

# What is kept of a period for the way back: of the period, of either component, and of every point.
_MEAN, _VARIANCE, _PRIOR_MEAN, _SPREAD, _SIZE = range(5)
_P, _WEIGHT_AFTER = range(2)
_AT, _PART, _BY_ODDS, _BY_SIZE = range(4)
BEFORE, COMPONENT, POINT = 5, 2, 4


@compiled
def predict(
    scalars: Array, step_variance: float, years: float, anchor: float, begun: bool, kept: Array, parts: Array
) -> None:
    """Mean and variances of z before a period's decisions, from `kept` mean and variance after the last one."""
    if begun:
        rho = 1 - np.exp(-scalars[_PULL] * years)
        kept[_PRIOR_MEAN] = kept[_MEAN] + rho * (scalars[_WEIGHT] * anchor - kept[_MEAN])
        kept[_SPREAD] = kept[_VARIANCE] * (1 - rho) ** 2
        parts[0, _P] = kept[_SPREAD] + step_variance * years
        parts[1, _P] = kept[_SPREAD] + step_variance * years * scalars[_TURBULENT]
    else:
        kept[_PRIOR_MEAN] = scalars[_WEIGHT] * anchor
        parts[0, _P] = scalars[_START]
        parts[1, _P] = scalars[_START]


@compiled
def correlation_of(scalars: Array, total: float) -> float:
    """1 / (M + 1) of a period with so many decisions."""
    batch, common = scalars[_BATCH], scalars[_CORRELATION]
    within: float = max(common + (1 - common) * batch / (total + batch), _LEAST_CORRELATION)
    return within


@compiled
def learn(
    scalars: Array, offset: float, positive: float, total: float, kept: Array, parts: Array, points: Array
) -> tuple[float, float, float]:
    """(log density of the decisions, mean and variance of z after them)."""
    share = scalars[_SHARE]
    if total <= 0:
        parts[0, _WEIGHT_AFTER], parts[1, _WEIGHT_AFTER] = 1 - share, share
        return 0.0, kept[_PRIOR_MEAN], (1 - share) * parts[0, _P] + share * parts[1, _P]
    within = correlation_of(scalars, total)
    size = 1 / within - 1
    kept[_SIZE] = size
    highest = -np.inf
    for j in range(2):
        log_share = np.log(share) if j else np.log1p(-share)
        top = _lay_out(offset, positive, total, within, kept[_PRIOR_MEAN], parts[j, _P], log_share, points[j])
        highest = max(highest, top)
    together = rising_with_slope(size, total)[0]
    sums = np.zeros(3)
    for j in range(2):
        for i in range(NODES):
            part, z = np.exp(points[j, i, _PART] - highest), points[j, i, _AT]
            points[j, i, _PART] = part
            sums[0] += part
            sums[1] += part * z
    mean = sums[1] / sums[0]
    for j in range(2):
        weight = 0.0
        for i in range(NODES):
            points[j, i, _PART] /= sums[0]
            weight += points[j, i, _PART]
            sums[2] += points[j, i, _PART] * (points[j, i, _AT] - mean) ** 2
        parts[j, _WEIGHT_AFTER] = weight
    return highest + np.log(sums[0]) - together, mean, sums[2]


@compiled
def _lay_out(
    offset: float,
    positive: float,
    total: float,
    within: float,
    prior_mean: float,
    variance: float,
    log_share: float,
    points: Array,
) -> float:
    """Points of one component with the logs of their parts of the density; the largest of these."""
    size = 1 / within - 1
    centre, scale = _peak(offset, positive, total, within, prior_mean, variance)
    constant = log_share - _HALF_LOG_TWO_PI + np.log(scale / np.sqrt(variance))
    half_precision = 0.5 / variance
    highest = -np.inf
    for i in range(NODES):
        z = centre + scale * _X[i]
        away = np.exp(-offset - z)
        p = 1 / (1 + away)
        q = away * p
        log_p, slope_p = rising_with_slope(size * p, positive)
        log_q, slope_q = rising_with_slope(size * q, total - positive)
        part = constant + _LOG_RULE[i] - half_precision * (z - prior_mean) ** 2 + log_p + log_q
        points[i, _AT], points[i, _PART] = z, part
        points[i, _BY_ODDS] = p * q * size * (slope_p - slope_q)
        points[i, _BY_SIZE] = p * slope_p + q * slope_q
        highest = max(highest, part)
    return highest


@compiled
def _peak(
    offset: float, positive: float, total: float, within: float, prior_mean: float, variance: float
) -> tuple[float, float]:
    """Place and width of the peak of prior times likelihood, from a binomial of as many effective decisions."""
    effective = 1 / (1 + (total - 1) * within)
    k, n, precision = effective * positive, effective * total, 1 / variance
    z = prior_mean
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-offset - z))
        step = (k - n * p - (z - prior_mean) * precision) / (n * p * (1 - p) + precision)
        z += min(max(step, -_LONGEST_STEP), _LONGEST_STEP)
    p = 1 / (1 + np.exp(-offset - z))
    return z, 1 / np.sqrt(n * p * (1 - p) + precision)


@compiled
def drift_seen(kept: Array, parts: Array) -> float:
    """Step variance into a period, its components weighed by what the period showed of them."""
    quiet, turbulent = parts[0, _P] - kept[_SPREAD], parts[1, _P] - kept[_SPREAD]
    drift: float = quiet * parts[0, _WEIGHT_AFTER] + turbulent * parts[1, _WEIGHT_AFTER]
    return drift


@compiled
def unlearn(
    scalars: Array,
    total: float,
    kept: Array,
    parts: Array,
    points: Array,
    after: tuple[float, float, float],
    to_scalars: Array,
) -> tuple[float, float, float, float]:
    """Derivatives to (z before, its two variances, the offset) from those to z's mean and variance after.

    `after` holds these two and the mean itself; adds to `to_scalars`, in which the density itself counts once.
    """
    to_mean, to_variance, mean = after
    share = scalars[_SHARE]
    if total <= 0:
        to_scalars[_SHARE] += to_variance * (parts[1, _P] - parts[0, _P])
        return to_mean, to_variance * (1 - share), to_variance * share, 0.0
    expected = 0.0
    for j in range(2):
        for i in range(NODES):
            z = points[j, i, _AT]
            expected += points[j, i, _PART] * (to_mean * z + to_variance * (z - mean) ** 2)
    to_prior_mean, to_odds, to_size = 0.0, 0.0, 0.0
    to_p = np.zeros(2)
    for j in range(2):
        variance, summed = parts[j, _P], 0.0
        for i in range(NODES):
            z = points[j, i, _AT]
            credit = to_mean * z + to_variance * (z - mean) ** 2
            part = points[j, i, _PART] * (1 + credit - expected)
            away = (z - kept[_PRIOR_MEAN]) / variance
            summed += part
            to_prior_mean += part * away
            to_p[j] += part * 0.5 * (away * away - 1 / variance)
            to_odds += part * points[j, i, _BY_ODDS]
            to_size += part * points[j, i, _BY_SIZE]
        to_scalars[_SHARE] += summed / share if j else -summed / (1 - share)
    _back_to_noise(scalars, total, kept[_SIZE], to_size, to_scalars)
    return to_prior_mean, to_p[0], to_p[1], to_odds


@compiled
def _back_to_noise(scalars: Array, total: float, size: float, to_size: float, to_scalars: Array) -> None:
    """From the derivative to M, without its part in the whole number of decisions, to those of batch and r."""
    batch, common = scalars[_BATCH], scalars[_CORRELATION]
    within = 1 / (size + 1)
    if within <= _LEAST_CORRELATION:
        return
    to_within = -(to_size - rising_with_slope(size, total)[1]) / within**2
    to_scalars[_CORRELATION] += to_within * total / (total + batch)
    to_scalars[_BATCH] += to_within * (1 - common) * total / (total + batch) ** 2


@compiled
def unpredict(
    scalars: Array,
    step_variance: float,
    years: float,
    anchor: float,
    begun: bool,
    kept: Array,
    back: tuple[float, float, float],
    to_scalars: Array,
) -> tuple[float, float, float]:
    """Derivatives to (mean and variance before, the series' step variance); `back` those of z before and both parts."""
    to_prior_mean, to_quiet, to_turbulent = back
    if not begun:
        to_scalars[_WEIGHT] += to_prior_mean * anchor
        to_scalars[_START] += to_quiet + to_turbulent
        return 0.0, 0.0, 0.0
    stays = np.exp(-scalars[_PULL] * years)
    to_spread = to_quiet + to_turbulent
    to_rho = (
        to_prior_mean * (scalars[_WEIGHT] * anchor - kept[_MEAN]) - 2 * to_spread * kept[_VARIANCE] * stays
    )
    to_scalars[_PULL] += to_rho * years * stays
    to_scalars[_WEIGHT] += to_prior_mean * (1 - stays) * anchor
    to_scalars[_TURBULENT] += to_turbulent * step_variance * years
    to_step = years * (to_quiet + scalars[_TURBULENT] * to_turbulent)
    return to_prior_mean * stays, to_spread * stays * stays, to_step
