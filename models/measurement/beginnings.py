"""First figures that no level can begin with: a month far above or below the three after it is set aside.

    distance = log(first / nearest of the next three) / sqrt(gap (0.19^2 + 7.7 / nearest)),   gap in months
    set aside above 6 or below -10: typical one-step errors of `panel.model`'s priors, at the size of the months after

A level begins with its first figure. Where that stands alone it is an outlier, or the end of another level that nobody
saw before: the model of all countries can explain it by either, a chain finds one of the two, and the fit of every
country misses its marks. Any later month has the months before it to tell which. A figure set aside is treated as not
known. What it says of a year three years on or more is nothing, so a rule that errs costs nothing.

Six countries of eight years, one of them odd: from 7 errors above chains part, and in some fits from 8 below. The first
figures of 81 published series of countries lie at most 1.6 above and 5.9 below, those of 1,247 by nationality 4.4 and
9.8; a level that begins low and grows must stay, so what lies 8 to 10 below is left to the model.
This module knows nothing of sources, storage or PyMC.
"""

from dataclasses import dataclass, replace

import numpy as np

from models.inflow_paths import LEAST_SIZE
from models.measurement.completeness import TYPICAL_OVERDISPERSION, TYPICAL_SIGMA
from models.panel.series import PanelSeries
from models.series import MonthlySeries

MOST_ABOVE, MOST_BELOW = 6.0, 10.0
"""Typical errors that a first figure may lie from the months after it. A level may begin low and grow: what is far
below is an outlier only where no growth could be."""

MONTHS_AFTER = 3
"""Figures that must follow. Two months alike are a level, which chains find."""


@dataclass(frozen=True)
class OddBeginning:
    """A first figure set aside: its month, its persons, and the least and most of the three figures after it."""

    month: np.datetime64
    count: float
    lowest: float
    highest: float


def odd_beginning(series: MonthlySeries) -> OddBeginning | None:
    """The first figure of a level where no level can begin with it; None otherwise, and where too few follow."""
    seen = np.flatnonzero(series.available)[: MONTHS_AFTER + 1]
    if len(seen) <= MONTHS_AFTER:
        return None
    first, *after = np.maximum(series.counts[seen], LEAST_SIZE)
    lowest, highest = min(after), max(after)
    nearest, most = (highest, MOST_ABOVE) if first > highest else (lowest, MOST_BELOW)
    error = np.sqrt((seen[1] - seen[0]) * (TYPICAL_SIGMA**2 + TYPICAL_OVERDISPERSION / nearest))
    if lowest <= first <= highest or abs(np.log(first / nearest)) <= most * error:
        return None
    count, *others = series.counts[seen].tolist()
    return OddBeginning(series.months[seen[0]], count, min(others), max(others))


def without_odd_beginnings(panel: PanelSeries) -> tuple[PanelSeries, dict[str, tuple[OddBeginning, ...]]]:
    """The panel without the first figures that no level can begin with, and those by country that has any.

    A level begins with a country's first figure and where it restarts. A panel without any comes back as it is.
    """
    found = {geo: odd for geo in panel.geos if (odd := _of_country(panel, geo))}
    if not found:
        return panel, {}
    counts = panel.counts.copy()
    for geo, odd in found.items():
        for beginning in odd:
            counts[panel.months == beginning.month, panel.geos.index(geo)] = np.nan
    return replace(panel, counts=counts), found


def _of_country(panel: PanelSeries, geo: str) -> tuple[OddBeginning, ...]:
    whole = panel.one(geo)
    starts = [*whole.months[:1], *panel.restarts_of(geo)]
    ends = [*(start - 1 for start in starts[1:]), *whole.months[-1:]]
    levels = (whole.since(start).until(end) for start, end in zip(starts, ends, strict=True))
    return tuple(odd for level in levels if (odd := odd_beginning(level)) is not None)
