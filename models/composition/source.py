"""From stored figures to the splits of a forecast: what was known, whose nationalities, and the shares elsewhere.

    nationalities = the largest by persons over the last three years known, at most fifteen; all others are OTHER
    anchor        = shares among the other countries' persons, per year with a total of twelve months or of the year

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
    apart in most periods, of equals the first by name.
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
    """The rows of the source that tells nationalities apart in most periods; None where there are too few."""
    periods = here[here["citizen"] != TOTAL].groupby("source")["period"].nunique()
    if periods.empty or periods.max() < LEAST_PERIODS:
        return None
    return here[here["source"] == str(min(periods[periods == periods.max()].index))]


def largest(named: pd.DataFrame, most: int) -> tuple[str, ...]:
    """Nationalities by persons in the last three years of the figures, largest first, of equals by name."""
    year = named["period"].astype(str).str[:4].astype(int)
    recent = named[year > year.max() - RECENT_YEARS]
    persons = pd.to_numeric(recent["value"]).groupby(recent["citizen"]).sum()
    ordered = sorted(persons.index, key=lambda citizen: (-persons[citizen], citizen))
    return tuple(ordered[:most])


def shares_elsewhere(known: pd.DataFrame, geo: str, citizens: tuple[str, ...]) -> pd.DataFrame | None:
    """A row per year (`period`) with shares of `citizens` and OTHER among the countries but `geo`; None without any.

    Months only, each once: the countries of a year are those whose total is known in all its months, by one source.
    """
    months = known["period"].astype(str).str.fullmatch(r"[0-9]{4}-[0-9]{2}")
    country = known["geo"].str.fullmatch(_COUNTRY) & ~known["geo"].isin(_SUMS_OF_COUNTRIES)
    others = known[months & country & (known["geo"] != geo)]
    others = others.assign(
        year=others["period"].astype(str).str[:4], value=pd.to_numeric(others["value"]).astype(float)
    )
    key = ["year", "geo", "source"]
    totals = others[others["citizen"] == TOTAL].groupby(key)["value"].agg(["size", "sum"])
    whole = totals[totals["size"] == 12].reset_index().drop_duplicates(["year", "geo"])
    named = others[others["citizen"].isin(citizens)].merge(whole[key], on=key)
    if named.empty:
        return None
    persons = named.pivot_table(index="year", columns="citizen", values="value", aggfunc="sum")
    telling = named[["year", "geo", "source"]].drop_duplicates().merge(whole, on=key)
    sums = telling.groupby("year")["sum"].sum()
    shares = persons.reindex(columns=list(citizens)).div(sums[sums > 0], axis=0).dropna(how="all")
    rest = 1 - shares.sum(axis=1)
    return shares.assign(**{OTHER: rest.where(rest > 0)}).reset_index(names="period")
