"""An adopted edition against what was counted since: percentile, deviation, the trigger, and whether it is noise.

    deviation               = realised / forecast median - 1
    trigger                 = |deviation| > 0.15                       (the working group's protocol)
    falseAlarmProbability   = P(|X / median - 1| > 0.15),  X drawn from the forecast itself
    percentile              = P(X < realised) + P(X = realised) / 2

so that a trigger which would fire often if the forecast were exactly right reads as what it is. Where adopted figures
differ from the forecast's own, the draws are moved to them first: a year's total T becomes g(T), with g piecewise
linear through (own quantile, adopted figure) and proportional beyond, and the months to come share the difference in
proportion. NumPy only. Must not know storage or HTTP.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TRIGGER = 0.15


@dataclass(frozen=True)
class Comparison:
    """What was counted in a period against its forecast; `percentile` None where nothing was forecast."""

    period: str
    realised: float
    forecast_median: float
    percentile: float | None
    deviation: float | None
    trigger: bool
    false_alarm_probability: float
    predicted: bool


@dataclass(frozen=True)
class Monitor:
    """`rows` by month; `year_to_date` the latest year's months together; the chance of any false alarm so far."""

    rows: tuple[Comparison, ...]
    year_to_date: Comparison | None
    months_to_date: int
    any_false_alarm_probability: float


def monitor(
    months: Sequence[str], draws: NDArray[np.number], counted: int, realised: Mapping[str, float]
) -> Monitor:
    """Compare `realised` (persons by month) with `draws` (draw, month) of `months`.

    The first `counted` months were known to the forecast and are the same in every draw.
    """
    rows: list[Comparison] = []
    alarms = np.zeros(len(draws), dtype=bool)
    for place, month in enumerate(months):
        if month not in realised:
            continue
        sample = np.asarray(draws[:, place], dtype=float)
        rows.append(_compared(month, sample, realised[month], place >= counted))
        if place >= counted:
            alarms |= _fires(sample, float(np.median(sample)))
    year, held = _year_to_date(months, draws, counted, realised)
    return Monitor(tuple(rows), year, held, float(alarms.mean()) if len(alarms) else 0.0)


def _year_to_date(
    months: Sequence[str], draws: NDArray[np.number], counted: int, realised: Mapping[str, float]
) -> tuple[Comparison | None, int]:
    """The latest year with a figure, from its first month to the last before a gap."""
    known = [month for month in months if month in realised]
    if not known:
        return None, 0
    year = known[-1][:4]
    of_year = [place for place, month in enumerate(months) if month[:4] == year]
    held = []
    for place in of_year:
        if months[place] not in realised:
            break
        held.append(place)
    if not held:
        return None, 0
    sample = np.asarray(draws[:, held], dtype=float).sum(axis=1)
    total = float(sum(realised[months[place]] for place in held))
    return _compared(year, sample, total, held[-1] >= counted), len(held)


def _compared(period: str, sample: Array, realised: float, predicted: bool) -> Comparison:
    median = float(np.median(sample))
    deviation = realised / median - 1.0 if median > 0 else None
    if not predicted:
        return Comparison(period, realised, median, None, deviation, False, 0.0, False)
    percentile = float(np.mean(sample < realised) + np.mean(sample == realised) / 2)
    fires = deviation is not None and abs(deviation) > TRIGGER
    chance = float(_fires(sample, median).mean())
    return Comparison(period, realised, median, percentile, deviation, fires, chance, True)


def _fires(sample: Array, median: float) -> NDArray[np.bool_]:
    """Which draws would set off the trigger; against a median of zero none can."""
    if median <= 0:
        return np.zeros(len(sample), dtype=bool)
    return np.asarray(np.abs(sample / median - 1.0) > TRIGGER)


def move_to_figures(
    months: Sequence[str],
    draws: NDArray[np.number],
    counted: int,
    own: Mapping[int, Sequence[float]],
    adopted: Mapping[int, Sequence[float]],
) -> Array:
    """`draws` (draw, month) with each year's total moved from its `own` quantiles to the `adopted` figures.

    Both give the same levels in rising order, persons by year. Months already counted stay.
    """
    moved = np.array(draws, dtype=float)
    for year, figures in adopted.items():
        if list(figures) == list(own[year]):
            continue
        inside = np.array([month[:4] == str(year) for month in months])
        future = inside & (np.arange(len(months)) >= counted)
        fixed = moved[:, inside & ~future].sum(axis=1)
        left = moved[:, future].sum(axis=1)
        wanted = np.maximum(mapped_totals(fixed + left, own[year], figures) - fixed, 0.0)
        moved[:, future] *= np.divide(wanted, left, out=np.zeros_like(left), where=left > 0)[:, None]
    return moved


def mapped_totals(totals: Array, own: Sequence[float], adopted: Sequence[float]) -> Array:
    """Totals moved as the figures were, g(T): linear between `own` quantiles, proportional beyond the outer two."""
    first, last = adopted[0] / max(own[0], 1.0), adopted[-1] / max(own[-1], 1.0)
    inside = np.interp(totals, own, adopted)
    below, above = totals < own[0], totals > own[-1]
    return np.where(below, totals * first, np.where(above, totals * last, inside))
