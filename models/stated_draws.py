"""Totals of the years a component states: its belief, and the events that may occur on top of it.

    N_y = B_y + A_y,   B joined over the years by the copula, A_y what the events that occur add

Where events reach below the floor, a draw of the sum becomes the draw of the cut density that has its rank: the sum's
dependence over the years stays, each year's density is exactly the cut one, and every event keeps its probability.
A year counted in full is conditioned on: given what events add, the belief must have been the rest. NumPy and SciPy.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priors.copula import conditional_draws, correlation_matrix, draw_component, log_density, log_density_of
from priors.events import adjoining
from priors.families import Marginal
from priors.mixture import Component
from priors.score_table import normal_score, totals_at
from priors.totals import YearTotal

Array = NDArray[np.float64]

_FEW = 0.1  # of the relative Monte Carlo error that so many draws leave at best
_HARDLY_ANY = 1e-6  # mass under the floor that is lifted onto it instead of spread by rank
LIFTED = 0.5  # persons above the floor at which a lifted draw stands


class RanksNeeded(Exception):
    """Draws under the floor are spread by their rank among all draws, of which some were not made anew."""


@dataclass(frozen=True)
class FurtherDraws:
    """How many draws there are besides, and how many of these were lifted onto the floor, by year."""

    draws: int
    lifted: Mapping[int, int]


def stated_totals(
    own: Component,
    year_correlation: float,
    years: Sequence[int],
    fixed: Mapping[int, float],
    base: Array,
    added: Array,
    further: FurtherDraws | None = None,
) -> tuple[Array, Array]:
    """Totals `(draw, year not fixed)` and the log density `(draw,)` of the fixed ones, zero where there are none.

    `years` are the target years, one column of `base` and of `added`, what events add, each. The log density is -inf
    in every row where the component holds the fixed totals impossible. `further` draws of the same component are there
    already: raises RanksNeeded where these cannot be left as they are.
    """
    free = [y for y in own.years if y not in fixed]
    columns = adjoining([years.index(y) for y in free])
    if not own.additions:
        return _without_events(own, year_correlation, fixed, base[:, columns])
    if fixed:
        totals, log_factor = _given(own, year_correlation, years, fixed, added, base[:, columns])
    else:
        totals, log_factor = draw_component(own, year_correlation, base[:, columns]), np.zeros(len(base))
    totals += added[:, columns]
    lowest = totals.T.min(axis=1, initial=np.inf)
    for place, (year, least) in enumerate(zip(free, lowest, strict=True)):
        if further is not None or least < own.marginal(year).floor:
            totals[:, place] = cut_to_floor(own, year, totals[:, place], further)
    return totals, log_factor


def _without_events(
    own: Component, year_correlation: float, fixed: Mapping[int, float], base: Array
) -> tuple[Array, Array]:
    log_factor = np.zeros(len(base))
    if not fixed:
        return (draw_component(own, year_correlation, base) if own.years else base), log_factor
    log_factor += log_density_of(own, year_correlation, fixed)
    if not np.isfinite(log_factor[0]):
        return np.zeros(base.shape), log_factor
    return conditional_draws(own, year_correlation, fixed, base), log_factor


def cut_to_floor(own: Component, year: int, sums: Array, further: FurtherDraws | None = None) -> Array:
    """Sums of belief and events `(draw,)` as draws of the density above the floor; `further` as in `stated_totals`."""
    floor, draws = own.marginal(year).floor, len(sums) + (further.draws if further else 0)
    below = np.count_nonzero(sums < floor) + (further.lifted.get(year, 0) if further else 0)
    if not below:
        return sums
    total = own.total(year)
    # Few draws below the floor are lifted onto it: cheaper than a convolution, and no worse than Monte Carlo error.
    if below <= _FEW * math.sqrt(draws) or not isinstance(total, YearTotal) or not cut_matters(total):
        return np.maximum(sums, floor + LIFTED)
    if further is not None:
        raise RanksNeeded
    before, after = total.cut_map
    return np.where(sums < before[-1], np.interp(sums, before, after), sums)


def _given(
    own: Component,
    year_correlation: float,
    years: Sequence[int],
    fixed: Mapping[int, float],
    added: Array,
    base: Array,
) -> tuple[Array, Array]:
    """What the belief comes to in the other years when belief and events together came to `fixed`."""
    known = sorted(fixed)
    rests, log_factor = np.empty((len(base), len(known))), np.zeros(len(base))
    for place, year in enumerate(known):
        before, log_slope = before_cutting(own.total(year), np.asarray(fixed[year]))
        rests[:, place] = before - added[:, years.index(year)]
        log_factor += log_slope
    part = Component(own.key, own.probability, tuple(known), tuple(own.marginal(y) for y in known))
    log_factor += log_density(part, year_correlation, rests)
    free = [y for y in own.years if y not in fixed]
    scores = np.column_stack([normal_score(m, r) for m, r in zip(part.marginals, rests.T, strict=True)])
    scores = np.where(np.isfinite(scores), scores, 0.0)  # rows that weigh nothing
    correlation = correlation_matrix((*known, *free), year_correlation)
    split = len(known)
    pull = np.linalg.solve(correlation[:split, :split], correlation[:split, split:])
    left = correlation[split:, split:] - correlation[split:, :split] @ pull
    moved = scores @ pull + base @ np.linalg.cholesky(left).T
    drawn = [totals_at(own.marginal(year), column) for year, column in zip(free, moved.T, strict=True)]
    return (np.column_stack(drawn) if drawn else np.empty((len(base), 0))), log_factor


def cut_matters(total: Marginal | YearTotal) -> bool:
    """Whether events reach so far below the floor that cutting moves totals."""
    return isinstance(total, YearTotal) and total.removed >= _HARDLY_ANY


def before_cutting(total: Marginal | YearTotal, totals: Array) -> tuple[Array, Array]:
    """The sums that cutting turned into `totals`, any shape, and the log of its slope there."""
    if not isinstance(total, YearTotal) or not cut_matters(total):
        return totals, np.zeros(totals.shape)
    before, after = total.cut_map
    places = np.where(totals < after[-1], np.interp(totals, after, before), totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_slope = np.log(total.pdf(totals)) - np.log(total.uncut_pdf(places))
    return places, np.where(np.isfinite(log_slope), log_slope, -np.inf)
