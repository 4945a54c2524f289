"""Monthly counts of several countries on one calendar, the shape in which the hierarchical model takes its data.

    counts[t, i] = persons in months[t] in country geos[i], NaN where no figure is available

Two remarks travel with the counts, because a forecaster that ignores them is wrong: `restarts` are the months at
which what a country counts changed (a declared break, or Eurostat's flag b), so that earlier levels say nothing
about later ones; `extra` is the noise of figures that are not settled, a provisional or estimated one (flags p and e)
by default `UNCERTAIN_EXTRA`.
This module knows nothing of models, PyMC or HTTP.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.series import Array, MonthlySeries, Months, month_of
from models.vintage import known_at

Place = tuple[str, np.datetime64]
"""A country's month: (geo, month)."""

BREAK_FLAGS = frozenset("b")
UNCERTAIN_FLAGS = frozenset("pe")

UNCERTAIN_EXTRA = 0.25
"""Variance that a provisional or estimated figure adds, as a part of a one-step error's: its noise is an eighth wider
and the level learns a fifth less from it. A stated default. Where vintages were compared, the newest months were
revised by 4 to 8 % on average (Eurostat 2015-2018), a fifth to a third of a typical one-step error."""


@dataclass(frozen=True)
class PanelSeries:
    """`months` (month,) datetime64[M], consecutive; `counts` (month, geo) persons, NaN = not available.

    `extra` (month, geo) is the added noise of each figure (`models.series`); without it all are settled. Raises
    ValueError for a calendar with holes, shapes that do not match, a geo given twice, negative or infinite counts,
    added noise that is negative or not finite, and a remark about a country that is not there.
    """

    months: Months
    counts: Array
    geos: tuple[str, ...]
    restarts: frozenset[Place] = frozenset()
    extra: Array = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.months), len(self.geos)):
            raise ValueError(
                f"counts {self.counts.shape} are not {len(self.months)} months of {len(self.geos)} geos"
            )
        if not self.extra.size:
            object.__setattr__(self, "extra", np.zeros(self.counts.shape))
        if self.extra.shape != self.counts.shape:
            raise ValueError(
                f"added noise {self.extra.shape} is not one number per count {self.counts.shape}"
            )
        if len(set(self.geos)) != len(self.geos):
            raise ValueError("a geo occurs more than once")
        unknown = {geo for geo, _ in self.restarts} - set(self.geos)
        if unknown:
            raise ValueError(f"remarks about {sorted(unknown)[0]}, which is not in the panel")
        for column, noise in zip(self.counts.T, self.extra.T, strict=True):
            MonthlySeries(self.months, column, extra=noise)

    def until(self, last_month: np.datetime64) -> "PanelSeries":
        """The panel up to and including a month, with the same countries."""
        kept = self.months <= last_month
        restarts = frozenset(place for place in self.restarts if place[1] <= last_month)
        return PanelSeries(self.months[kept], self.counts[kept], self.geos, restarts, self.extra[kept])

    def only(self, geos: Iterable[str]) -> "PanelSeries":
        """The panel of some of its countries, in the given order. Raises KeyError for one that is not there."""
        chosen = tuple(geos)
        columns = [self._column(geo) for geo in chosen]
        restarts = frozenset(place for place in self.restarts if place[0] in chosen)
        return PanelSeries(self.months, self.counts[:, columns], chosen, restarts, self.extra[:, columns])

    def with_one(self, geo: str, series: MonthlySeries) -> "PanelSeries":
        """The panel with another series for one country, which may be new; restarts stay, the calendar grows to fit."""
        span = np.concatenate([self.months, series.months])
        months = np.arange(span.min(), span.max() + 1) if len(span) else span
        geos = self.geos if geo in self.geos else (*self.geos, geo)
        counts, extra = np.full((len(months), len(geos)), np.nan), np.zeros((len(months), len(geos)))
        here = np.searchsorted(months, self.months)
        counts[here, : len(self.geos)], extra[here, : len(self.geos)] = self.counts, self.extra
        column, there = geos.index(geo), np.searchsorted(months, series.months)
        counts[:, column], extra[:, column] = np.nan, 0.0
        counts[there, column], extra[there, column] = series.counts, series.extra
        return replace(self, months=months, counts=counts, geos=geos, extra=extra)

    def one(self, geo: str) -> MonthlySeries:
        """A country's series from its first month with a figure to the panel's last month.

        Without any figure the series is empty. Raises KeyError for a country that is not there.
        """
        column = self._column(geo)
        counts = self.counts[:, column]
        seen = np.flatnonzero(np.isfinite(counts))
        first = seen[0] if len(seen) else len(counts)
        return MonthlySeries(self.months[first:], counts[first:], geo, self.extra[first:, column])

    def current(self, geo: str) -> MonthlySeries:
        """As `one`, but only since the country's last restart: the months its present level follows from.

        A restart that no figure followed yet changes nothing.
        """
        whole = self.one(geo)
        seen = whole.months[whole.available]
        restarts = [month for month in self.restarts_of(geo) if len(seen) and month <= seen[-1]]
        return whole.since(seen[seen >= restarts[-1]][0]) if restarts else whole

    def restarts_of(self, geo: str) -> list[np.datetime64]:
        """Months at which a country's level restarts, in order."""
        return sorted(month for where, month in self.restarts if where == geo)

    def _column(self, geo: str) -> int:
        try:
            return self.geos.index(geo)
        except ValueError as error:
            raise KeyError(geo) from error


