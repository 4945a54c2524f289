"""What had been counted of the target years: at the cutoff, and since.

The target years are the cutoff's own year and those after it. Their months fall in three runs: counted by the
cutoff, counted since (the *later* months, the evidence), and still to come. Values are those in force at `as_of`,
also for months the cutoff already knew: a revision replaces a figure, it is not a new month.

A run ends at the first month that is not available; months behind such a gap are left unused, because a year's
remainder could not be told from what the gap hides. `unused_months` says how many, so that the forecast can. A gap
that is filled after the cutoff does not make later months of those behind it: the experts saw them. The filled month
then counts among them, as a revision does; it is no evidence, which errs on the side of what the experts said.
This module knows nothing of models, files or HTTP.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.series import LEAST_COUNT, MonthlySeries

Array = NDArray[np.float64]
Months = NDArray[np.datetime64]


@dataclass(frozen=True)
class Observation:
    """Counts in the target years. Persons; `later_counts` has one value per later month."""

    years: tuple[int, ...]
    counted_at_cutoff: Array
    counted: Array
    months_counted: NDArray[np.int64]
    first_later_month: np.datetime64
    later_counts: Array
    unused_months: int = 0

    @property
    def horizon_months(self) -> Months:
        """Every month from the first one unknown at the cutoff to the end of the last target year."""
        end = np.datetime64(f"{self.years[-1] + 1}-01", "M")
        return np.arange(self.first_later_month, end)

    @property
    def future_months(self) -> Months:
        """The months still to come at `as_of`."""
        return self.horizon_months[len(self.later_counts) :]

    @property
    def first_open(self) -> str:
        """The first month still to come, YYYY-MM; one after all months where none is."""
        months = self.future_months
        return str(months[0]) if len(months) else f"{self.years[-1] + 1}-01"

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """`(year,)`: whether all twelve months are counted."""
        return np.asarray(self.months_counted == 12)

    @cached_property
    def open_at_cutoff(self) -> NDArray[np.bool_]:
        """`(year,)`: whether the cutoff did not yet know every month."""
        return np.asarray(self.months_counted - self.later_by_year < 12)

    @cached_property
    def completed_since(self) -> NDArray[np.bool_]:
        """`(year,)`: whether the last of the twelve months came after the cutoff."""
        return np.asarray(self.complete & self.open_at_cutoff)

    @cached_property
    def partial_year(self) -> int | None:
        """Position of the year of which some later months, but not all months, are counted."""
        grown = (self.later_by_year > 0) & ~self.complete
        return int(np.flatnonzero(grown)[0]) if grown.any() else None

    @cached_property
    def later_in_partial_year(self) -> float:
        """Persons in the unfinished year's later months, a zero read as one as the model reads it; 0 if none."""
        if self.partial_year is None:
            return 0.0
        inside = years_of(self.later_months) == self.years[self.partial_year]
        return float(np.maximum(self.later_counts[inside], LEAST_COUNT).sum())

    @property
    def later_months(self) -> Months:
        """The months counted since the cutoff."""
        return np.arange(self.first_later_month, self.first_later_month + len(self.later_counts))

    @cached_property
    def later_by_year(self) -> NDArray[np.int64]:
        """`(year,)`: how many of the later months fall in each target year."""
        return np.array([int((years_of(self.later_months) == year).sum()) for year in self.years])

    def remainders_at_cutoff(self, totals: Array) -> Array:
        """What the months unknown at the cutoff must add up to, for totals `(draw, year)`."""
        return totals - self.counted_at_cutoff

    def without_later_months(self) -> "Observation":
        """The same calendar as it stood at the cutoff."""
        return replace(
            self,
            counted=self.counted_at_cutoff,
            months_counted=self.months_counted - self.later_by_year,
            later_counts=np.empty(0),
        )


