"""Which path of one series goes with which of another: whole paths reordered, by ranks of how high they are.

    height of a path  = sum over the years still open of its log total, each year standardised over the draws
    z                 ~ Normal(0, correlation), one row per draw of the total, one column per series
    row r takes from series i the path whose height has the rank of z_ri

A Gaussian copula on ranks (Iman and Conover 1982). Nothing is drawn anew: every series keeps each of its paths once,
so its own distribution is unchanged to the last person, in every month. A path is moved whole, so the copula joins
heights over all years together; what single years then share is less, and `yearly_correlation` says how much. The
normals are turned so that their sample correlation is exactly the stated one. Ties are broken by the seed, not by
order. NumPy and SciPy; must not know forecasts or HTTP.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


def heights(yearly: Array) -> Array:
    """`(draw,)` from totals `(draw, year)`; years that are the same in every draw say nothing."""
    logs = np.log(np.maximum(yearly, 1.0))
    spread = logs.std(axis=0)
    moving = spread > 0
    return np.asarray(((logs - logs.mean(axis=0))[:, moving] / spread[moving]).sum(axis=1))


def paired_rows(high: Sequence[Array], correlation: Array, seed: int) -> list[Rows]:
    """Per series the path `(draw,)` that goes into each draw of the total; each series' rows are a permutation."""
    draws = len(high[0])
    rng = np.random.default_rng(seed)
    z = _correlated_normals(draws, correlation, rng)
    rows = []
    for column, own in zip(z.T, high, strict=True):
        by_height = np.lexsort((rng.random(draws), own))
        chosen = np.empty(draws, dtype=np.int64)
        chosen[np.argsort(column, kind="stable")] = by_height
        rows.append(chosen)
    return rows


def _correlated_normals(draws: int, correlation: Array, rng: np.random.Generator) -> Array:
    """`(draw, series)` whose sample correlation is the stated one, where there are enough draws to turn."""
    z = rng.standard_normal((draws, len(correlation)))
    if draws > len(correlation):
        z -= z.mean(axis=0)
        z = np.linalg.solve(np.linalg.cholesky(np.cov(z.T, bias=True).reshape(z.shape[1], -1)), z.T).T
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray(z @ (vectors * np.sqrt(np.maximum(values, 0.0))).T)


def yearly_correlation(yearly: Sequence[Array]) -> Array:
    """`(year, series, series)` rank correlation of the totals `(draw, year)` as paired; NaN where a year is settled."""
    years, size = yearly[0].shape[1], len(yearly)
    found = np.full((years, size, size), np.nan)
    for year in range(years):
        totals = np.stack([own[:, year] for own in yearly])
        moving = np.ptp(totals, axis=1) > 0
        ranks = np.stack([stats.rankdata(own) for own in totals])
        for i in range(size):
            for j in range(size):
                if moving[i] and moving[j]:
                    found[year, i, j] = np.corrcoef(ranks[i], ranks[j])[0, 1]
    return found
