"""The filter of rates: log odds that drift between periods and learn from beta-binomial counts.

    z_t = z_(t-1) + rho (w A_t - z_(t-1)) + e,   rho = 1 - exp(-pull years),   z = log odds less those of the host
    e ~ sqrt(years) Normal(0, step) with probability 1 - omega, Normal(0, c step) with omega
    k of n ~ BetaBinomial(n, M p, M (1 - p)),   p = expit(offset + z),   1 / (M + 1) = r + (1 - r) d / (n + d)

r correlates all decisions of a period, d those of a family or a batch. Before a period's decisions z is Normal in
either component of e. Their product with the probability of the counts is summed at `NODES` points of a Gauss-Hermite
rule around its peak, which gives the density of the counts and the mean and variance of z after them; as a Normal
with these it is passed on (assumed density filtering). That last step is the only approximation. All series of a period
are learned from at once, in lanes: first the quiet component of each, then the turbulent one.
This module knows nothing of priors, calendars or samplers; only worker processes import it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.acceptance.compiling import called_from_python, compiled, written_out
from models.acceptance.lanes import exp_of, log_of, rising
from models.acceptance.peak import PLACES, seek

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
PULL, WEIGHT, START, SHARE, TURBULENT, BATCH, CORRELATION = range(len(SCALARS))

NODES: Final = 5
_X, _RULE = np.polynomial.hermite_e.hermegauss(NODES)
_LOG_RULE = np.log(_RULE) + _X**2 / 2
LEAST_CORRELATION = 1e-7
_HALF_LOG_TWO_PI = 0.9189385332046727

# What is kept of a period for the way back: rows of numbers by series, by lane, and by point and lane.
MEAN, VARIANCE, PRIOR_MEAN, SPREAD, SIZE, TOGETHER = range(6)
P, WEIGHT_AFTER = range(2)
AT, PART, BY_ODDS, BY_SIZE = range(4)
BEFORE, COMPONENT, POINT = 6, 2, 4
# After the points of the rule, as long as one of them: the search for their place, by its steps.
ROOM, PLACE, RATE = NODES + 2, NODES, NODES + 1
assert PLACES <= POINT

# Rows of the lanes' workspace.
(
    _OFFSET, _POSITIVE, _NEGATIVE, _PRIOR, _M, _SCALE, _BASE, _HALF, _AWAY, _A, _B,
    _LOG_A, _SLOPE_A, _LOG_B, _SLOPE_B, _HIGHEST, _SUM, _MOMENT, _SQUARE,
) = range(19)  # fmt: skip
LANE_ROWS: Final = 19


def _over_periods(
    scalars: Array,
    step_variance: Array,
    offset: Array,
    counts: Array,
    first: NDArray[np.int64],
    years: float,
    points: Array,
    lanes: Array,
) -> tuple[Array, Array, Array, Array]:
    """What the filter leaves of every period: its states after it, `kept`, `parts`, and log densities.

    (period + 1, 2, series), (period, BEFORE, series), (period, COMPONENT, two lanes a series), (period, series). The
    arguments are those of `density.AcceptanceLogDensity`, and room: `points` for every period, or for one where none
    is needed later, and `lanes`.
    """
    periods, series = offset.shape
    kept, parts = np.zeros((periods, BEFORE, series)), np.zeros((periods, COMPONENT, 2 * series))
    after, density = np.zeros((periods + 1, 2, series)), np.zeros((periods, series))
    for t in range(periods):
        own = points[min(t, len(points) - 1)]
        kept[t, :2] = after[t]
        predict(scalars, step_variance, years, counts[2, t], t > first, kept[t], parts[t])
        learn(
            scalars, offset[t], counts[0, t], counts[1, t], kept[t], parts[t], own, lanes, after[t + 1], density[t],
        )  # fmt: skip
    return after, kept, parts, density


over_periods = written_out(_over_periods)
forward = called_from_python(_over_periods)
"""The same, for Python."""


@written_out
def predict(
    scalars: Array,
    step_variance: Array,
    years: float,
    anchor: Array,
    begun: NDArray[np.bool_],
    kept: Array,
    parts: Array,
) -> None:
    """Mean and variances of z before a period's decisions, from `kept` mean and variance after the last one."""
    series = len(anchor)
    stays = np.exp(-scalars[PULL] * years)
    for s in range(series):
        aim = scalars[WEIGHT] * anchor[s]
        spread = kept[VARIANCE, s] * stays * stays
        drift = step_variance[s] * years
        kept[SPREAD, s] = spread
        kept[PRIOR_MEAN, s] = aim + stays * (kept[MEAN, s] - aim) if begun[s] else aim
        parts[P, s] = spread + drift if begun[s] else scalars[START]
        parts[P, series + s] = spread + drift * scalars[TURBULENT] if begun[s] else scalars[START]


