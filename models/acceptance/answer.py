"""What stored acceptance rates answer: rates by nationality, the rate of the total, and its two sources of spread.

    composition of a quarter known   its decisions;   ahead   decisions expected from arrivals and lags (`lags`), times
    exp(noise), noise as large as shares of decisions moved from quarter to quarter beyond counting

Arrivals ahead are draws of a forecast's paths. Policy what-ifs move the log odds of a nationality, or of all, from a
quarter on. Web-safe: NumPy on stored draws; it must not know HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.acceptance.lags import LAGS, LagDraws, decisions_ahead
from models.acceptance.mixture import (
    LEVELS,
    MOST_PAIRED,
    TotalRate,
    normalised,
    positive_counts,
    shifted,
    total_rate,
)
from models.acceptance.stored import StoredAcceptance
from models.series import Array

_SEED = 1
_NOISE_LIMITS = (0.05, 0.6)
_RECENT = 12
_LEAST_COUNT = 10.0


@dataclass(frozen=True)
class Policy:
    """A what-if: from `quarter` on the log odds of `citizen` (None = all) move by `shift`."""

    quarter: str
    shift: float
    citizen: str | None = None


@dataclass(frozen=True)
class SeriesRate:
    """Rate of one nationality and track in a quarter; counts None where it is ahead and no number was given."""

    citizen: str
    quarter: str
    track: str
    mean: float
    quantiles: dict[str, float]
    decisions: float | None
    positive: float | None


@dataclass(frozen=True)
class Counts:
    """Positive decisions of a quarter's total: mean and quantiles by name."""

    decisions: int
    mean: float
    quantiles: dict[str, float]


