"""From stored figures to the splits of a forecast: what was known, whose nationalities, and the shares elsewhere.

    nationalities = the largest by persons over the last three years known, at most fifteen; all others are OTHER
    periods       = of the source that tells nationalities apart in most periods; years from another where it has none
    total of a year of nationalities = the sum of its twelve months, of the same source, else of the first
    anchor        = shares among the other countries' persons, per year with a total of twelve months

Figures pass the filter of vintages first, so nothing published after `as_of` is seen, also elsewhere. Codes that are
no nationality (stateless, unknown, sums of countries) stay in the rest. Web-safe; must not know storage or HTTP.
"""

from datetime import date

import numpy as np
import pandas as pd

from models.composition.data import OTHER, TOTAL, CompositionData, composition_data
from models.series import Array, Months
from models.vintage import known_at

MOST_CITIZENS = 15
RECENT_YEARS = 3
LEAST_PERIODS = 12
"""Periods that must tell nationalities apart before shares are forecast: a year of months, three of quarters."""

_NATIONALITY = r"[A-Z]{2}"
_COUNTRY = r"[A-Z]{2}"
_MONTH = r"[0-9]{4}-[0-9]{2}"
_SUMS_OF_COUNTRIES = ("EU", "EA")


def known_composition(
    realisations: pd.DataFrame,
    series: str,
    geo: str,
    as_of: date,
    *,
    most: int = MOST_CITIZENS,
    rounding: float = 5.0,
    also: tuple[str, ...] = (),
) -> CompositionData | None:
    """The splits of a series in a country as known at `as_of`; None where too few periods tell nationalities apart.

    `realisations` are bitemporal rows of the series with nationalities, of `geo` and, for the anchor, of other
    countries. `also` are nationalities to tell apart besides. The source is the one of `geo` that tells nationalities
    apart in most periods, of equals the first by name; whole years may come from another.
    """
    known = _known(realisations, series, as_of)
    here = _told_apart(known[known["geo"] == geo])
    if here is None:
        return None
    citizens = largest(here[here["citizen"] != TOTAL], most)
    citizens = (*citizens, *(name for name in also if name not in citizens))
    return composition_data(here, citizens, rounding=rounding, anchor=shares_elsewhere(known, geo, citizens))


def nationalities(
    realisations: pd.DataFrame, series: str, geo: str, as_of: date, most: int = MOST_CITIZENS
) -> tuple[str, ...]:
    """The nationalities that `known_composition` tells apart, from rows of `geo` alone; none where it gives None."""
    known = _known(realisations, series, as_of)
    here = _told_apart(known[known["geo"] == geo])
    return () if here is None else largest(here[here["citizen"] != TOTAL], most)


def counted_by_nationality(
    realisations: pd.DataFrame, series: str, geo: str, as_of: date, citizens: tuple[str, ...], months: Months
) -> Array:
    """`(month, citizen)` persons known of the months, the last of `citizens` being the rest; NaN rows where unknown."""
    out = np.full((len(months), len(citizens)), np.nan)
    known = _known(realisations, series, as_of)
    here = _told_apart(known[known["geo"] == geo])
    if here is None:
        return out
    by_month = here.pivot_table(index="period", columns="citizen", values="value", aggfunc="first")
    names = [str(month) for month in months]
    told = by_month.reindex(index=names, columns=[*citizens[:-1], TOTAL]).astype(float).to_numpy()
    named = np.nan_to_num(told[:, :-1])
    out[:, :-1], out[:, -1] = named, np.maximum(told[:, -1] - named.sum(axis=1), 0.0)
    out[np.isnan(told[:, -1])] = np.nan
    return out


def _known(realisations: pd.DataFrame, series: str, as_of: date) -> pd.DataFrame:
    """Rows of the series known on a day, of totals and nationalities, all tracks together."""
    track = realisations["track"]
    wanted = (realisations["series"] == series) & (track.isna() | (track == ""))
    known = known_at(realisations[wanted], as_of)
    return known[known["citizen"].eq(TOTAL) | known["citizen"].str.fullmatch(_NATIONALITY)]


def _told_apart(here: pd.DataFrame) -> pd.DataFrame | None:
    """The rows that tell nationalities apart, every period from one source; None where there are too few."""
    named = here[here["citizen"] != TOTAL]
    periods = named.groupby("source")["period"].nunique()
    if periods.empty or periods.max() < LEAST_PERIODS:
        return None
    first = _most(periods)
    chosen, yearly = here[here["source"] == first], named[_is_year(named)]
    elsewhere = yearly[(yearly["source"] != first) & ~yearly["period"].isin(chosen["period"])]
    if len(elsewhere):
        other = _most(elsewhere.groupby("source")["period"].nunique())
        chosen = pd.concat([chosen, elsewhere[elsewhere["source"] == other]], ignore_index=True)
    return pd.concat([chosen, _totals_of_years(chosen, here, first)], ignore_index=True)


