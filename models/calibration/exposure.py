"""Which surprises each forecast's error contains: shocks between its issue and the end of its target year.

    log(realised_y) = anticipated at issue s + sum_k a_(s,y),k u_k
    a_k = 1 before year y, falling to 0 over year y (a surprise at moment t of the year moves the rest of it, 1 - t)

The line from the first issue to the last target year is cut at half-years and at every issue, so that two forecasts
share exactly the surprises that both span; the variance of a piece is its length in half-years times its half-year's.
Axis order: forecast, then piece of time. This module must not know errors or priors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]

_DAYS_IN_HALF_YEAR = 365.25 / 2
_SAME_MOMENT = 0.02
"""Half-years under which two cuts are one: about four days."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """`loading` (forecast, piece); `length` (piece,) in half-years; `half_year` (piece,) counts from the first."""

    loading: Array
    length: Array
    half_year: Places


def half_years(day: date) -> float:
    """A day on the line of half-years: 1 January 2020 is 4040, 1 July about 4041."""
    return 2 * day.year + min((day - date(day.year, 1, 1)).days / _DAYS_IN_HALF_YEAR, 2.0)


def exposure(issued: Sequence[float] | Array, target_years: Sequence[int]) -> Exposure:
    """Loadings of forecasts issued at moments `issued` (half-years) about `target_years`."""
    start, end = np.asarray(issued, dtype=float), 2.0 * (np.asarray(target_years) + 1)
    grid = np.arange(np.floor(start.min()), end.max() + 0.5)
    cuts = np.unique(np.concatenate([grid, start]))
    cuts = cuts[np.concatenate([[True], np.diff(cuts) > _SAME_MOMENT])]
    cuts = np.append(cuts[cuts < end.max() - _SAME_MOMENT], end.max())
    low, high = cuts[:-1], cuts[1:]
    after_issue = low[None, :] >= start[:, None] - _SAME_MOMENT
    loading = np.where(after_issue, year_loading(low, high, target_years), 0.0)
    used = loading.any(axis=0)
    half_year = np.floor(low + 1e-9).astype(np.int64)[used]
    _, counted = np.unique(half_year, return_inverse=True)
    return Exposure(loading[:, used], (high - low)[used], counted.astype(np.int64))


def year_loading(low: Array, high: Array, target_years: Sequence[int]) -> Array:
    """`(year, piece)`: how much a surprise in a piece of time moves the log total of a year."""
    begin = 2.0 * np.asarray(target_years, dtype=float)[:, None]
    middle = (low + high) / 2
    return np.asarray(np.clip(1 - (middle - begin) / 2, 0.0, 1.0))
