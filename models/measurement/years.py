"""How far two sources differ by calendar year, and whether that is chance.

    measured year    = sum over its months with both figures of (reference - other)
    chance           = standard deviation of that sum if both counted the same flow: sqrt(sum (count_t noise_t)^2)
    beyond chance    = more than three such deviations and more than one percent of the year

where noise_t^2 is the typical noise between the two (the median over all compared months) and what is known of the
month. Months with one figure are filled with the posterior of the difference. Totals that the sources publish by year
are judged in the same way where months are lacking: twelve months' noise, independent of one another.
This module knows nothing of vintages, storage or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.measurement.combined import Combined
from models.observation import years_of
from models.series import Array

MATERIAL = 0.01
"""Part of a year (or of the recent months) under which a difference is of no consequence, chance or not."""

DEVIATIONS = 3.0


@dataclass(frozen=True)
class YearDifference:
    """Reference minus other, persons. `months` have both figures; `part` is the difference as a part of the reference.

    `expected`, `lower` and `upper` (95 %) are for all months in which at least one source has a figure.
    """

    year: int
    months: int
    difference: float
    part: float
    chance: float
    beyond_chance: bool
    expected: float
    lower: float
    upper: float


def yearly_differences(combined: Combined) -> tuple[YearDifference, ...]:
    """By year with at least one month that both sources count; none with a single source."""
    agreement = combined.agreement
    if agreement is None:
        return ()
    ours, theirs = (np.exp(figures.log_counts) for figures in combined.figures)
    typical = np.sqrt(_typical_noise(combined) ** 2 + agreement.known)
    filled = _filled(ours, theirs, agreement.offset, agreement.noise)
    years = years_of(combined.series.months)
    found = []
    for year in np.unique(years[agreement.compared]):
        both = (years == year) & agreement.compared
        difference, total = float((ours - theirs)[both].sum()), float(ours[both].sum())
        chance = float(np.sqrt(np.sum((ours * typical)[both] ** 2)))
        whole = np.nansum(filled[:, years == year], axis=1)
        lower, upper = np.quantile(whole, [0.025, 0.975])
        beyond = _beyond(difference, total, chance)
        measured = (int(year), int(both.sum()), difference, difference / max(total, 1.0), chance, beyond)
        found.append(YearDifference(*measured, float(whole.mean()), float(lower), float(upper)))
    return tuple(found)


def published_differences(
    reference: Mapping[int, float], other: Mapping[int, float], combined: Combined
) -> dict[int, bool]:
    """Years whose published totals both exist, and whether they differ beyond chance by the noise of the months."""
    noise = _typical_noise(combined) / np.sqrt(12)
    return {
        year: _beyond(reference[year] - other[year], reference[year], reference[year] * noise)
        for year in sorted(set(reference) & set(other))
    }


def _typical_noise(combined: Combined) -> float:
    agreement = combined.agreement
    if agreement is None or not agreement.compared.any():
        return 0.0
    return float(np.median(agreement.noise.mean(axis=0)[agreement.compared]))


def _beyond(difference: float, total: float, chance: float) -> bool:
    return abs(difference) > max(DEVIATIONS * chance, MATERIAL * total)


def _filled(ours: Array, theirs: Array, offset: Array, noise: Array) -> Array:
    """`(draw, month)` reference minus other; a missing one is drawn from the other by offset and noise."""
    rng = np.random.default_rng(0)
    ratio = np.exp(offset + noise * rng.standard_normal(noise.shape))
    ours_drawn = np.where(np.isfinite(ours), ours, theirs / ratio)
    theirs_drawn = np.where(np.isfinite(theirs), theirs, ours * ratio)
    return np.asarray(ours_drawn - theirs_drawn)
