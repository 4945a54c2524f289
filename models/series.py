"""Monthly series of counts, the shape in which every model takes its data.

    counts[t] = persons in months[t], NaN where no figure is available
    y[t]      = log(max(counts[t], 1))            (`log_counts`)
    extra[t]  = variance that the figure's own uncertainty adds, as a part of a one-step error's; 0 = a settled figure

Published counts are rounded to five, so a zero stands for 0, 1 or 2 persons: it is read as one, which
keeps logarithms finite without inventing a flow. The calendar has no holes; a month without a figure is NaN,
which the models treat as not seen and never as zero.
This module knows nothing of sources, dates of publication, PyMC or HTTP.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Months = NDArray[np.datetime64]

LEAST_COUNT = 1.0
"""Persons that a zero is read as; also the least a simulated month can hold."""


@dataclass(frozen=True)
class MonthlySeries:
    """`months` (month,) datetime64[M], consecutive; `counts` (month,) persons, NaN = not available; `extra` (month,).

    Without `extra` every figure is settled. Raises ValueError for a calendar with holes, unequal lengths, negative or
    infinite counts, and added noise that is negative or not finite.
    """

    months: Months
    counts: Array
    label: str = ""
    extra: Array = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if not len(self.extra):
            object.__setattr__(self, "extra", np.zeros(self.months.shape))
        if self.extra.shape != self.months.shape or not np.all((self.extra >= 0) & np.isfinite(self.extra)):
            raise ValueError("added noise must be finite, not negative, and one number per month")
        if self.months.ndim != 1 or self.months.shape != self.counts.shape:
            raise ValueError(f"{self.months.shape} months and {self.counts.shape} counts do not match")
        if self.months.dtype != np.dtype("datetime64[M]"):
            raise ValueError(f"months must be datetime64[M], not {self.months.dtype}")
        if np.any(np.diff(self.months) != np.timedelta64(1, "M")):
            raise ValueError("months must be consecutive; use NaN for a month without a figure")
        if np.any(self.counts < 0) or np.any(np.isinf(self.counts)):
            raise ValueError("counts must be finite and not negative")

    def __len__(self) -> int:
        return len(self.months)

    @property
    def available(self) -> NDArray[np.bool_]:
        """`(month,)`: whether the month has a figure."""
        return np.isfinite(self.counts)

    def until(self, last_month: np.datetime64) -> "MonthlySeries":
        """The series up to and including a month."""
        return self._only(self.months <= last_month)

    def since(self, first_month: np.datetime64) -> "MonthlySeries":
        """The series from a month on."""
        return self._only(self.months >= first_month)

    def _only(self, kept: NDArray[np.bool_]) -> "MonthlySeries":
        return MonthlySeries(self.months[kept], self.counts[kept], self.label, self.extra[kept])


def monthly_series(frame: pd.DataFrame, label: str = "") -> MonthlySeries:
    """Series from the columns `period` ('YYYY-MM') and `value` (persons, missing = not available).

    The calendar runs from the first to the last period of the frame; absent months become NaN. An empty frame
    gives an empty series. Raises ValueError for a period that is no month or that occurs twice.
    """
    periods = [str(period) for period in frame["period"]]
    if len(set(periods)) != len(periods):
        twice = sorted({period for period in periods if periods.count(period) > 1})
        raise ValueError(f"period {twice[0]} occurs more than once")
    given = np.array([month_of(period) for period in periods], dtype="datetime64[M]")
    values = pd.to_numeric(frame["value"]).to_numpy(dtype=float, na_value=np.nan)
    if not len(given):
        return MonthlySeries(given, values, label)
    months = np.arange(given.min(), given.max() + 1)
    counts = np.full(len(months), np.nan)
    counts[(given - months[0]).astype(int)] = values
    return MonthlySeries(months, counts, label)


def month_of(period: str) -> np.datetime64:
    """The month a period 'YYYY-MM' names; ValueError for anything else (quarters, days, '2024-13')."""
    try:
        month = np.datetime64(period, "M")
    except ValueError as error:
        raise ValueError(f"period {period!r} is not a month YYYY-MM") from error
    if len(period) != 7 or np.isnat(month):
        raise ValueError(f"period {period!r} is not a month YYYY-MM")
    return month


def log_counts(counts: Array) -> Array:
    """`log(max(count, 1))`, NaN where the count is NaN; same shape."""
    return np.log(np.maximum(counts, LEAST_COUNT))


def month_numbers(months: Months) -> NDArray[np.int64]:
    """`(month,)`: 0 for January to 11 for December."""
    return months.astype(np.int64) % 12
