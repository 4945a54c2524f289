"""The four interval scenarios as paths: months by nationality that add up to the year's figure.

    path(scenario, year) = E(months, nationalities | the year's total is near the scenario's figure)

taken over the simulated paths whose totals rank closest to the figure, then split into whole persons
(`whole_persons`). One conditional mean gives all edges of the table: a quantile of every month or nationality apart
would add up to a year that nobody expects. Months already counted stand as counted. Each year is conditioned on its
own figure, so a scenario is read per year, as the figures are. Web-safe; knows nothing of files or HTTP.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.observation import years_of
from models.whole_persons import Counts, split_year

Array = NDArray[np.float64]
Months = NDArray[np.datetime64]

NEAREST_SHARE = 0.02
"""Part of the draws taken as near: two percentage points of rank, wide enough for smooth months (2,000 of 100,000),
narrow enough that their mean total is within a few tenths of a percent of the figure."""

_LEAST_NEAR = 50


@dataclass(frozen=True)
class ScenarioPath:
    """One scenario: `counts` `(month, citizen)` whole persons over `months`."""

    scenario: str
    months: Months
    counts: Counts


def scenario_paths(
    figures: Mapping[str, Sequence[int]],
    years: Sequence[int],
    counted_months: Months,
    counted: Counts,
    future_months: Months,
    draws: NDArray[Any],
) -> tuple[ScenarioPath, ...]:
    """A path per scenario of `figures` (whole persons per year of `years`).

    `counted` (counted month, citizen) and `draws` (draw, future month, citizen) are persons. Raises ValueError when a
    figure is less than what is counted of its year, or differs from a year that is fully counted.
    """
    near = [_Year(year, counted_months, counted, future_months, draws) for year in years]
    months = np.concatenate([counted_months, future_months])
    return tuple(
        ScenarioPath(
            name, months, np.concatenate([y.path(int(f)) for y, f in zip(near, by_year, strict=True)])
        )
        for name, by_year in figures.items()
    )


class _Year:
    """A target year: what is counted of it, and its draws in the order of their totals."""

    def __init__(
        self, year: int, counted_months: Months, counted: Counts, future: Months, draws: NDArray[Any]
    ) -> None:
        self._counted = counted[years_of(counted_months) == year]
        inside = np.flatnonzero(years_of(future) == year)
        # A slice where it can be one: a year's months lie together, and memory-mapped draws are then not copied.
        self._draws = draws[:, inside[0] : inside[-1] + 1] if len(inside) else draws[:, :0]
        totals = self._draws.reshape(len(draws), -1).sum(axis=1, dtype=np.int64)
        self._order = np.argsort(totals, kind="stable")
        self._totals = totals[self._order]

    def path(self, figure: int) -> Counts:
        """`(month, citizen)` of the year in the scenario of this figure."""
        wanted = figure - int(self._counted.sum())
        means = self._draws[self._nearest(wanted)].mean(axis=0)
        return split_year(figure, means, self._counted)

    def _nearest(self, total: int) -> NDArray[np.int64]:
        """Draws whose totals rank closest to `total`, in their stored order."""
        size = min(max(int(NEAREST_SHARE * len(self._totals)), _LEAST_NEAR), len(self._totals))
        middle = (np.searchsorted(self._totals, total) + np.searchsorted(self._totals, total, "right")) // 2
        start = int(np.clip(middle - size // 2, 0, len(self._totals) - size))
        return np.sort(self._order[start : start + size])