def _most(periods: pd.Series) -> str:
    return str(min(periods[periods == periods.max()].index))


def _is_year(rows: pd.DataFrame) -> pd.Series:
    return rows["period"].astype(str).str.len() == len("YYYY")


def _totals_of_years(chosen: pd.DataFrame, here: pd.DataFrame, first: str) -> pd.DataFrame:
    """A `TOTAL` row for every year of `chosen` of which all twelve months' totals are known by one source."""
    sums = _sums_of_months(here[here["citizen"] == TOTAL])["value"].to_dict()
    rows = []
    for (year, source), _ in chosen[_is_year(chosen)].groupby(["period", "source"]):
        total = next((sums[year, name] for name in (source, first) if (year, name) in sums), None)
        if total is not None:
            rows.append({"citizen": TOTAL, "period": year, "source": source, "value": total})
    return pd.DataFrame(rows, columns=["citizen", "period", "source", "value"])


def _sums_of_months(totals: pd.DataFrame, *by: str) -> pd.DataFrame:
    """`value` by year, source and `by`, of the years of which twelve months are known."""
    months = totals[totals["period"].astype(str).str.fullmatch(_MONTH)]
    year = months["period"].astype(str).str[:4].rename("year")
    values = pd.to_numeric(months["value"]).astype(float).rename("value")
    sums = values.groupby([year, months["source"], *(months[name] for name in by)]).agg(["size", "sum"])
    return sums[sums["size"] == 12].rename(columns={"sum": "value"})[["value"]]


def largest(named: pd.DataFrame, most: int) -> tuple[str, ...]:
    """Nationalities by persons in the last three years of the figures, largest first, of equals by name.

    Persons of a year are those of its months, its quarters or the year itself, whichever names more: never a sum.
    """
    by_year = _persons_by_year(named)
    year = by_year.index.get_level_values("year").astype(int)
    persons = by_year[year > year.max() - RECENT_YEARS].groupby("citizen").sum()
    ordered = sorted(persons.index, key=lambda citizen: (-persons[citizen], citizen))
    return tuple(ordered[:most])


def _persons_by_year(named: pd.DataFrame, *by: str) -> pd.Series:
    """Persons by `year`, `by` and `citizen`."""
    period = named["period"].astype(str)
    kind = period.str.len().where(~period.str.contains("Q"), 0).rename("kind")
    keys = [period.str[:4].rename("year"), *(named[name] for name in by), named["citizen"], kind]
    sums = pd.to_numeric(named["value"]).astype(float).groupby(keys).sum()
    persons: pd.Series = sums.groupby(level=list(range(len(keys) - 1))).max()
    return persons


def shares_elsewhere(known: pd.DataFrame, geo: str, citizens: tuple[str, ...]) -> pd.DataFrame | None:
    """A row per year (`period`) with shares of `citizens` and OTHER among the countries but `geo`; None without any.

    Each person once: the countries of a year are those whose total is known in all its months by a source that names
    `citizens`, by month or for the year; of several sources the first by name.
    """
    country = known["geo"].str.fullmatch(_COUNTRY) & ~known["geo"].isin(_SUMS_OF_COUNTRIES)
    others = known[country & (known["geo"] != geo)]
    named = others[others["citizen"].isin(citizens)]
    if named.empty:
        return None
    persons = _persons_by_year(named, "source", "geo").rename("persons").reset_index()
    totals = _sums_of_months(others[others["citizen"] == TOTAL], "geo").reset_index()
    told = totals.merge(persons[["year", "source", "geo"]].drop_duplicates())
    told = told.sort_values(["year", "geo", "source"]).drop_duplicates(["year", "geo"])
    if told.empty:
        return None
    counted = persons.merge(told[["year", "source", "geo"]])
    by_year = counted.pivot_table(index="year", columns="citizen", values="persons", aggfunc="sum")
    sums = told.groupby("year")["value"].sum()
    shares = by_year.reindex(columns=list(citizens)).div(sums[sums > 0], axis=0).dropna(how="all")
    rest = 1 - shares.sum(axis=1)
    return shares.assign(**{OTHER: rest.where(rest > 0)}).reset_index(names="period")
