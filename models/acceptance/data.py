"""Decisions on asylum applications as tables of periods by series: what was decided, and how much of it positively.

    series     one nationality in one track (*spoor*); a delivery without tracks has the track ''
    elsewhere  log((positive + 1/2) / (negative + 1/2)) of the nationality in the other countries, averaged with
               weights total / (total + 50) and a memory that halves in 0.75 year, known when the period began

A period without decisions has a total of zero and says nothing; so has a period that is missing, which is named.
This module knows nothing of priors, PyMC or files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.series import Array

MOST_CITIZENS = 200
OTHER = "OTHER"
_QUARTER = r"[12][0-9]{3}-Q[1-4]"
_YEAR = r"[12][0-9]{3}"
_MEMORY_YEARS = 0.75
_FULL_WEIGHT = 50.0
_LEAST_WEIGHT = 0.2


class DecisionsRefused(ValueError):
    """Decisions that cannot be counts of people decided on; `faults` holds (row or column, what to do)."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{where}: {detail}" for where, detail in self.faults))


@dataclass(frozen=True)
class AcceptanceData:
    """Counts of decisions in consecutive periods.

    `periods` (period,) 'YYYY-Qn' or 'YYYY'; `citizens`, `tracks` (series,); `positive`, `total` (period, series)
    decisions; `elsewhere` (period + 1, series) log odds in other countries known when a period began, the last row
    when the next one does, 0 where `told` (the same shape, 0 to 1) says nothing is known. Raises ValueError for
    shapes that do not match, periods with holes, or positive decisions that are more than all.
    """

    periods: tuple[str, ...]
    citizens: tuple[str, ...]
    tracks: tuple[str, ...]
    positive: Array
    total: Array
    elsewhere: Array
    told: Array

    def __post_init__(self) -> None:
        shape = (len(self.periods), len(self.citizens))
        ahead = (shape[0] + 1, shape[1])
        if not self.positive.shape == self.total.shape == shape or len(self.tracks) != shape[1]:
            raise ValueError(f"{shape} periods and series do not match {self.positive.shape} counts")
        if not self.elsewhere.shape == self.told.shape == ahead:
            raise ValueError(f"log odds elsewhere must be {ahead}, not {self.elsewhere.shape}")
        if np.any(self.positive < 0) or np.any(self.positive > self.total):
            raise ValueError("positive decisions lie between 0 and the decisions of their period")
        if self.periods != consecutive(self.periods[0], self.periods[-1]):
            raise ValueError("periods must be consecutive; use a total of zero for one without decisions")

    @property
    def years(self) -> float:
        """Length of a period."""
        return 0.25 if "Q" in self.periods[0] else 1.0

    @property
    def first(self) -> NDArray[np.int64]:
        """`(series,)` first period with a decision; the number of periods where there is none."""
        decided = self.total > 0
        return np.where(decided.any(axis=0), decided.argmax(axis=0), len(self.periods))

    def until(self, period: str) -> "AcceptanceData":
        """The same up to and including a period."""
        end = self.periods.index(period) + 1
        return replace(
            self,
            periods=self.periods[:end],
            positive=self.positive[:end],
            total=self.total[:end],
            elsewhere=self.elsewhere[: end + 1],
            told=self.told[: end + 1],
        )


@dataclass(frozen=True)
class PolicyBreak:
    """A declared change of policy from `period` on, of one nationality or (None) of all.

    Its effect on the log odds has the prior Normal(`mean`, `sd`).
    """

    period: str
    citizen: str | None = None
    mean: float = 0.0
    sd: float = 1.0


def acceptance_data(
    frame: pd.DataFrame, elsewhere: pd.DataFrame | None = None, *, until: str | None = None
) -> AcceptanceData:
    """Tables from rows of `citizen`, `track`, `period`, `positive`, `total`.

    `elsewhere` is what `pooled_elsewhere` gives of the other countries; only what ended before a period tells about
    it. Series are in the order of their names, periods run to `until` or to the last given. Raises
    DecisionsRefused with every fault: see `faults_of`.
    """
    faults = faults_of(frame, until)
    if faults:
        raise DecisionsRefused(faults)
    periods = consecutive(str(frame["period"].min()), until or str(frame["period"].max()))
    wide = frame.pivot_table(
        index="period", columns=["citizen", "track"], values=["positive", "total"], aggfunc="sum"
    ).reindex(periods)
    keys = wide["total"].columns
    citizens, tracks = (tuple(keys.get_level_values(level).astype(str)) for level in (0, 1))
    odds, told = _log_odds_elsewhere(elsewhere, periods, citizens)
    positive, total = (wide[name][keys].fillna(0).to_numpy(float) for name in ("positive", "total"))
    return AcceptanceData(periods, citizens, tracks, positive, total, odds, told)


