"""How complete a figure of a given age is, learned from how earlier figures were revised.

    growth_a         = log(figure in force at age a + 1) - log(figure in force at age a),  age in whole months
    growth of geo g  ~ Normal(mean_g,a, k_g spread_a^2),  mean_g,a ~ Normal(mean_a, between_a^2)
    still to come    = sum over ages from a on of mean_g,a;  its variance sums k_g spread_a^2 and that of the means

A chain ladder on the log scale (Mack 1993), so that months whose revisions have only begun count for the ages they
reached. Means lean on those of all countries (normal law with known spreads, between_a by the method of moments),
and so does the size of a country's revisions, k_g, by a scaled inverse chi-square law worth `PRIOR_FIGURES` figures.
Nothing is learned where a source never revised anything: then `STATED` holds.
Suppressed cells hold one to four persons each: `suppressed` gives what they are worth.
This module knows nothing of models of the flow, sources or HTTP.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.panel.series import UNCERTAIN_EXTRA
from models.series import Array, log_counts

OLDEST = 24
"""Months after which a figure counts as settled: of 515 UNHCR figures that old 5 % changed in the next month."""

LEAST_REVISED = 12
"""Figures that must have been revised at least once before anything is learned from a source's revisions."""

PRIOR_FIGURES = 12.0
"""Number of figures that the size of all countries' revisions is worth in the size of one country's."""

MOST_GROWTH = 0.5
"""Log change beyond which one revision counts no further: such are corrections, not late registrations."""

TYPICAL_SIGMA, TYPICAL_OVERDISPERSION = 0.19, 7.7
"""A typical one-step error of a monthly series (priors of `models.panel.model`), by which added noise is measured."""

_DAYS_PER_MONTH = 365.25 / 12
_TINY = 1e-300  # stands for no weight at all in a denominator
_CELL = np.arange(1, 5)
_CELL_CHANCE = (1 / _CELL) / (1 / _CELL).sum()


@dataclass(frozen=True)
class Completeness:
    """What is still to come on the log scale, by age 0 to `OLDEST`: `mean` and `variance` (age,), from how many."""

    mean: Array
    variance: Array
    revised: int
    figures: int

    @property
    def learned(self) -> bool:
        """Whether the numbers come from revisions; otherwise `STATED` holds."""
        return self.figures > 0

    def of(self, ages: NDArray[np.int64]) -> tuple[Array, Array]:
        """`(mean, variance)` of what is still to come for figures of these ages, zeros for older ones."""
        place = np.clip(ages, 0, OLDEST)
        return self.mean[place], self.variance[place]


STATED = Completeness(np.zeros(OLDEST + 1), np.zeros(OLDEST + 1), 0, 0)
"""Without revisions: no correction, and noise only where a figure is flagged provisional (`UNCERTAIN_EXTRA`)."""


@dataclass(frozen=True)
class Revisions:
    """How a source's figures grew, by figure and age, and what all countries have in common; see `learn_revisions`."""

    growth: pd.DataFrame
    pooled: "_Pooled"
    revised: int

    def completeness(self, geo: str) -> Completeness:
        """Of one country's figures; a country that never delivered gets the law of all countries."""
        own = self.growth[self.growth.index.get_level_values("geo") == geo].to_numpy()
        mean, variance = self.pooled.country(own)
        return Completeness(_still_to_come(mean), _still_to_come(variance), self.revised, len(self.growth))


def learn_revisions(vintages: pd.DataFrame, as_of: date) -> Revisions | None:
    """The revisions of one source's figures of all countries in the frame; None where too few were ever revised.

    `vintages` has one row per figure and moment: `geo`, `period` ('YYYY-MM'), `value` and `known_at`. Rows known after
    `as_of` are not looked at. Between two moments the earlier value was in force, up to the last moment at which the
    country delivered anything.
    """
    if vintages.duplicated(["geo", "period"]).sum() < LEAST_REVISED:
        return None
    growth = _growth(vintages, as_of)
    revised = int((growth.abs() > 1e-9).any(axis=1).sum())
    return Revisions(growth, _Pooled.of(growth), revised) if revised >= LEAST_REVISED else None