def observe(
    at_cutoff: MonthlySeries, in_force: MonthlySeries, cutoff: date, horizon_years: int
) -> Observation:
    """Split the target years' months by what was known at the cutoff and at `as_of` (see `figures_in_force`).

    Months after the target years say nothing that is asked for and are left out. Raises ValueError when the cutoff
    knew no month at all.
    """
    years = tuple(range(cutoff.year, cutoff.year + horizon_years))
    first_later = last_usable_month(at_cutoff, cutoff.year, filled_gaps(at_cutoff, in_force)) + 1
    beyond = np.datetime64(f"{years[-1] + 1}-01", "M")
    counts = {month: count for month, count in _available(in_force).items() if month < beyond}
    end = first_later
    while end in counts:
        end = end + 1
    before = _months_before(first_later, cutoff.year)
    months = np.concatenate([before, np.arange(first_later, end)])
    values = np.array([counts[month] for month in months])
    return Observation(
        years=years,
        counted_at_cutoff=_by_year(before, values[: len(before)], years),
        counted=_by_year(months, values, years),
        months_counted=np.array([int((years_of(months) == year).sum()) for year in years]),
        first_later_month=first_later,
        later_counts=values[len(before) :],
        unused_months=sum(bool(month > end) for month in counts),
    )


def figures_in_force(at_cutoff: MonthlySeries, at_as_of: MonthlySeries, cutoff: date) -> MonthlySeries:
    """The figures of `as_of`; a month of the target years retracted since keeps the figure the cutoff knew.

    A retraction says that a figure was wrong, not that nobody came: without any figure the year's total would
    miss a month that the experts had counted in.
    """
    old, new = _available(at_cutoff), _available(at_as_of)
    filled = filled_gaps(at_cutoff, at_as_of)
    before = _months_before(last_usable_month(at_cutoff, cutoff.year, filled) + 1, cutoff.year)
    kept = {month: old[month] for month in before if month not in new}
    if not kept:
        return at_as_of
    figures = kept | new
    months = np.arange(min(figures), max(figures) + 1)
    noise = dict(zip(at_cutoff.months, at_cutoff.extra, strict=True))
    noise |= {m: f for m, f in zip(at_as_of.months, at_as_of.extra, strict=True) if m not in kept}
    counts = np.array([figures.get(month, np.nan) for month in months])
    return MonthlySeries(
        months, counts, at_as_of.label, np.array([noise.get(month, 0.0) for month in months])
    )


def filled_gaps(at_cutoff: MonthlySeries, in_force: MonthlySeries) -> frozenset[np.datetime64]:
    """Months without a figure at the cutoff that have one now, before the last month that the cutoff knew."""
    known = _available(at_cutoff)
    last = max(known, default=None)
    return frozenset(
        month for month in _available(in_force) if last is not None and month < last and month not in known
    )


def last_usable_month(
    series: MonthlySeries, first_year: int, filled: Collection[np.datetime64] = ()
) -> np.datetime64:
    """The last month before the first gap in the target years, or the last one known before them.

    Months `filled` since are no gaps. Raises ValueError for a series without any figure.
    """
    counts = {*_available(series), *filled}
    if not counts:
        raise ValueError(f"no month of {series.label or 'the series'} was known")
    start = np.datetime64(f"{first_year}-01", "M")
    last = max((month for month in counts if month < start), default=start - 1)
    if last < start - 1:
        return last  # the year before is not finished, so this year's months lie behind a gap
    while last + 1 in counts:
        last = last + 1
    return last


def _available(series: MonthlySeries) -> dict[np.datetime64, float]:
    seen = series.available
    return dict(zip(series.months[seen], series.counts[seen].tolist(), strict=True))


def _months_before(first_later: np.datetime64, first_year: int) -> Months:
    """Months of the target years up to `first_later`, none when it lies before them."""
    start = np.datetime64(f"{first_year}-01", "M")
    return np.arange(start, max(first_later, start))


def _by_year(months: Months, values: Array, years: tuple[int, ...]) -> Array:
    of = years_of(months)
    return np.array([values[of == year].sum() for year in years])


def years_of(months: Months) -> NDArray[np.int64]:
    """The calendar year of every month."""
    return months.astype("datetime64[Y]").astype(np.int64) + 1970
