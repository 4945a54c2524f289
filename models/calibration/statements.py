"""What each forecast states, as arrays over cases: quantiles, centre, and where the outcome falls.

Quantiles come from the stated level itself (0.667 counts as 2/3), from the density, or from the draws; nothing is
interpolated but the median, on the normal-score scale of the logs between the two stated levels around it. NaN marks
what a form does not say. Axis order: case, then level. This module must not know scores or bias.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.calibration.records import ArchivedForecast, StatedQuantile
from models.scores import pit_bounds
from priors.families import marginal
from priors.mixture import Component, ExpertDensity

Array = NDArray[np.float64]

LEVEL_TOLERANCE = 0.002


def quantiles_at(forecasts: Sequence[ArchivedForecast], levels: Sequence[float]) -> Array:
    """`(case, level)` quantiles (persons); NaN where the form does not state one."""
    wanted = np.asarray(levels, dtype=float)
    return np.array([_quantiles(one, wanted) for one in forecasts]).reshape(len(forecasts), len(wanted))


def medians(forecasts: Sequence[ArchivedForecast]) -> Array:
    """`(case,)` the point or the median (persons); NaN where stated levels do not enclose one half."""
    return np.array([_median(one) for one in forecasts], dtype=float)


def pits(forecasts: Sequence[ArchivedForecast], outcomes: Array) -> tuple[Array, Array]:
    """`(lower, upper)`, each (case,): all that is known of the PIT of each outcome; NaN is never returned.

    A point says which half; quantiles between which levels; a density or draws exactly where.
    """
    both = [_pit(one, float(y)) for one, y in zip(forecasts, outcomes, strict=True)]
    lower, upper = np.array(both, dtype=float).reshape(-1, 2).T
    return lower, upper


def density_of(forecast: ArchivedForecast) -> ExpertDensity:
    """The mixture a forecast's scenarios state; raises ValueError for another form."""
    if forecast.scenarios is None:
        raise ValueError("only scenarios state a density")
    year = forecast.target_year
    parts = []
    for scenario in forecast.scenarios:
        belief = scenario.years[year]
        one = marginal(
            scenario.family,
            belief.expected,
            belief.spread,
            scenario.spread_meaning,
            scenario.degrees_of_freedom,
            forecast.counted_at_cutoff,
        )
        parts.append(Component(scenario.key, scenario.probability, (year,), (one,)))
    return ExpertDensity(tuple(parts), 0.0)


def _quantiles(forecast: ArchivedForecast, levels: Array) -> Array:
    if forecast.scenarios is not None:
        return density_of(forecast).ppf(forecast.target_year, levels)
    if forecast.draws is not None:
        return np.asarray(np.quantile(forecast.draws, levels), dtype=float)
    if forecast.point is not None:
        return np.where(np.abs(levels - 0.5) <= LEVEL_TOLERANCE, forecast.point, np.nan)
    stated = forecast.quantiles or ()
    return np.array([_stated(stated, float(level)) for level in levels])


def _stated(stated: Sequence[StatedQuantile], level: float) -> float:
    near = [one for one in stated if abs(one.level - level) <= LEVEL_TOLERANCE]
    return min(near, key=lambda one: abs(one.level - level)).value if near else float("nan")


def _median(forecast: ArchivedForecast) -> float:
    if forecast.quantiles is None:
        return float(_quantiles(forecast, np.array([0.5]))[0])
    exact = _stated(forecast.quantiles, 0.5)
    if np.isfinite(exact):
        return exact
    below = [one for one in forecast.quantiles if one.level < 0.5 and one.value > 0]
    above = [one for one in forecast.quantiles if one.level > 0.5]
    if not below or not above:
        return float("nan")
    low, high = below[-1], above[0]
    ends = ndtri(low.level), ndtri(high.level)
    return float(np.exp(np.interp(0.0, ends, (np.log(low.value), np.log(high.value)))))


def _pit(forecast: ArchivedForecast, outcome: float) -> tuple[float, float]:
    if forecast.scenarios is not None:
        exact = float(density_of(forecast).cdf(forecast.target_year, outcome))
        return exact, exact
    if forecast.draws is not None:
        draws = np.asarray(forecast.draws)
        below, equal = int(np.sum(draws < outcome)), int(np.sum(draws == outcome))
        return below / (len(draws) + 1), (below + equal + 1) / (len(draws) + 1)
    if forecast.point is not None:
        return (0.0, 0.5) if outcome <= forecast.point else (0.5, 1.0)
    stated = forecast.quantiles or ()
    levels, values = [one.level for one in stated], [one.value for one in stated]
    low, high = pit_bounds(levels, np.asarray(values), outcome)
    return float(low), float(high)