@dataclass(frozen=True)
class Answers:
    """A run with the arrivals of one forecast: `arrivals` (draw, quarter ahead, nationality) or None."""

    stored: StoredAcceptance
    arrivals: Array | None
    policies: tuple[Policy, ...] = ()

    @cached_property
    def rates(self) -> NDArray[np.floating]:
        """`(draw, period, series)` after the policies."""
        rates = self.stored.rates[:MOST_PAIRED]
        if not self.policies:
            return rates
        moved = rates.astype(float)
        for policy in self.policies:
            since = np.array([period >= policy.quarter for period in self.stored.periods])
            of = np.array([policy.citizen in (None, citizen) for citizen in self.stored.citizens])
            cells = np.ix_(np.arange(len(moved)), np.flatnonzero(since), np.flatnonzero(of))
            moved[cells] = shifted(moved[cells], policy.shift)
        return moved

    @cached_property
    def weights(self) -> Array:
        """`(draw, period, series)`: the composition of decisions, known or expected."""
        total = self.stored.total
        known = np.broadcast_to(
            total / np.maximum(total.sum(axis=1, keepdims=True), 1.0), (MOST_PAIRED, *total.shape)
        )
        ahead = len(self.stored.periods) - self.stored.observed
        expected = self._expected(ahead)
        return np.concatenate([known, normalised(expected, self.mix_noise, _SEED)], axis=1)

    def _expected(self, ahead: int) -> Array:
        """`(draw, quarter ahead, series)` decisions expected, up to a factor."""
        recent = self.stored.total[-4:].sum(axis=0) + 1e-9
        if self.arrivals is None:
            return np.broadcast_to(recent, (MOST_PAIRED, ahead, len(recent)))
        return self.expected_decisions(self.arrivals)

    def expected_decisions(self, arrivals: Array) -> Array:
        """`(draw, quarter ahead, series)` decisions expected from arrivals (draw, quarter ahead, nationality)."""
        recent = self.stored.total[-4:].sum(axis=0) + 1e-9
        names, lags = self.stored.nationalities, self.stored.lags
        rows = np.arange(MOST_PAIRED) % len(lags.lags)
        draws = np.arange(MOST_PAIRED) % len(arrivals)
        past = self.stored.applications
        if len(past) < LAGS - 1:
            past = np.concatenate([np.full((LAGS - 1 - len(past), past.shape[1]), np.nan), past])
        by_nationality = decisions_ahead(LagDraws(lags.lags[rows], lags.learned), past, arrivals[draws])
        place = np.array([names.index(citizen) for citizen in self.stored.citizens])
        of_citizen = np.bincount(place, recent, len(names))
        return np.asarray(by_nationality[:, :, place] * (recent / of_citizen[place]))

    @cached_property
    def mix_noise(self) -> float:
        """Log sd of a share of decisions from one quarter to the next beyond counting, over the last three years."""
        total = self.stored.total[-_RECENT:]
        shares = total / np.maximum(total.sum(axis=1, keepdims=True), 1.0)
        both = (total[1:] >= _LEAST_COUNT) & (total[:-1] >= _LEAST_COUNT)
        if not both.any():
            return _NOISE_LIMITS[1]
        logs = np.log(np.maximum(shares, 1e-12))
        moved = np.diff(logs, axis=0)[both]
        counting = (1 / total[1:][both] + 1 / total[:-1][both]).mean()
        robust = 1.4826 * np.median(np.abs(moved - np.median(moved)))
        return float(np.clip(np.sqrt(max(robust**2 - counting, 0.0)), *_NOISE_LIMITS))

    def series_rates(self, quarter: str, decisions: int | None = None) -> list[SeriesRate]:
        """Every nationality and track of a quarter; with `decisions`, how many of those ahead are theirs."""
        stored, at = self.stored, self.stored.periods.index(quarter)
        of_quarter = self.rates[:, at]
        begun = np.isfinite(of_quarter).all(axis=0)
        known = at < stored.observed
        divided = None if known or decisions is None else self._divided(at, decisions)
        out = []
        for s in np.flatnonzero(begun):
            found = np.quantile(of_quarter[:, s], list(LEVELS.values()))
            counts: tuple[float | None, float | None] = (None, None)
            if known:
                counts = float(stored.total[at, s]), float(stored.positive[at, s])
            elif divided is not None:
                counts = tuple(float(part[:, s].mean()) for part in divided)  # type: ignore[assignment]
            out.append(
                SeriesRate(
                    stored.citizens[s], quarter, stored.tracks[s], float(of_quarter[:, s].mean()),
                    dict(zip(LEVELS, found.tolist(), strict=True)), *counts,
                )
            )  # fmt: skip
        return out

    def total(self, quarter: str, *, mix_stays: bool = False, rates_stay: bool = False) -> TotalRate:
        """The rate of all decisions of a quarter; optionally with the mix, or the rates, of the last one known."""
        at = self.stored.periods.index(quarter)
        last = self.stored.observed - 1
        weights = self.weights[:, last if mix_stays else at]
        rates = self.rates[:, last if rates_stay else at]
        return total_rate(*self._begun(rates, weights))

    def positive_of(self, quarter: str, decisions: int) -> Counts:
        """Positive decisions of a quarter ahead when so many are taken."""
        positive = self._divided(self.stored.periods.index(quarter), decisions)[1].sum(axis=1)
        found = np.quantile(positive, list(LEVELS.values()))
        return Counts(decisions, float(positive.mean()), dict(zip(LEVELS, found.tolist(), strict=True)))

    def _divided(self, at: int, decisions: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rates = np.where(np.isfinite(self.rates[:, at]), self.rates[:, at], 0.5)
        return positive_counts(rates, self.weights[:, at], decisions, self.stored.noise, _SEED)

    def _begun(self, rates: NDArray[np.floating], weights: Array) -> tuple[NDArray[np.floating], Array]:
        """Series with a rate, their weights made to add up to one; those without have no decisions either."""
        begun = np.isfinite(rates).all(axis=0)
        kept = weights[:, begun]
        total = kept.sum(axis=1, keepdims=True)
        even = np.full_like(kept, 1 / kept.shape[1])
        return rates[:, begun], np.divide(kept, total, out=even, where=total > 0)


def quarterly_arrivals(months: Sequence[str], counts: Array, quarters: Sequence[str]) -> Array:
    """`(draw, quarter, ...)` sums of `counts` (draw, month, ...) over `quarters`; a quarter that lacks a month takes
    the last one that does not, NaN where there is none."""
    out = np.full((len(counts), len(quarters), *counts.shape[2:]), np.nan)
    last = None
    for place, quarter in enumerate(quarters):
        year, number = quarter.split("-Q")
        wanted = [f"{year}-{3 * int(number) - back:02d}" for back in (2, 1, 0)]
        if all(month in months for month in wanted):
            last = counts[:, [months.index(month) for month in wanted]].sum(axis=1)
        if last is not None:
            out[:, place] = last
    return out
