"""The filter of rates, forward and back: beta distributions that drift between periods and learn from counts.

    rate x = log odds less those of the host, z_t = z_(t-1) + rho (w A_t - z_(t-1)) + e,   rho = 1 - exp(-pull years)
    e ~ sqrt(years) Normal(0, step) with probability 1 - omega, Normal(0, c step) with omega
    seen   log odds of a period's own rate = offset + z + u,   var u = (r + d / (n + d)) / (p (1 - p))
    k of n ~ beta-binomial: the seen rate is Beta(a, b) with the log odds' mean and variance (`beta.beta_with`)
    after  psi(a + k) - psi(b + n - k) and psi'(a + k) + psi'(b + n - k), passed on to z by linear Bayes
           (West, Harrison and Migon 1985), the two components of e collapsed to their mean and variance

Without drift, pooling and u this is Beta(a + k, b + n - k) exactly; no decisions leave z as it was. u is
overdispersion: r correlates all decisions of a period, d those of a family or a batch. The way back gives the
derivative of the log density to everything that is not data, one pass over the periods.
This module knows nothing of priors, calendars or samplers; only worker processes import it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.acceptance.beta import beta_with, compiled, polygammas

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

LEAST_PQ = 0.01
"""p (1 - p) is taken no less in the noise: a rate of one in a hundred, or of all but one."""

# What is kept of a period for the way back: before it, and of either component.
_MEAN, _VARIANCE, _PRIOR_MEAN, _SPREAD, _NOISE, _PQ, _ODDS = range(7)
_P, _SEEN, _SEEN_VARIANCE, _Z, _LEFT, _WEIGHT_AFTER, _DENSITY_BY_A, _DENSITY_BY_B = range(8)
_A1, _A2, _B1, _B2, _AFTER_A1, _AFTER_A2, _AFTER_B1, _AFTER_B2 = range(8, 16)
BEFORE, COMPONENT = 7, 16


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
def learn(
    scalars: Array, offset: float, positive: float, total: float, kept: Array, parts: Array
) -> tuple[float, float, float]:
    """(log density of the decisions, mean and variance of z after them)."""
    share = scalars[_SHARE]
    if total <= 0:
        parts[0, _WEIGHT_AFTER], parts[1, _WEIGHT_AFTER] = 1 - share, share
        return 0.0, kept[_PRIOR_MEAN], (1 - share) * parts[0, _P] + share * parts[1, _P]
    odds = offset + kept[_PRIOR_MEAN]
    p = 1 / (1 + np.exp(-odds))
    pq = max(p * (1 - p), LEAST_PQ)
    batch = scalars[_BATCH]
    noise = (scalars[_CORRELATION] + batch / (total + batch)) / pq
    kept[_NOISE], kept[_PQ], kept[_ODDS] = noise, pq, odds
    for j in range(2):
        _component(odds, noise, positive, total, kept[_PRIOR_MEAN], parts[j])
    quiet, turbulent = parts[0, _WEIGHT_AFTER] + np.log1p(-share), parts[1, _WEIGHT_AFTER] + np.log(share)
    highest = max(quiet, turbulent)
    density = highest + np.log(np.exp(quiet - highest) + np.exp(turbulent - highest))
    parts[0, _WEIGHT_AFTER], parts[1, _WEIGHT_AFTER] = np.exp(quiet - density), np.exp(turbulent - density)
    mean = parts[0, _WEIGHT_AFTER] * parts[0, _Z] + parts[1, _WEIGHT_AFTER] * parts[1, _Z]
    variance = 0.0
    for j in range(2):
        variance += parts[j, _WEIGHT_AFTER] * (parts[j, _LEFT] + (parts[j, _Z] - mean) ** 2)
    return density, mean, variance


@compiled
def drift_seen(kept: Array, parts: Array) -> float:
    """Step variance into a period, its components weighed by what the period showed of them."""
    quiet, turbulent = parts[0, _P] - kept[_SPREAD], parts[1, _P] - kept[_SPREAD]
    drift: float = quiet * parts[0, _WEIGHT_AFTER] + turbulent * parts[1, _WEIGHT_AFTER]
    return drift


@compiled
def _component(
    odds: float, noise: float, positive: float, total: float, prior_mean: float, part: Array
) -> None:
    """One component's beta distribution, its log density of the counts (in the place of its weight), and z after."""
    seen = part[_P] + noise
    a, b = beta_with(odds, seen)
    at_a, at_b, both = polygammas(a), polygammas(b), polygammas(a + b)
    after_a, after_b = polygammas(a + positive), polygammas(b + total - positive)
    all_after = polygammas(a + b + total)
    density = after_a[3] + after_b[3] - all_after[3] - at_a[3] - at_b[3] + both[3]
    part[_DENSITY_BY_A] = after_a[0] - at_a[0] - all_after[0] + both[0]
    part[_DENSITY_BY_B] = after_b[0] - at_b[0] - all_after[0] + both[0]
    part[_A1], part[_A2], part[_B1], part[_B2] = at_a[1], at_a[2], at_b[1], at_b[2]
    part[_AFTER_A1], part[_AFTER_A2], part[_AFTER_B1], part[_AFTER_B2] = (
        after_a[1],
        after_a[2],
        after_b[1],
        after_b[2],
    )
    gain = part[_P] / seen
    part[_SEEN], part[_SEEN_VARIANCE] = after_a[0] - after_b[0], after_a[1] + after_b[1]
    part[_Z] = prior_mean + gain * (part[_SEEN] - odds)
    part[_LEFT] = part[_P] - gain * gain * (seen - part[_SEEN_VARIANCE])
    part[_WEIGHT_AFTER] = density


