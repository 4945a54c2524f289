"""What an export says, whatever its format: tables of plain values, quantiles on many levels, and where they are from.

Records only. Quantiles are `(level, year)` and `(level, month)` in persons; `about` is nested as the HTTP contract has
it. Must not know HTTP, nor how a forecast is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FORMULA_SIGNS = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Table:
    """Rows of text, numbers or None under names in snake_case."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Quantiles:
    """Of the yearly totals and of the months; `observed` is NaN where a month was not counted yet.

    `year_mean` and `year_sd` are NaN where the quantiles are not those that were computed.
    """

    levels: tuple[float, ...]
    years: tuple[int, ...]
    by_year: Array
    year_mean: Array
    year_sd: Array
    months: tuple[str, ...]
    by_month: Array
    month_mean: Array
    observed: Array


@dataclass(frozen=True)
class Export:
    """One finished forecast; `edition` where it is read as one, `made_at` when it was ordered."""

    forecast: str
    edition: str | None
    series: str
    geo: str
    citizen: str
    cutoff: date
    made_at: datetime
    about: Mapping[str, Any]
    sources: tuple[str, ...]
    tables: tuple[Table, ...]
    quantiles: Quantiles
    scenarios: tuple[tuple[str, float], ...]

    @property
    def source_line(self) -> str | None:
        """What Eurostat asks of those who pass its figures on; None where none of them are in it."""
        return "Source: Eurostat" if "eurostat" in self.sources else None


def flattened(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Nested content as pairs of a dotted name and a plain value; lists as JSON, what is empty as None."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flattened(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Mapping | list | tuple):
        yield name, json.dumps(value, ensure_ascii=False) if value else None
    else:
        yield name, value


def snake(name: str) -> str:
    """A name of the HTTP contract as a column of a table: `observedToDate` is `observed_to_date`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found.group(1).lower()}", name)