def learn_completeness(vintages: pd.DataFrame, geo: str, as_of: date) -> Completeness:
    """Completeness of one country's figures of one source, pooled over the countries in the frame."""
    revisions = learn_revisions(vintages, as_of)
    return revisions.completeness(geo) if revisions else STATED


def ages_at(periods: NDArray[np.datetime64], as_of: date) -> NDArray[np.int64]:
    """Whole months from the end of each month to a day; 0 also for a month that has not ended."""
    ends = (periods + 1).astype("datetime64[D]")
    days = (np.datetime64(as_of.isoformat(), "D") - ends).astype(int)
    return np.asarray(np.maximum(np.floor(days / _DAYS_PER_MONTH), 0), dtype=np.int64)


def suppressed(cells: Array) -> tuple[Array, Array]:
    """`(mean, variance)` in persons of so many cells that each hide one to four.

    Small counts are the more frequent the smaller they are: chances as 1, 1/2, 1/3, 1/4. Where 335 such cells could
    be compared with the figures published before (Netherlands 2016) they held 1.9 persons on average; this law
    says 1.92.
    """
    mean = float(_CELL_CHANCE @ _CELL)
    return cells * mean, cells * (float(_CELL_CHANCE @ _CELL**2) - mean**2)


def added_noise(variance: Array, counts: Array) -> Array:
    """Variances on the log scale as parts of a typical one-step error's, the unit of `MonthlySeries.extra`.

        extra_t = variance_t / (0.19^2 + 7.7 / m_t),   m_t = geometric mean of the last twelve figures up to t

    Both (month,); months without a figure add nothing. Small series have larger errors, so the same variance weighs
    less in them.
    """
    return np.asarray(np.where(np.isfinite(counts), variance / typical_variance(counts), 0.0))


def stated_noise(counts: Array) -> Array:
    """`(month,)` variance on the log scale that `UNCERTAIN_EXTRA` stands for."""
    return UNCERTAIN_EXTRA * typical_variance(counts)


def typical_variance(counts: Array) -> Array:
    """`(month,)` variance of a typical one-step error at the size the series has then."""
    recent = pd.Series(log_counts(counts)).rolling(12, min_periods=1).mean().ffill().bfill().fillna(0.0)
    return np.asarray(TYPICAL_SIGMA**2 + TYPICAL_OVERDISPERSION / np.maximum(np.exp(recent), 5.0))