@compiled
def unlearn(
    scalars: Array,
    total: float,
    kept: Array,
    parts: Array,
    after: tuple[float, float, float],
    to_scalars: Array,
) -> tuple[float, float, float, float]:
    """Derivatives to (z before, its two variances, the offset) from those to z's mean and variance after.

    `after` holds these two and the mean itself; adds to `to_scalars`, in which the density itself counts once.
    """
    to_mean, to_variance, mean = after
    share, batch = scalars[_SHARE], scalars[_BATCH]
    if total <= 0:
        to_scalars[_SHARE] += to_variance * (parts[1, _P] - parts[0, _P])
        return to_mean, to_variance * (1 - share), to_variance * share, 0.0
    credit = np.zeros(2)
    for j in range(2):
        part = parts[j]
        credit[j] = to_mean * part[_Z] + to_variance * (part[_LEFT] + (part[_Z] - mean) ** 2)
    expected = parts[0, _WEIGHT_AFTER] * credit[0] + parts[1, _WEIGHT_AFTER] * credit[1]
    to_prior_mean, to_odds, to_noise = 0.0, 0.0, 0.0
    to_p = np.zeros(2)
    for j in range(2):
        weight = parts[j, _WEIGHT_AFTER]
        to_density = weight * (1 + credit[j] - expected)
        to_scalars[_SHARE] += to_density / share if j else -to_density / (1 - share)
        to_z = to_mean * weight + to_variance * 2 * weight * (parts[j, _Z] - mean)
        back = _back_component(kept, parts[j], to_density, to_z, to_variance * weight)
        to_p[j] = back[0] + back[1]
        to_odds += back[2]
        to_noise += back[1]
        to_prior_mean += to_z
    pq, odds = kept[_PQ], kept[_ODDS]
    to_scalars[_CORRELATION] += to_noise / pq
    to_scalars[_BATCH] += to_noise * total / (total + batch) ** 2 / pq
    if pq > LEAST_PQ:
        to_odds -= to_noise * kept[_NOISE] * (2 / (1 + np.exp(odds)) - 1)
    return to_prior_mean + to_odds, to_p[0], to_p[1], to_odds


@compiled
def _back_component(
    kept: Array, part: Array, to_density: float, to_z: float, to_left: float
) -> tuple[float, float, float]:
    """Derivatives to a component's own variance, the variance of what is seen, and the log odds."""
    p = part[_P]
    seen = p + kept[_NOISE]
    gain, missed = p / seen, part[_SEEN] - kept[_ODDS]
    to_gain = to_z * missed - 2 * to_left * gain * (seen - part[_SEEN_VARIANCE])
    to_seen, to_seen_variance = to_z * gain, to_left * gain * gain
    to_a = to_density * part[_DENSITY_BY_A] + to_seen * part[_AFTER_A1] + to_seen_variance * part[_AFTER_A2]
    to_b = to_density * part[_DENSITY_BY_B] - to_seen * part[_AFTER_B1] + to_seen_variance * part[_AFTER_B2]
    determinant = part[_A1] * part[_B2] + part[_B1] * part[_A2]
    to_odds = (to_a * part[_B2] - to_b * part[_A2]) / determinant - to_z * gain
    to_variance = (to_a * part[_B1] + to_b * part[_A1]) / determinant
    to_variance -= to_left * gain * gain + to_gain * gain / seen
    return to_left + to_gain / seen, to_variance, to_odds


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
