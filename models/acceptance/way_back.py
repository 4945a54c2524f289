"""The way back through the filter: derivatives of the log density to everything that is not data.

At fixed points of the rule it is the posterior mean of the derivatives of the integrand (Fisher's identity); that the
points move with the parameters is left out, which costs a part in a thousand. The rows are those of `filter`.
This module knows nothing of priors, calendars or samplers; only worker processes import it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.acceptance.compiling import compiled, written_out
from models.acceptance.filter import (
    AT,
    BATCH,
    BY_ODDS,
    BY_SIZE,
    CORRELATION,
    LEAST_CORRELATION,
    MEAN,
    NODES,
    PART,
    PRIOR_MEAN,
    PULL,
    SHARE,
    SIZE,
    START,
    TOGETHER,
    TURBULENT,
    VARIANCE,
    WEIGHT,
)

Array = NDArray[np.float64]

# Rows of the lanes' workspace: what comes from later, what is summed over the points, and what goes on to before.
_TO_MEAN, _TO_VARIANCE, _MEAN_AFTER, _EXPECTED, _PART, _SUMMED, _AWAY, _SQUARE, _ODDS, _SIZE, _PRIOR = range(
    11
)
BACK_ROWS: Final = 11


@written_out
def unlearn(
    scalars: Array,
    total: Array,
    kept: Array,
    parts: Array,
    points: Array,
    mean_after: Array,
    later: Array,
    lanes: Array,
    to_scalars: Array,
    to_offset: Array,
) -> None:
    """From derivatives to z's mean and variance after a period, `later` (2, series), to those before its decisions.

    These are left in `lanes`, for `unpredict`; those of the offset go to `to_offset`, and some are added to
    `to_scalars`. The density itself counts once.
    """
    series, share = len(total), scalars[SHARE]
    for s in range(series):
        for c in (s, series + s):
            lanes[_TO_MEAN, c], lanes[_TO_VARIANCE, c] = later[0, s], later[1, s]
            lanes[_MEAN_AFTER, c], lanes[_PRIOR, c] = mean_after[s], kept[PRIOR_MEAN, s]
    lanes[_EXPECTED : _SIZE + 1] = 0.0
    _expect(points, lanes)
    for s in range(series):
        both = lanes[_EXPECTED, s] + lanes[_EXPECTED, series + s]
        lanes[_EXPECTED, s] = lanes[_EXPECTED, series + s] = both
    for i in range(NODES):
        _gather(points[i], lanes)
    for s in range(series):
        to_offset[s] = lanes[_ODDS, s] + lanes[_ODDS, series + s]
        to_scalars[SHARE] += lanes[_SUMMED, series + s] / share - lanes[_SUMMED, s] / (1 - share)
        to_size = lanes[_SIZE, s] + lanes[_SIZE, series + s]
        _back_to_noise(scalars, total[s], kept[SIZE, s], to_size - kept[TOGETHER, s], to_scalars)


@compiled
def _expect(points: Array, lanes: Array) -> None:
    """Mean over the points of what they do to later periods."""
    to_mean, to_variance, mean = lanes[_TO_MEAN], lanes[_TO_VARIANCE], lanes[_MEAN_AFTER]
    expected = lanes[_EXPECTED]
    for i in range(NODES):
        z, part = points[i, AT], points[i, PART]
        for c in range(len(mean)):
            credit = to_mean[c] * z[c] + to_variance[c] * (z[c] - mean[c]) ** 2
            expected[c] += part[c] * credit


@compiled
def _gather(point: Array, lanes: Array) -> None:
    """Adds one point of every lane to the sums."""
    z, part, by_odds, by_size = point[AT], point[PART], point[BY_ODDS], point[BY_SIZE]
    to_mean, to_variance, mean = lanes[_TO_MEAN], lanes[_TO_VARIANCE], lanes[_MEAN_AFTER]
    expected, prior, credited = lanes[_EXPECTED], lanes[_PRIOR], lanes[_PART]
    summed, away, square, odds, size = (
        lanes[_SUMMED], lanes[_AWAY], lanes[_SQUARE], lanes[_ODDS], lanes[_SIZE],
    )  # fmt: skip
    for c in range(len(mean)):
        credit = to_mean[c] * z[c] + to_variance[c] * (z[c] - mean[c]) ** 2
        credited[c] = part[c] * (1 + credit - expected[c])
    for c in range(len(mean)):
        summed[c] += credited[c]
        away[c] += credited[c] * (z[c] - prior[c])
    for c in range(len(mean)):
        square[c] += credited[c] * (z[c] - prior[c]) ** 2
    for c in range(len(mean)):
        odds[c] += credited[c] * by_odds[c]
        size[c] += credited[c] * by_size[c]


@compiled
def _back_to_noise(scalars: Array, total: float, size: float, to_size: float, to_scalars: Array) -> None:
    """From the derivative to M to those of batch and r."""
    batch, common = scalars[BATCH], scalars[CORRELATION]
    within = 1 / (size + 1)
    if total <= 0 or within <= LEAST_CORRELATION:
        return
    to_within = -to_size / within**2
    to_scalars[CORRELATION] += to_within * total / (total + batch)
    to_scalars[BATCH] += to_within * (1 - common) * total / (total + batch) ** 2


@written_out
def unpredict(
    scalars: Array,
    step_variance: Array,
    years: float,
    anchor: Array,
    begun: NDArray[np.bool_],
    kept: Array,
    variance: Array,
    lanes: Array,
    later: Array,
    to_scalars: Array,
    to_step: Array,
) -> None:
    """From `unlearn`'s derivatives to those of the mean and variance after the period before, put into `later`."""
    series = len(anchor)
    stays = np.exp(-scalars[PULL] * years)
    for s in range(series):
        c = series + s
        to_prior_mean = lanes[_AWAY, s] / variance[s] + lanes[_AWAY, c] / variance[c]
        to_quiet = 0.5 * (lanes[_SQUARE, s] / variance[s] - lanes[_SUMMED, s]) / variance[s]
        to_turbulent = 0.5 * (lanes[_SQUARE, c] / variance[c] - lanes[_SUMMED, c]) / variance[c]
        to_spread = to_quiet + to_turbulent
        if not begun[s]:
            to_scalars[WEIGHT] += to_prior_mean * anchor[s]
            to_scalars[START] += to_spread
            later[0, s], later[1, s] = 0.0, 0.0
            continue
        missed = scalars[WEIGHT] * anchor[s] - kept[MEAN, s]
        to_rho = to_prior_mean * missed - 2 * to_spread * kept[VARIANCE, s] * stays
        to_scalars[PULL] += to_rho * years * stays
        to_scalars[WEIGHT] += to_prior_mean * (1 - stays) * anchor[s]
        to_scalars[TURBULENT] += to_turbulent * step_variance[s] * years
        to_step[s] += years * (to_quiet + scalars[TURBULENT] * to_turbulent)
        later[0, s], later[1, s] = to_prior_mean * stays, to_spread * stays * stays
