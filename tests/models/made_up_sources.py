"""Made-up deliveries of one flow by two sources, as bitemporal rows."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
START = np.datetime64("2015-01", "M")


def rows(
    source: str,
    counts: Array,
    *,
    first: np.datetime64 = START,
    lag_days: int = 20,
    geo: str = "NL",
    flag: str | None = None,
) -> pd.DataFrame:
    """One row per month with a figure, known so many days after the month's end."""
    months = first + np.arange(len(counts))
    known = (months + 1).astype("datetime64[D]") + lag_days
    frame = pd.DataFrame(
        {
            "series": "first_applications", "source": source, "geo": geo, "citizen": "TOTAL", "track": None,
            "period": months.astype(str), "value": counts, "flag": flag, "known_at": known.astype(str),
        }
    )  # fmt: skip
    return frame[np.isfinite(counts)].reset_index(drop=True)


def flow(months: int, seed: int, level: float = 7.0, step: float = 0.15) -> Array:
    """Log persons a month: a random walk."""
    return level + np.cumsum(np.random.default_rng(seed).normal(0, step, months))


def noisy(log_flow: Array, noise: float, offset: float, seed: int) -> Array:
    """Whole persons that a source counts."""
    errors = np.random.default_rng(seed).normal(0, noise, len(log_flow))
    return np.round(np.exp(log_flow + offset + errors))


def to_five(counts: Array) -> Array:
    return np.round(counts / 5) * 5


def day(text: str) -> date:
    return date.fromisoformat(text)
