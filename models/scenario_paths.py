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
    near = NearPaths(
        figures, years, counted_months, counted, future_months, draws.sum(axis=2, dtype=np.int64)
    )
    near.add(0, draws)
    return near.paths()


class NearPaths:
    """The draws near every figure, found by their totals, and the sum over them, taken chunk by chunk."""

    def __init__(
        self,
        figures: Mapping[str, Sequence[int]],
        years: Sequence[int],
        counted_months: Months,
        counted: Counts,
        future_months: Months,
        totals: NDArray[Any],
    ) -> None:
        self._figures, self._months = figures, np.concatenate([counted_months, future_months])
        self._years = [_Year(year, counted_months, counted, future_months, totals) for year in years]
        self._near = {
            (name, j): year.nearest(int(figure))
            for name, by_year in figures.items()
            for j, (year, figure) in enumerate(zip(self._years, by_year, strict=True))
        }
        self._sums = {key: np.zeros((self._years[key[1]].months, counted.shape[1])) for key in self._near}

    def add(self, first_draw: int, counts: NDArray[Any]) -> None:
        """Take up a chunk of draws `(draw, future month, citizen)` that starts at `first_draw`."""
        for (name, j), near in self._near.items():
            start, end = np.searchsorted(near, (first_draw, first_draw + len(counts)))
            chosen = counts[near[start:end] - first_draw]
            self._sums[name, j] += chosen[:, self._years[j].inside].sum(axis=0, dtype=np.int64)

    def paths(self) -> tuple[ScenarioPath, ...]:
        """A path per scenario, once every draw was added."""
        made = []
        for name, by_year in self._figures.items():
            parts = [
                split_year(int(figure), self._sums[name, j], self._years[j].counted)
                for j, figure in enumerate(by_year)
            ]
            made.append(ScenarioPath(name, self._months, np.concatenate(parts)))
        return tuple(made)


class _Year:
    """A target year: what is counted of it, and its draws in the order of their totals."""

    def __init__(
        self, year: int, counted_months: Months, counted: Counts, future: Months, totals: NDArray[Any]
    ) -> None:
        self.counted = counted[years_of(counted_months) == year]
        inside = np.flatnonzero(years_of(future) == year)
        self.months = len(inside)
        # A slice: a year's months lie together, and memory-mapped draws are then not copied.
        self.inside = slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)
        sums = totals[:, self.inside].sum(axis=1, dtype=np.int64)
        self._order = np.argsort(sums, kind="stable")
        self._totals = sums[self._order]

    def nearest(self, figure: int) -> NDArray[np.int64]:
        """Draws whose totals rank closest to a figure, in their stored order."""
        wanted = figure - int(self.counted.sum())
        size = min(max(int(NEAREST_SHARE * len(self._totals)), _LEAST_NEAR), len(self._totals))
        middle = (np.searchsorted(self._totals, wanted) + np.searchsorted(self._totals, wanted, "right")) // 2
        start = int(np.clip(middle - size // 2, 0, len(self._totals) - size))
        return np.sort(self._order[start : start + size])