def _growth(vintages: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Log growth by age (columns 0 to `OLDEST` - 1) of every figure; NaN before it came and after the last delivery."""
    known = pd.to_datetime(vintages["known_at"])
    inside = vintages[(known < pd.Timestamp(as_of) + pd.Timedelta(days=1)) & vintages["value"].notna()]
    if inside.empty:
        return pd.DataFrame(
            columns=range(OLDEST), index=pd.MultiIndex.from_arrays([[], []], names=["geo", "period"])
        )
    known = pd.to_datetime(inside["known_at"])
    end = pd.PeriodIndex(inside["period"], freq="M").to_timestamp() + pd.offsets.MonthBegin(1)
    age = np.floor((known - end.to_numpy()).dt.total_seconds() / 86400 / _DAYS_PER_MONTH).astype(int)
    last_known = known.groupby(inside["geo"]).transform("max")
    reached = np.floor((last_known - end.to_numpy()).dt.total_seconds() / 86400 / _DAYS_PER_MONTH)
    rows = pd.DataFrame(
        {"geo": inside["geo"], "period": inside["period"], "known": known, "age": age, "reached": reached}
    )
    rows["log"] = log_counts(pd.to_numeric(inside["value"]).to_numpy(dtype=float))
    rows = rows[(rows["age"] >= 0) & (rows["age"] <= OLDEST)].sort_values("known", kind="stable")
    by_age = rows.pivot_table(index=["geo", "period"], columns="age", values="log", aggfunc="last")
    in_force = by_age.reindex(columns=range(OLDEST + 1)).ffill(axis=1)
    until = rows.groupby(["geo", "period"])["reached"].first().reindex(in_force.index).to_numpy()
    in_force = in_force.where(np.arange(OLDEST + 1)[None, :] <= until[:, None])
    growth = in_force.diff(axis=1).iloc[:, 1:].clip(-MOST_GROWTH, MOST_GROWTH)
    return growth.set_axis(range(OLDEST), axis=1).dropna(how="all")


@dataclass(frozen=True)
class _Pooled:
    """By age: mean growth over countries, variance within a country, variance of the countries' means.

    The mean counts as far as it exceeds its own error (positive part of James and Stein): a correction that could be
    chance is none.
    """

    mean: Array
    within: Array
    between: Array

    @classmethod
    def of(cls, growth: pd.DataFrame) -> "_Pooled":
        """From growths `(figure, age)` with the level `geo`; between countries by DerSimonian and Laird (1986)."""
        by_geo = growth.groupby(level="geo")
        number, means = by_geo.count().to_numpy(), by_geo.mean().to_numpy()
        squares = ((growth - by_geo.transform("mean")) ** 2).sum().to_numpy()
        within = squares / np.maximum((number - (number > 0)).sum(axis=0), 1)
        of_means = within / np.maximum(number, 1)
        # At an age at which no figure differs from its country's mean, every country weighs the same.
        between = _between(means, (number > 0) / np.where(within > 0, of_means, 1.0))
        weight = (number > 0) / np.maximum(between + of_means, 1e-12)
        mean = _weighted_mean(means, weight)
        return cls(_beyond_error(mean, 1 / np.maximum(weight.sum(axis=0), _TINY)), within, between)

    def country(self, growth: Array) -> tuple[Array, Array]:
        """`(mean, variance)` by age of the growth of one more figure of a country with these growths (figure, age)."""
        number = np.isfinite(growth).sum(axis=0)
        own_mean = np.nansum(growth, axis=0) / np.maximum(number, 1) if len(growth) else np.zeros(OLDEST)
        within = self.within * self._size(growth, self._leaning(own_mean, number, self.within)[0])
        mean, own = self._leaning(own_mean, number, within)
        return mean, within + (1 - own) * self.between

    def _leaning(self, own_mean: Array, number: Array, within: Array) -> tuple[Array, Array]:
        """A country's mean between all countries' and its own, and the weight of its own.

        between / (between + within / number): 0 where countries do not differ or nothing was seen.
        """
        spread = number * self.between + within
        own = np.where(spread > 0, number * self.between / np.where(spread > 0, spread, 1), 0.0)
        return self.mean + own * (own_mean - self.mean), own

    def _size(self, growth: Array, mean: Array) -> float:
        """How much larger than usual a country's revisions are around their mean, in variance."""
        if not len(growth):
            return 1.0
        ratios = (growth - mean) ** 2 / np.where(self.within > 0, self.within, np.nan)
        per_figure = np.nansum(ratios, axis=1) / np.maximum(np.isfinite(ratios).sum(axis=1), 1)
        return float((PRIOR_FIGURES + per_figure.sum()) / (PRIOR_FIGURES + len(growth)))


def _weighted_mean(means: Array, weight: Array) -> Array:
    """By age, of means `(geo, age)`; 0 at an age that no country has."""
    return np.asarray(np.nansum(weight * means, axis=0) / np.maximum(weight.sum(axis=0), _TINY))


def _between(means: Array, weight: Array) -> Array:
    """Variance of countries' means by age, `weight` `(geo, age)` being one over their own variances, 0 for none.

    What the weighted squares exceed by what they would come to if countries did not differ, 0 where they do not.
    """
    total = weight.sum(axis=0)
    squares = np.nansum(weight * (means - _weighted_mean(means, weight)) ** 2, axis=0)
    excess = np.maximum(squares - np.maximum((weight > 0).sum(axis=0) - 1, 0), 0)
    scale = total - (weight**2).sum(axis=0) / np.maximum(total, _TINY)
    return np.asarray(np.divide(excess, scale, out=np.zeros_like(excess), where=scale > 0))


def _beyond_error(mean: Array, variance: Array) -> Array:
    """Means by age drawn to 0 by as much of their square as their own variance explains."""
    explained = np.divide(variance, mean**2, out=np.ones_like(mean), where=mean != 0)
    return np.asarray(mean * np.maximum(1 - explained, 0))


def _still_to_come(by_age: Array) -> Array:
    """Sums over all later ages, `(age 0 to OLDEST)`."""
    return np.append(np.cumsum(by_age[::-1])[::-1], 0.0)
