"""How the yearly totals of several series move together: stated, none, or estimated from their monthly histories.

    g_t    = log(sum of months t-11..t) - log(sum of months t-23..t-12)          growth of a year over the one before
    r      = 2 sin(pi rank correlation / 6) of g between two series              a normal copula's correlation
    n      = overlapping months of g / sum over lags of a_k^2                    independent values they are worth
    used   = r (n - 1) / (n - 1 + PRIOR_GROWTHS)                                 shrunk toward independence

a_k is the autocorrelation that g has when monthly log growth is white: overlapping sums say the same thing many times
(Bartlett 1946: the variance of a correlation of two independent series is the sum of the products of their
autocorrelations over the number of values). PRIOR_GROWTHS of 4 is a correlation whose standard deviation is one half
before anything was seen, as 1 / (n - 1) is its sampling variance near zero. Pairs are shrunk each by its own overlap;
where that leaves no correlation matrix, the nearest by clipped eigenvalues is taken. NumPy and SciPy; must not know
forecasts or HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.series import LEAST_COUNT, MonthlySeries
from priors.faults import numerals_nl

Array = NDArray[np.float64]

YEAR = 12
PRIOR_GROWTHS = 4.0
_LEAST_GROWTHS = YEAR  # overlapping values under which a rank correlation is not worth computing
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Dependence:
    """`correlation` `(series, series)` as used, `measured` before shrinking, `observations` independent values each
    pair is worth; the last two None where nothing was estimated."""

    correlation: Array
    measured: Array | None = None
    observations: Array | None = None


class NoCorrelation(ValueError):
    """A stated matrix that is none of correlations; says why and what to change, `dutch` the same in Dutch."""

    def __init__(self, detail: str, dutch: str) -> None:
        super().__init__(detail)
        self.dutch = dutch


def estimated_dependence(histories: Sequence[MonthlySeries]) -> Dependence:
    """From monthly counts of the same country, one history per series; pairs that hardly overlap are independent."""
    size = len(histories)
    measured, observations, used = np.eye(size), np.zeros((size, size)), np.eye(size)
    growths = [yearly_growth(history) for history in histories]
    for i in range(size):
        for j in range(i):
            found, worth = _pair(growths[i], growths[j])
            shrunk = found * max(worth - 1.0, 0.0) / (max(worth - 1.0, 0.0) + PRIOR_GROWTHS)
            measured[i, j] = measured[j, i] = found
            observations[i, j] = observations[j, i] = worth
            used[i, j] = used[j, i] = shrunk
    return Dependence(nearest_correlation(used), measured, observations)


def yearly_growth(history: MonthlySeries) -> dict[np.datetime64, float]:
    """Log growth of the twelve months up to each month over the twelve before, where all 24 have a figure."""
    counts = history.counts
    if len(counts) < 2 * YEAR:
        return {}
    sums = np.log(np.maximum(np.convolve(counts, np.ones(YEAR), mode="valid"), LEAST_COUNT))
    growth = sums[YEAR:] - sums[:-YEAR]
    months = history.months[2 * YEAR - 1 :]
    return {month: float(g) for month, g in zip(months, growth, strict=True) if np.isfinite(g)}


def _pair(one: dict[np.datetime64, float], other: dict[np.datetime64, float]) -> tuple[float, float]:
    """Correlation of the normal copula, and how many independent values it rests on."""
    both = sorted(set(one) & set(other))
    if len(both) < _LEAST_GROWTHS:
        return 0.0, 0.0
    a, b = np.array([one[m] for m in both]), np.array([other[m] for m in both])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0, 0.0
    rank = float(stats.spearmanr(a, b).statistic)
    return 2 * np.sin(np.pi * rank / 6), len(both) / values_per_independent()


def values_per_independent() -> float:
    """How many overlapping growths say as much as one: the sum of squared autocorrelations of two sums' difference.

    Growth of the year over the year before weighs monthly growth by a triangle of 2 x 12 months.
    """
    triangle = np.convolve(np.ones(YEAR), np.ones(YEAR))
    products = np.correlate(triangle, triangle, mode="full")
    return float(np.sum((products / products.max()) ** 2))


def nearest_correlation(matrix: Array) -> Array:
    """The matrix itself where it has no negative eigenvalue, else with these at zero and a unit diagonal again."""
    values, vectors = np.linalg.eigh(matrix)
    if values.min() >= -_TOLERANCE:
        return matrix
    clipped = (vectors * np.maximum(values, 0.0)) @ vectors.T
    scale = np.sqrt(np.diag(clipped))
    return np.asarray(clipped / np.outer(scale, scale))


def stated_dependence(rows: Sequence[Sequence[float]], size: int) -> Dependence:
    """A stated matrix of `size` series. Raises NoCorrelation with what is wrong."""
    if len(rows) != size or any(len(row) != size for row in rows):
        detail = f"must have {size} rows of {size} numbers, one per forecast in their order"
        dutch = f"moet {size} rijen van {size} getallen hebben, één per prognose in hun volgorde"
        raise NoCorrelation(detail, dutch)
    matrix = np.array(rows, dtype=float)
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1 + _TOLERANCE:
        raise NoCorrelation(
            "must hold correlations between -1 and 1", "moet correlaties tussen -1 en 1 bevatten"
        )
    if not np.allclose(np.diag(matrix), 1.0, atol=_TOLERANCE):
        raise NoCorrelation("must have ones on its diagonal", "moet enen op de diagonaal hebben")
    if not np.allclose(matrix, matrix.T, atol=_TOLERANCE):
        raise NoCorrelation("must be symmetric", "moet symmetrisch zijn")
    least = float(np.linalg.eigvalsh(matrix).min())
    if least < -1e-8:
        raise NoCorrelation(
            f"is no correlation matrix: its smallest eigenvalue is {least:.3g}; bring the correlations nearer to zero",
            f"is geen correlatiematrix: de kleinste eigenwaarde is {numerals_nl(f'{least:.3g}')}; breng de correlaties "
            "dichter bij nul",
        )
    return Dependence(matrix)