def panel_series(frame: pd.DataFrame, breaks: Mapping[str, Iterable[str]] | None = None) -> PanelSeries:
    """Panel from the columns `period` ('YYYY-MM'), `geo`, `value` (missing = not available) and perhaps `flag`.

    Countries are in alphabetical order; the calendar runs from the first to the last period. `breaks` declares, per
    geo, the months ('YYYY-MM') at which its level restarts, beside those flagged b. Raises ValueError for a period
    that is no month and for one that occurs twice in a country.
    """
    twice = frame.duplicated(["geo", "period"])
    if twice.any():
        row = frame[twice].iloc[0]
        raise ValueError(f"{row['geo']} has period {row['period']} more than once")
    geos = tuple(sorted({str(geo) for geo in frame["geo"]}))
    given = np.array([month_of(str(period)) for period in frame["period"]], dtype="datetime64[M]")
    months = np.arange(given.min(), given.max() + 1) if len(given) else given
    rows = np.searchsorted(months, given)
    columns = np.searchsorted(np.array(geos, dtype=str), frame["geo"].to_numpy(dtype=str))
    counts, extra = np.full((len(months), len(geos)), np.nan), np.zeros((len(months), len(geos)))
    extra[rows, columns] = UNCERTAIN_EXTRA * _flagged(frame, UNCERTAIN_FLAGS)
    counts[rows, columns] = pd.to_numeric(frame["value"]).to_numpy(dtype=float, na_value=np.nan)
    broken = _flagged(frame, BREAK_FLAGS)
    flagged = set(zip(frame["geo"].astype(str)[broken], given[broken], strict=True))
    declared = {(geo, month_of(period)) for geo in breaks or {} for period in (breaks or {})[geo]}
    return PanelSeries(
        months,
        counts,
        geos,
        frozenset(declared & _inside(geos, declared) | flagged),
        extra,
    )


def panel_known_at(
    realisations: pd.DataFrame,
    as_of: date,
    series: str,
    *,
    source: str = "eurostat",
    citizen: str = "TOTAL",
    breaks: Mapping[str, Iterable[str]] | None = None,
) -> PanelSeries:
    """The panel of one series and source as it was known on a day, from bitemporal rows (`vintage.KEY`)."""
    track = realisations["track"]
    wanted = (
        (realisations["series"] == series)
        & (realisations["source"] == source)
        & (realisations["citizen"] == citizen)
        & (track.isna() | (track == ""))
        & realisations["period"].astype(str).str.fullmatch(r"[0-9]{4}-[0-9]{2}")
    )
    return panel_series(known_at(realisations[wanted], as_of), breaks)


def _inside(geos: tuple[str, ...], places: set[Place]) -> set[Place]:
    """Declared breaks are a fixed list; a panel may hold fewer countries than the list."""
    return {place for place in places if place[0] in geos}


def _flagged(frame: pd.DataFrame, letters: frozenset[str]) -> NDArray[np.bool_]:
    """`(row,)`: whether the flag holds one of the letters; flags combine, as in `bp`."""
    if "flag" not in frame:
        return np.zeros(len(frame), dtype=bool)
    flags = ("" if pd.isna(flag) else str(flag) for flag in frame["flag"])
    return np.array([bool(letters & set(flag)) for flag in flags], dtype=bool)
