"""Evidence that may be looked at after every year: e-processes for a lean and for calibration.

    per forecast      e = sum_a pi_a [G_a(upper) - G_a(lower)] / (upper - lower)      over alternatives a, in products
    per series        E_t = sum_a pi_a prod_(targets <= t) e_a                        one horizon, slot, issuer, stage
    over classes      M_t = sum_g w_g E_(g,t),      p_t = 1 / sum_g w_g f(1 / max_(s <= t) E_(g,s))

(lower, upper) is all that is known of the PIT, G_a beta distributions; under calibration every factor has mean one
whatever the form of the forecast. Horizon h: the outcomes of h + 1 residue classes of target years overlap, within a
class each is known before the next forecast is issued, so that E is a test martingale there (Arnold, Henzi and Ziegel
2023, Annals of Statistics 51). Classes live in different filtrations: their average is an e-value when the time to look
is fixed; the adjuster f(p) = (1 - p + p log p) / (p log^2 p) makes it valid whenever one looks (Choe and Ramdas 2023),
without any assumption on dependence. This module must not know the bias model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln

from models.calibration.answer import Sequential, SequentialPoint
from models.calibration.records import ArchivedForecast

Array = NDArray[np.float64]

STRONG = 20.0
LEANS = ((1.0, 1.5), (1.0, 2.0), (1.0, 3.0), (1.5, 1.0), (2.0, 1.0), (3.0, 1.0))
"""Beta parameters of the PIT when forecasts are too high (outcomes low in the density) or too low."""
SPREADS = ((0.5, 0.5), (0.7, 0.7), (1.5, 1.5), (2.0, 2.0))
"""The same when the stated density is too narrow or too wide."""
_EDGE = 1e-6


@dataclass(frozen=True, eq=False)
class ClassProcesses:
    """`value` (class, year): the e-process of each residue class after each target year; `weight` (class,)."""

    value: Array
    weight: Array

    def average(self) -> Array:
        """`(year,)` an e-value for anyone who looks at a time fixed beforehand."""
        return np.asarray(self.weight @ self.value)

    def p_anytime(self) -> Array:
        """`(year,)` a p-value whenever one looks; with one class the process itself allows it."""
        best = np.maximum.accumulate(self.value, axis=1)
        adjusted = best[0] if len(self.weight) == 1 else self.weight @ adjuster(1 / np.maximum(best, 1.0))
        return np.asarray(np.minimum(1 / np.maximum(adjusted, 1e-12), 1.0))


def sequential(forecasts: Sequence[ArchivedForecast], pit_lower: Array, pit_upper: Array) -> Sequential:
    """Evidence after every realised target year, from PIT bounds (case,)."""
    years = sorted({one.target_year for one in forecasts})
    lean = class_processes(forecasts, factors(pit_lower, pit_upper, LEANS), years)
    both = class_processes(forecasts, factors(pit_lower, pit_upper, LEANS + SPREADS), years)
    value, p, whole, p_whole = lean.average(), lean.p_anytime(), both.average(), both.p_anytime()
    counts = np.cumsum([sum(one.target_year == year for one in forecasts) for year in years])
    crossed = np.flatnonzero(value >= STRONG)
    return Sequential(
        e_value=float(value[-1]),
        p_anytime=float(p[-1]),
        horizons=len(lean.weight),
        crossed_20_in=years[int(crossed[0])] if len(crossed) else None,
        e_value_calibration=float(whole[-1]),
        p_anytime_calibration=float(p_whole[-1]),
        over_time=tuple(
            SequentialPoint(
                target_year=year,
                e_value=float(value[k]),
                p_anytime=float(p[k]),
                e_value_calibration=float(whole[k]),
                n=int(counts[k]),
            )
            for k, year in enumerate(years)
        ),
    )


def factors(lower: Array, upper: Array, alternatives: Sequence[tuple[float, float]]) -> Array:
    """`(case, alternative)` log likelihood ratios of what is known of the PIT, against uniformity."""
    width = upper - lower
    exact = width < 1e-9
    at = np.clip((lower + upper) / 2, _EDGE, 1 - _EDGE)
    out = np.empty((len(lower), len(alternatives)))
    for column, (a, b) in enumerate(alternatives):
        density = (a - 1) * np.log(at) + (b - 1) * np.log1p(-at) - betaln(a, b)
        mass = betainc(a, b, upper) - betainc(a, b, lower)
        ratio = np.divide(mass, width, out=np.ones(len(lower)), where=~exact)
        out[:, column] = np.where(exact, density, np.log(np.maximum(ratio, 1e-300)))
    return out


def class_processes(
    forecasts: Sequence[ArchivedForecast], log_factors: Array, years: Sequence[int]
) -> ClassProcesses:
    """E-processes of residue classes after each year; each horizon weighs the same, its classes alike."""
    slots = _slots(forecasts)
    series: dict[tuple[int, int], dict[tuple[str, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, one in enumerate(forecasts):
        ahead = one.target_year - one.issued_on.year
        series[ahead, one.target_year % (ahead + 1)][(*one.key[5:], str(slots[place]))].append(place)
    groups = sorted(series)
    horizons = len({ahead for ahead, _ in groups})
    classes = {ahead: sum(other == ahead for other, _ in groups) for ahead, _ in groups}
    value = np.array([_averaged(list(series[g].values()), forecasts, log_factors, years) for g in groups])
    weight = np.array([1 / (horizons * classes[ahead]) for ahead, _ in groups])
    return ClassProcesses(value, weight)


def adjuster(p: Array) -> Array:
    """An e-value from a p-value: its integral over (0, 1) is one. At p = 1 it is one half."""
    inside = np.clip(p, 1e-300, 1 - 1e-6)
    log = np.log(inside)
    return np.asarray((1 - inside + inside * log) / (inside * log**2))


def _averaged(
    members: Sequence[Sequence[int]],
    forecasts: Sequence[ArchivedForecast],
    log_factors: Array,
    years: Sequence[int],
) -> Array:
    """`(year,)` mean over the series of one class of the mean over alternatives of their products."""
    column = {year: k for k, year in enumerate(years)}
    steps = np.zeros((len(members), len(years), log_factors.shape[1]))
    for row, places in enumerate(members):
        for place in places:
            steps[row, column[forecasts[place].target_year]] += log_factors[place]
    return np.asarray(np.exp(np.cumsum(steps, axis=1)).mean(axis=(0, 2)))


def _slots(forecasts: Sequence[ArchivedForecast]) -> list[int]:
    """Which edition of its year each forecast belongs to, by issue: 0, 1, ... within issuer and stage."""
    issued: dict[tuple[str, str, int], dict[str, str]] = defaultdict(dict)
    for one in forecasts:
        of_year = issued[one.issuer, one.stage, one.issued_on.year]
        day = one.issued_on.isoformat()
        of_year[one.edition] = min(day, of_year.get(one.edition, day))
    rank = {
        key: {edition: place for place, edition in enumerate(sorted(of, key=lambda e: (of[e], e)))}
        for key, of in issued.items()
    }
    return [rank[one.issuer, one.stage, one.issued_on.year][one.edition] for one in forecasts]