def faults_of(frame: pd.DataFrame, until: str | None = None) -> list[tuple[str, str]]:
    """Everything wrong with rows of decisions as (row, remedy); a row is named by its index."""
    if frame.empty:
        return [("rows", "there are no decisions; deliver decisions_total and decisions_positive")]
    kinds = {
        "quarter": frame["period"].astype(str).str.fullmatch(_QUARTER),
        "year": frame["period"].astype(str).str.fullmatch(_YEAR),
    }
    if not (kinds["quarter"].all() or kinds["year"].all()):
        return [("period", "give every period as a quarter (2024-Q1), or every one as a year (2024)")]
    positive, total = (pd.to_numeric(frame[name], errors="coerce") for name in ("positive", "total"))
    broken = (positive % 1 != 0) | (total % 1 != 0) | positive.isna() | total.isna()
    if broken.any() and positive.between(0, 1).all():
        return [("positive", "looks like rates; deliver counts of decisions, positive and in total")]
    if (total == 100).all() and len(frame) > 3:
        return [("total", "is 100 in every row: these are percentages; deliver counts of decisions")]
    checks = (
        (broken | (positive < 0) | (total < 0), "must be whole numbers of decisions, 0 or more"),
        (positive > total, "has more positive decisions than decisions; correct either"),
        (frame.duplicated(["citizen", "track", "period"]), "gives a nationality's period a second time"),
    )
    faults = [(f"row {row}", detail) for wrong, detail in checks for row in frame.index[wrong]]
    if until is not None:
        later = frame.index[frame["period"].astype(str) > until]
        faults += [(f"row {row}", f"lies after {until}, the last period that can be known") for row in later]
    if frame["citizen"].nunique() > MOST_CITIZENS:
        faults.append(
            ("citizen", f"has more than {MOST_CITIZENS} nationalities; merge the smallest into {OTHER}")
        )
    return faults


def missing_periods(frame: pd.DataFrame) -> tuple[str, ...]:
    """Periods between the first and the last for which no row exists at all."""
    given = frame["period"].astype(str)
    return tuple(period for period in consecutive(given.min(), given.max()) if period not in set(given))


def consecutive(first: str, last: str) -> tuple[str, ...]:
    """All quarters 'YYYY-Qn' or years 'YYYY' from `first` to `last`."""
    frequency = "Q" if "Q" in first else "Y"
    calendar = pd.period_range(first.replace("-", ""), last.replace("-", ""), freq=frequency)
    return tuple(f"{p.year}-Q{p.quarter}" if frequency == "Q" else str(p.year) for p in calendar)


def following(last: str, count: int) -> tuple[str, ...]:
    """The `count` periods after `last`."""
    frequency = "Q" if "Q" in last else "Y"
    period = pd.Period(last.replace("-", ""), freq=frequency)
    return consecutive(last, _named(period + count))[1:]


def _named(period: pd.Period) -> str:
    return f"{period.year}-Q{period.quarter}" if "Q" in str(period) else str(period.year)


def _log_odds_elsewhere(
    elsewhere: pd.DataFrame | None, periods: Sequence[str], citizens: Sequence[str]
) -> tuple[Array, Array]:
    """`(period + 1, series)` log odds, centred on their weighted mean, and how far they can be trusted (0 to 1)."""
    shape = (len(periods) + 1, len(citizens))
    if elsewhere is None or elsewhere.empty:
        return np.zeros(shape), np.zeros(shape)
    earlier = consecutive(min(periods[0], str(elsewhere["period"].min())), periods[-1])
    sums = {
        name: elsewhere.pivot_table(index="period", columns="citizen", values=name, aggfunc="sum")
        .reindex(index=earlier, columns=sorted(set(citizens)))
        .fillna(0)
        .to_numpy(float)
        for name in ("weight", "weighted")
    }
    kept = 0.5 ** ((0.25 if "Q" in periods[0] else 1.0) / _MEMORY_YEARS)
    weight, weighted = np.zeros(sums["weight"].shape[1]), np.zeros(sums["weight"].shape[1])
    odds, told = [np.zeros_like(weight)], [np.zeros_like(weight)]
    for w, y in zip(sums["weight"], sums["weighted"], strict=True):
        weight, weighted = kept * weight + w, kept * weighted + y
        odds.append(np.where(weight > 0, weighted / np.maximum(weight, 1e-12), 0.0))
        told.append(weight / (weight + _LEAST_WEIGHT))
    places = [sorted(set(citizens)).index(name) for name in citizens]
    found, trust = (np.stack(rows)[-shape[0] :][:, places] for rows in (odds, told))
    centre = (found * trust).sum() / max(trust.sum(), 1e-12)
    return np.where(trust > 0, found - centre, 0.0), trust


def pooled_elsewhere(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows `citizen`, `period`, `weight`, `weighted` from rows of single countries (`geo`, `citizen`, `period`,
    `positive`, `total`): every country's log odds, weighed by how much it decided."""
    summed = rows.groupby(["geo", "citizen", "period"], as_index=False)[["positive", "total"]].sum()
    summed = summed[summed["total"] > 0]
    weight = summed["total"] / (summed["total"] + _FULL_WEIGHT)
    odds = np.log((summed["positive"] + 0.5) / (summed["total"] - summed["positive"] + 0.5))
    table = summed.assign(weight=weight, weighted=weight * odds)
    return table.groupby(["citizen", "period"], as_index=False)[["weight", "weighted"]].sum()
