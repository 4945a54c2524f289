"""The way back through the filter: derivatives of the log density to everything that is not data.

At fixed points of the rule it is the posterior mean of the derivatives of the integrand (Fisher's identity); what
moves the points comes to it by the search for them (`peak`). The rows are those of `filter`.
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
    PLACE,
    PRIOR_MEAN,
    PULL,
    RATE,
    SHARE,
    SIZE,
    START,
    TOGETHER,
    TURBULENT,
    VARIANCE,
    WEIGHT,
    P,
)
from models.acceptance.peak import BACK_ROWS as PEAK_ROWS
from models.acceptance.peak import PLACES, TO_EFFECTIVE, TO_OFFSET, TO_PRECISION, TO_PRIOR, sought_from

Array = NDArray[np.float64]

# Rows of the lanes' workspace: what comes from later, what is summed over the points, what goes on to before, and what
# the search for the points takes and gives.
(
    _TO_MEAN, _TO_VARIANCE, _MEAN_AFTER, _EXPECTED, _SUMMED, _AWAY, _SQUARE, _ODDS, _SIZE, _PRIOR, _PRECISION,
    _TO_CENTRE, _TO_WIDTH, _POSITIVE, _TOTAL, _EFFECTIVE,
) = range(16)  # fmt: skip
_PEAK: Final = 16
BACK_ROWS: Final = _PEAK + PEAK_ROWS


@written_out
def unlearn(
    scalars: Array,
    counts: Array,
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

    `counts` (3, series). These are left in `lanes`, for `unpredict`; those of the offset go to `to_offset`, and some
    are added to `to_scalars`. The density itself counts once.
    """
    series, share = counts.shape[1], scalars[SHARE]
    _spread_out(counts, kept, parts[P], mean_after, later, lanes)
    _expect(points, lanes)
    for s in range(series):
        both = lanes[_EXPECTED, s] + lanes[_EXPECTED, series + s]
        lanes[_EXPECTED, s] = lanes[_EXPECTED, series + s] = both
    _gather(points, lanes)
    _to_the_search(points, lanes)
    for s in range(series):
        c = series + s
        to_offset[s] = lanes[_ODDS, s] + lanes[_ODDS, c]
        to_scalars[SHARE] += lanes[_SUMMED, c] / share - lanes[_SUMMED, s] / (1 - share)
        to_size = lanes[_SIZE, s] + lanes[_SIZE, c] - kept[TOGETHER, s]
        to_effective = lanes[_PEAK + TO_EFFECTIVE, s] + lanes[_PEAK + TO_EFFECTIVE, c]
        _back_to_noise(scalars, counts[1, s], kept[SIZE, s], to_size, to_effective, to_scalars)


@compiled
def _spread_out(
    counts: Array, kept: Array, variance: Array, mean_after: Array, later: Array, lanes: Array
) -> None:
    """What the loops over lanes take, of every series for both its components."""
    lanes[_EXPECTED] = 0.0
    series = len(mean_after)
    for s in range(series):
        n = counts[1, s]
        within = 1 / (kept[SIZE, s] + 1)
        for c in (s, series + s):
            lanes[_TO_MEAN, c], lanes[_TO_VARIANCE, c] = later[0, s], later[1, s]
            lanes[_MEAN_AFTER, c], lanes[_PRIOR, c] = mean_after[s], kept[PRIOR_MEAN, s]
            lanes[_POSITIVE, c], lanes[_TOTAL, c] = counts[0, s], n
            lanes[_EFFECTIVE, c] = 1 / (1 + (n - 1) * within)
            lanes[_PRECISION, c] = 1 / variance[c]


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
def _gather(points: Array, lanes: Array) -> None:
    """Sums over the points of every lane: what they do where they are, and what it does that they move.

    They move with their centre, and away from it with the log of the rule's width.
    """
    for c in range(points.shape[2]):
        mean, expected, prior = lanes[_MEAN_AFTER, c], lanes[_EXPECTED, c], lanes[_PRIOR, c]
        to_mean, to_variance = lanes[_TO_MEAN, c], lanes[_TO_VARIANCE, c]
        precision, centre = lanes[_PRECISION, c], points[PLACE, PLACES - 1, c]
        summed = away = square = odds = size = to_centre = to_width = 0.0
        for i in range(NODES):
            z, part, by_odds = points[i, AT, c], points[i, PART, c], points[i, BY_ODDS, c]
            off, apart = z - mean, z - prior
            credited = part * (1 + to_mean * z + to_variance * off * off - expected)
            summed += credited
            away += credited * apart
            square += credited * apart * apart
            odds += credited * by_odds
            size += credited * points[i, BY_SIZE, c]
            moved = credited * (by_odds - apart * precision) + part * (to_mean + 2 * to_variance * off)
            to_centre += moved
            to_width += moved * (z - centre)
        lanes[_SUMMED, c], lanes[_AWAY, c], lanes[_SQUARE, c] = summed, away, square
        lanes[_ODDS, c], lanes[_SIZE, c] = odds, size
        lanes[_TO_CENTRE, c], lanes[_TO_WIDTH, c] = to_centre, to_width + summed


@compiled
def _to_the_search(points: Array, lanes: Array) -> None:
    """On from the points' centre and width; what comes of the belief and the offset joins what they do themselves."""
    found = lanes[_PEAK:]
    sought_from(
        lanes[_POSITIVE], lanes[_TOTAL], lanes[_EFFECTIVE], lanes[_PRECISION], points[PLACE], points[RATE],
        lanes[_TO_CENTRE], lanes[_TO_WIDTH], found,
    )  # fmt: skip
    odds, away, square, precision = lanes[_ODDS], lanes[_AWAY], lanes[_SQUARE], lanes[_PRECISION]
    for c in range(len(odds)):
        odds[c] += found[TO_OFFSET, c]
    for c in range(len(odds)):
        # As the others are: `unpredict` divides by the variance.
        away[c] += found[TO_PRIOR, c] / precision[c]
        square[c] -= 2 * found[TO_PRECISION, c]


@compiled
def _back_to_noise(
    scalars: Array, total: float, size: float, to_size: float, to_effective: float, to_scalars: Array
) -> None:
    """From the derivatives to M, and to what each decision is worth, to those of batch and r."""
    batch, common = scalars[BATCH], scalars[CORRELATION]
    within = 1 / (size + 1)
    if total <= 0 or within <= LEAST_CORRELATION:
        return
    to_within = -to_size / within**2 - to_effective * (total - 1) / (1 + (total - 1) * within) ** 2
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
