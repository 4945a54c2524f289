"""Years joined: a Gaussian copula whose correlation falls with the distance in years.

    z_y = normal score of N_y,   corr(z_y, z_y') = rho ** |y - y'|     (a first-order autoregression in years)
    log f(N) = sum_y log f_y(N_y) + log phi_R(z) - sum_y log phi(z_y)

Because the scores form a Markov chain, simulation and density go year by year without a matrix. Draws read
the totals from tables in z (priors/score_table.py). Must not know any model.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from priors.kernels import FloatArray
from priors.mixture import Component
from priors.score_table import normal_score, totals_at


def correlated_normals(base: FloatArray, years: Sequence[int], year_correlation: float) -> FloatArray:
    """Scores (draw, year) from independent standard normals `base` (draw, year), in their precision; `years` ascending.

    Raises ValueError for years out of order, another number of columns, or a correlation outside [0, 1).
    """
    return _product(np.ones(len(years)), years, year_correlation, base).T


def correlation_matrix(years: Sequence[int], year_correlation: float) -> FloatArray:
    """Correlation (year, year) of the scores."""
    at = np.asarray(years, dtype=np.float64)
    return np.asarray(year_correlation ** np.abs(at[:, None] - at[None, :]), dtype=np.float64)


def draw_component(component: Component, year_correlation: float, base: FloatArray) -> FloatArray:
    """Totals (draw, year of the component) in persons from standard normals `base` of the same shape."""
    lines = [belief.log_line for belief in component.marginals]
    stated = [line for line in lines if line is not None]
    if stated and len(stated) == len(lines):
        log_medians, slopes = np.array(stated).T
        totals = _product(slopes, component.years, year_correlation, base)
        totals += log_medians.astype(totals.dtype)[:, None]
        np.exp(totals, out=totals)
        for row, belief in zip(totals, component.marginals, strict=True):
            if belief.removed > 0.0:
                np.maximum(row, belief.floor, out=row)
        return totals.T
    scores = correlated_normals(base, component.years, year_correlation)
    totals = np.empty_like(scores)
    for column, belief in enumerate(component.marginals):
        totals[:, column] = totals_at(belief, scores[:, column])
    return totals


def _product(
    scales: FloatArray, years: Sequence[int], year_correlation: float, base: FloatArray
) -> FloatArray:
    """Scores times the `scales` (year,) of their years, (year, draw), in one product of matrices."""
    if base.ndim != 2 or base.shape[1] != len(years):
        raise ValueError(f"base has shape {base.shape}, one column per year of {list(years)} is needed")
    root = np.eye(len(years))
    for row, carried in enumerate(_carried(years, year_correlation), start=1):
        root[row] *= math.sqrt(1.0 - carried * carried)
        root[row] += carried * root[row - 1]
    return np.asarray((scales[:, None] * root).astype(np.result_type(base, np.float32)) @ base.T)


def log_density(component: Component, year_correlation: float, totals: FloatArray) -> FloatArray:
    """Joint log density (draw,) of totals (draw, year of the component); -inf outside the support."""
    if totals.ndim != 2 or totals.shape[1] != len(component.years):
        raise ValueError(
            f"totals have shape {totals.shape}, a column per year of {component.years} is needed"
        )
    log_marginals, scores = np.zeros(totals.shape[0]), np.empty(totals.shape)
    for column, belief in enumerate(component.marginals):
        with np.errstate(divide="ignore"):
            log_marginals += np.log(belief.pdf(totals[:, column]))
        scores[:, column] = normal_score(belief, totals[:, column])
    inside = np.isfinite(log_marginals) & np.isfinite(scores).all(axis=1)
    scores[~inside] = 0.0
    joined = log_marginals + _log_copula(scores, component.years, year_correlation)
    return np.asarray(np.where(inside, joined, -np.inf), dtype=np.float64)


def log_density_of(component: Component, year_correlation: float, fixed: Mapping[int, float]) -> float:
    """Log density of the totals of the years in `fixed`, the other years integrated out; 0.0 for none.

    Raises KeyError for a year the component does not state.
    """
    part = _part(component, sorted(fixed))
    totals = np.asarray([[fixed[year] for year in part.years]], dtype=np.float64)
    return float(log_density(part, year_correlation, totals)[0])


def conditional_normals(
    component: Component, year_correlation: float, fixed: Mapping[int, float], base: FloatArray
) -> FloatArray:
    """Scores (draw, remaining year) of the component's other years, ascending, given the totals in `fixed`.

    `base` holds independent standard normals of the shape of the result. Raises KeyError for a year the
    component does not state and ValueError for a total it holds impossible.
    """
    known = _part(component, sorted(fixed))
    remaining = remaining_years(component, fixed)
    if base.ndim != 2 or base.shape[1] != len(remaining):
        raise ValueError(f"base has shape {base.shape}, a column per year of {list(remaining)} is needed")
    pairs = zip(known.years, known.marginals, strict=True)
    given = np.asarray([normal_score(belief, fixed[year]) for year, belief in pairs], dtype=np.float64)
    if not np.all(np.isfinite(given)):
        raise ValueError(f"{component.key} holds the totals {dict(fixed)} impossible")
    correlation = correlation_matrix((*known.years, *remaining), year_correlation)
    split = len(known.years)
    pull = np.linalg.solve(correlation[:split, :split], correlation[:split, split:])
    left = correlation[split:, split:] - correlation[split:, :split] @ pull
    return np.asarray(given @ pull + base @ np.linalg.cholesky(left).T, dtype=np.float64)


def conditional_draws(
    component: Component, year_correlation: float, fixed: Mapping[int, float], base: FloatArray
) -> FloatArray:
    """Totals (draw, remaining year) in persons given those in `fixed`; otherwise as conditional_normals."""
    scores = conditional_normals(component, year_correlation, fixed, base)
    totals = np.empty_like(scores)
    for column, year in enumerate(remaining_years(component, fixed)):
        totals[:, column] = totals_at(component.marginal(year), scores[:, column])
    return totals


def remaining_years(component: Component, fixed: Mapping[int, float]) -> tuple[int, ...]:
    """The component's years that `fixed` does not hold, ascending."""
    return tuple(year for year in component.years if year not in fixed)


def _part(component: Component, years: Sequence[int]) -> Component:
    beliefs = tuple(component.marginal(year) for year in years)
    return Component(component.key, component.probability, tuple(years), beliefs)


def _carried(years: Sequence[int], year_correlation: float) -> list[float]:
    if not 0.0 <= year_correlation < 1.0:
        raise ValueError(f"the correlation between years lies in [0, 1), not {year_correlation}")
    gaps = [later - earlier for earlier, later in itertools.pairwise(years)]
    if any(gap <= 0 for gap in gaps):
        raise ValueError(f"years must ascend, not {list(years)}")
    return [year_correlation**gap for gap in gaps]


def _log_copula(scores: FloatArray, years: Sequence[int], year_correlation: float) -> FloatArray:
    total = np.zeros(scores.shape[0])
    for column, carried in enumerate(_carried(years, year_correlation), start=1):
        variance = 1.0 - carried * carried
        z, surprise = scores[:, column], scores[:, column] - carried * scores[:, column - 1]
        total += 0.5 * (z * z - surprise * surprise / variance - math.log(variance))
    return total