@written_out
def learn(
    scalars: Array,
    offset: Array,
    positive: Array,
    total: Array,
    kept: Array,
    parts: Array,
    points: Array,
    lanes: Array,
    after: Array,
    density: Array,
) -> None:
    """Mean and variance of z after a period's decisions into `after`; adds their log density to `density`.

    Without decisions the points give the mixture's own mean and variance, so that nothing needs a way of its own.
    """
    _fill(scalars, offset, positive, total, kept, lanes)
    seek(
        lanes[_OFFSET], lanes[_A], lanes[_B], lanes[_PRIOR], parts[P], points[PLACE], points[RATE], lanes[_SCALE],
    )  # fmt: skip
    _bases(scalars, parts[P], lanes)
    for i in range(NODES):
        _lay_out(_X[i], _LOG_RULE[i], points[PLACE, PLACES - 1], lanes, points[i])
    series = len(total)
    # What every point shares.
    rising(lanes[_M, :series], total, lanes[_LOG_A, :series], kept[TOGETHER])
    for s in range(series):
        lanes[_LOG_A, s] = lanes[_LOG_A, s] if total[s] > 0 else 0.0
    _weigh(points, lanes, parts[WEIGHT_AFTER], after)
    for s in range(series):
        found = lanes[_HIGHEST, s] + np.log(lanes[_SUM, s]) - lanes[_LOG_A, s]
        density[s] += found if total[s] > 0 else 0.0


@compiled
def _fill(scalars: Array, offset: Array, positive: Array, total: Array, kept: Array, lanes: Array) -> None:
    """What a period's decisions say, for both components of every series."""
    series = len(total)
    batch, common = scalars[BATCH], scalars[CORRELATION]
    for s in range(series):
        n = total[s]
        within = max(common + (1 - common) * batch / (n + batch), LEAST_CORRELATION) if n > 0 else 0.5
        kept[SIZE, s] = 1 / within - 1
        for c in (s, series + s):
            lanes[_OFFSET, c] = offset[s]
            lanes[_POSITIVE, c], lanes[_NEGATIVE, c] = positive[s], n - positive[s]
            lanes[_PRIOR, c] = kept[PRIOR_MEAN, s]
            lanes[_M, c] = kept[SIZE, s]
            # For the search, as many independent decisions as these are worth.
            effective = 1 / (1 + (n - 1) * within)
            lanes[_A, c], lanes[_B, c] = effective * positive[s], effective * n


@compiled
def _bases(scalars: Array, variance: Array, lanes: Array) -> None:
    """What all points of a component share: the log of its share and of the rule's width, and half its precision."""
    series = len(variance) // 2
    share = scalars[SHARE]
    base, half, scale = lanes[_BASE], lanes[_HALF], lanes[_SCALE]
    for c in range(len(variance)):
        half[c] = 0.5 / variance[c]
        base[c] = log_of(scale[c] * np.sqrt(2 * half[c])) - _HALF_LOG_TWO_PI
    quiet, turbulent = np.log1p(-share), np.log(share)
    for s in range(series):
        base[s] += quiet
        base[series + s] += turbulent


