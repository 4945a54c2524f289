"""What an expert density says about a year: interval scenarios, moments, and the curve to draw.

    minimum 12.5%, median 50%, medio 2/3 (exceeded with a chance of 1 in 3), maximum 87.5% quantile

All from closed forms of the mixture, no simulation. Also the signed effect of an edit on those four numbers,
as the ledger keeps it. Must not know realisations, models or rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from priors.kernels import FloatArray
from priors.mixture import Component, ExpertDensity
from priors.totals import YearTotal

LEVELS = {"minimum": 0.125, "median": 0.5, "medio": 2 / 3, "maximum": 0.875}
_DRAWN_TAIL = 5e-4
_NARROW_LEVELS = special.ndtr(np.linspace(-5.0, 5.0, 41))


@dataclass(frozen=True)
class ComponentSummary:
    """One scenario's part in a year, events included; `mean` and `removed` mass are after and by cutting at the floor.

    `removed` is the belief's own mass below the floor, `removed_by_events` what events took there besides.
    """

    key: str
    probability: float
    expected: float
    mean: float
    removed: float
    removed_by_events: float


@dataclass(frozen=True, eq=False)
class YearSummary:
    """A year's density in numbers (persons); `x`, `pdf` and `cdf` (point,) draw it."""

    year: int
    mean: float
    sd: float
    interval_scenarios: dict[str, float]
    x: FloatArray
    pdf: FloatArray
    cdf: FloatArray
    components: tuple[ComponentSummary, ...]


def interval_scenarios(density: ExpertDensity, year: int) -> dict[str, float]:
    """The four named quantiles (persons); raises ValueError when no scenario states the year."""
    quantiles = density.ppf(year, list(LEVELS.values()))
    return dict(zip(LEVELS, quantiles.tolist(), strict=True))


def density_grid(density: ExpertDensity, year: int, points: int = 201) -> FloatArray:
    """Ascending totals (point,): even over 99.9% of the mass, with the quantiles of narrow scenarios."""
    low, high = density.ppf(year, [_DRAWN_TAIL, 1 - _DRAWN_TAIL])
    even = np.linspace(low, high, points)
    # A scenario much narrower than the step would be missed by even spacing alone.
    sharpest = [part.base if isinstance(part, YearTotal) else part for _, part in density.parts(year)]
    narrow = [belief.ppf(_NARROW_LEVELS) for belief in sharpest if belief.sd() * 40 < high - low]
    return np.unique(np.clip(np.concatenate([even, *narrow]), low, high))


def year_summary(density: ExpertDensity, year: int, points: int = 201) -> YearSummary:
    """Everything a preview shows of one year; raises ValueError when no scenario states it."""
    x = density_grid(density, year, points)
    components = tuple(_component(part, year) for part in density.components if year in part.years)
    return YearSummary(
        year=year,
        mean=density.mean(year),
        sd=density.sd(year),
        interval_scenarios=interval_scenarios(density, year),
        x=x,
        pdf=density.pdf(year, x),
        cdf=density.cdf(year, x),
        components=components,
    )


def _component(part: Component, year: int) -> ComponentSummary:
    total = part.total(year)
    by_events = total.removed if isinstance(total, YearTotal) else 0.0
    removed = part.marginal(year).removed
    return ComponentSummary(part.key, part.probability, total.expected, total.mean(), removed, by_events)


def signed_effect(before: ExpertDensity | None, after: ExpertDensity) -> dict[int, dict[str, float]]:
    """By how much an edit moved each interval scenario (persons), for the years stated before and after."""
    if before is None:
        return {}
    shared = [year for year in after.stated_years if year in before.stated_years]
    effect = {}
    for year in shared:
        old, new = interval_scenarios(before, year), interval_scenarios(after, year)
        effect[year] = {name: new[name] - old[name] for name in LEVELS}
    return effect
