"""What one source says of a flow as known on a day: figures, how complete they are, and what is known of their noise.

    log count, corrected = log(figure) + still to come at its age             (`completeness`)
    known variance       = rounding to five + what the correction leaves open

A figure in multiples of five stands for a number at most 2.5 away: variance 25 / 12 persons squared. A figure flagged
provisional or estimated, of a source whose revisions are not known, gets the stated noise.
What was known is decided by `models.vintage` alone. This module knows nothing of other sources or of the flow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.measurement.completeness import (
    STATED,
    Completeness,
    Revisions,
    ages_at,
    learn_revisions,
    stated_noise,
)
from models.panel.series import UNCERTAIN_FLAGS
from models.series import Array, MonthlySeries, Months, log_counts, monthly_series
from models.vintage import known_at

PAIR = ("eurostat", "kmi")
"""The two measurements of one flow, in the order in which they are asked to be the reference."""

MEASURED_TWICE = frozenset({"NL"})
"""Countries of which both are expected: KMI+ knows the Netherlands only."""

SYNTHETIC = "synthetic"

ROUNDING_VARIANCE = 25 / 12
"""Persons squared: a number rounded to five is up to 2.5 away, every distance equally probable."""

_LEAST_FOR_ROUNDING = 12


@dataclass(frozen=True)
class SourceFigures:
    """`series` as published; `shift` and `variance` (month,) on the log scale; `provisional` (month,) by flag.

    `variance` is NaN-free; months without a figure hold zeros.
    """

    source: str
    series: MonthlySeries
    shift: Array
    variance: Array
    provisional: NDArray[np.bool_]
    completeness: Completeness

    @property
    def log_counts(self) -> Array:
        """`(month,)` log counts with what is still to come, NaN without a figure."""
        return log_counts(self.series.counts) + self.shift

    def on(self, months: Months) -> "SourceFigures":
        """The same figures on another calendar that holds all their months."""
        place = np.searchsorted(months, self.series.months)

        def laid(values: Array, empty: float) -> Array:
            whole = np.full(len(months), empty)
            whole[place] = values
            return whole

        series = MonthlySeries(months, laid(self.series.counts, np.nan), self.series.label)
        provisional = laid(self.provisional.astype(float), 0.0) > 0
        return SourceFigures(
            self.source,
            series,
            laid(self.shift, 0.0),
            laid(self.variance, 0.0),
            provisional,
            self.completeness,
        )


def source_figures(
    rows: pd.DataFrame, source: str, geo: str, as_of: date, revisions: Revisions | None, label: str = ""
) -> SourceFigures:
    """One source's figures of one country as in force on a day.

    `rows` are bitemporal rows (`vintage.KEY`) of one series, citizenship and all tracks, by month, of any source and
    country; later ones are not looked at. `revisions` are the source's, as known on the day.
    """
    in_force = known_at(rows[(rows["source"] == source) & (rows["geo"] == geo)], as_of)
    series = monthly_series(in_force, label)
    flagged = {str(p) for p, f in zip(in_force["period"], in_force["flag"], strict=True) if _uncertain(f)}
    provisional = np.array([str(month) in flagged for month in series.months], dtype=bool)
    completeness = revisions.completeness(geo) if revisions else STATED
    shift, variance = completeness.of(ages_at(series.months, as_of))
    if not completeness.learned:
        variance = np.where(provisional, stated_noise(series.counts), 0.0)
    seen = series.available
    return SourceFigures(
        source, series, np.where(seen, shift, 0.0), np.where(seen, variance, 0.0), provisional, completeness
    )


def _uncertain(flag: object) -> bool:
    return isinstance(flag, str) and bool(UNCERTAIN_FLAGS & set(flag))


def revisions_by_source(
    rows: pd.DataFrame, as_of: date, sources: Iterable[str]
) -> dict[str, Revisions | None]:
    """What each source's revisions taught by a day, over all its countries in `rows`."""
    return {source: learn_revisions(rows[rows["source"] == source], as_of) for source in set(sources)}


def monthly_totals(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of months that count all tracks together."""
    track = rows["track"]
    months = rows["period"].astype(str).str.fullmatch(r"[0-9]{4}-[0-9]{2}")
    return rows[(track.isna() | (track == "")) & months]


def measuring_sources(rows: pd.DataFrame, geo: str, as_of: date) -> tuple[str, ...]:
    """The sources that make a country's series: those of the pair that have figures, else the one with most months.

    Other sources are compilations of the same counts, so they are never averaged with the pair; synthetic figures
    stand in for real ones only where there are none. Empty when nothing was known on the day.
    """
    known = known_at(rows[rows["geo"] == geo], as_of)
    months = known.groupby("source")["period"].nunique()
    pair = tuple(source for source in PAIR if source in months.index)
    if pair:
        return pair
    real = months.drop(index=SYNTHETIC, errors="ignore")
    candidates = real if len(real) else months
    return (
        (str(min(candidates.index, key=lambda source: (-candidates[source], source))),)
        if len(candidates)
        else ()
    )


def expected_sources(geo: str, present: tuple[str, ...]) -> tuple[str, ...]:
    """The sources a reader expects figures of, given those there are."""
    return PAIR if geo in MEASURED_TWICE and set(present) & set(PAIR) else present


def rounding_variance(counts: Array) -> Array:
    """`(month,)` variance on the log scale where all figures are multiples of five; zeros otherwise."""
    seen = np.isfinite(counts)
    rounds = seen.sum() >= _LEAST_FOR_ROUNDING and bool(np.all(counts[seen] % 5 == 0))
    size = np.maximum(np.where(seen, counts, 1.0), 2.5)
    return np.where(seen & rounds, ROUNDING_VARIANCE / size**2, 0.0)