@compiled
def _lay_out(x: float, log_rule: float, centre: Array, lanes: Array, point: Array) -> None:
    """One point of the rule in every lane: where it is, the log of its part, and that log's derivatives."""
    z, part, by_odds, by_size = point[AT], point[PART], point[BY_ODDS], point[BY_SIZE]
    scale, offset, away = lanes[_SCALE], lanes[_OFFSET], lanes[_AWAY]
    a, b, m = lanes[_A], lanes[_B], lanes[_M]
    log_a, slope_a, log_b, slope_b = lanes[_LOG_A], lanes[_SLOPE_A], lanes[_LOG_B], lanes[_SLOPE_B]
    base, half, prior = lanes[_BASE], lanes[_HALF], lanes[_PRIOR]
    # Loops with few arrays each: with many a compiler cannot see that none overlaps another.
    for c in range(len(z)):
        z[c] = centre[c] + scale[c] * x
    for c in range(len(z)):
        away[c] = exp_of(-offset[c] - z[c])
    for c in range(len(z)):
        p = m[c] / (1 + away[c])
        a[c] = p
        b[c] = p * away[c]
    rising(a, lanes[_POSITIVE], log_a, slope_a)
    rising(b, lanes[_NEGATIVE], log_b, slope_b)
    for c in range(len(z)):
        part[c] = base[c] + log_rule - half[c] * (z[c] - prior[c]) ** 2 + log_a[c] + log_b[c]
    for c in range(len(z)):
        by_odds[c] = a[c] * b[c] * (slope_a[c] - slope_b[c]) / m[c]
    for c in range(len(z)):
        by_size[c] = (a[c] * slope_a[c] + b[c] * slope_b[c]) / m[c]


@compiled
def _weigh(points: Array, lanes: Array, weight: Array, after: Array) -> None:
    """From logs of parts to parts that add up to one in every series; their mean and variance."""
    series = after.shape[1]
    highest, summed, moment, square = lanes[_HIGHEST], lanes[_SUM], lanes[_MOMENT], lanes[_SQUARE]
    highest[:], summed[:], moment[:], square[:] = -np.inf, 0.0, 0.0, 0.0
    for i in range(NODES):
        part = points[i, PART]
        for c in range(len(weight)):
            highest[c] = max(highest[c], part[c])
    for s in range(series):
        highest[s] = highest[series + s] = max(highest[s], highest[series + s])
    for i in range(NODES):
        z, part = points[i, AT], points[i, PART]
        for c in range(len(weight)):
            part[c] = exp_of(part[c] - highest[c])
        for c in range(len(weight)):
            summed[c] += part[c]
            moment[c] += part[c] * z[c]
    for s in range(series):
        together = summed[s] + summed[series + s]
        weight[s], weight[series + s] = summed[s] / together, summed[series + s] / together
        after[0, s] = (moment[s] + moment[series + s]) / together
        moment[s] = moment[series + s] = after[0, s]
        summed[s] = summed[series + s] = together
    for i in range(NODES):
        z, part = points[i, AT], points[i, PART]
        for c in range(len(weight)):
            part[c] = part[c] / summed[c]
        for c in range(len(weight)):
            square[c] += part[c] * (z[c] - moment[c]) ** 2
    for s in range(series):
        after[1, s] = square[s] + square[series + s]


def drift_seen(kept: Array, parts: Array) -> Array:
    """`(..., series)` step variance into a period, its components weighed by what the period showed of them.

    `kept` (..., BEFORE, series), `parts` (..., COMPONENT, two lanes a series).
    """
    spread = kept[..., SPREAD, :]
    both = np.split(parts, 2, axis=-1)
    return np.asarray(sum((part[..., P, :] - spread) * part[..., WEIGHT_AFTER, :] for part in both))
