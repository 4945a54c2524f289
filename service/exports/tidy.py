"""An export as one tidy table: a row per number, and the columns that say which number it is.

    forecast,edition,source,table,layer,period,citizen,track,scenario,label,quantile_level,x,statistic,value

`period` is a year, a month (YYYY-MM) or a quarter (YYYY-Qn); `x` the point of a density at which `pdf` and `cdf` are.
A named quantile carries its scenario and its level. A text that a spreadsheet would take for a formula starts with
an apostrophe. Must not know HTTP.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from priors.summary import LEVELS
from service.exports.content import FORMULA_SIGNS, Export, Table

COLUMNS = (
    "forecast", "edition", "source", "table", "layer", "period", "citizen", "track", "scenario", "label",
    "quantile_level", "x", "statistic", "value",
)  # fmt: skip
_IDENTIFIES = {
    "layer": "layer", "year": "period", "month": "period", "quarter": "period", "citizen": "citizen",
    "track": "track", "scenario": "scenario", "key": "scenario", "label": "label", "x": "x",
}  # fmt: skip
QUANTILE_PREFIX = "q"


def to_csv(export: Export) -> bytes:
    """The table, UTF-8 with commas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    same = {
        "forecast": export.forecast,
        "edition": export.edition,
        "source": " ".join(export.sources),
    }
    for table in export.tables:
        for row in _tidy(table):
            writer.writerow([_shown((same | row).get(column)) for column in COLUMNS])
    return text.getvalue().encode()


def _tidy(table: Table) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        named = {_IDENTIFIES[column]: cells[column] for column in cells if column in _IDENTIFIES}
        for column, value in cells.items():
            if column not in _IDENTIFIES and value is not None:
                yield {"table": table.name, **named, **_statistic(column), "value": value}


def _statistic(column: str) -> dict[str, Any]:
    if column in LEVELS:
        return {"scenario": column, "quantile_level": LEVELS[column], "statistic": "quantile"}
    level = column.removeprefix(QUANTILE_PREFIX)
    if level != column and level.startswith("0."):
        return {"quantile_level": level, "statistic": "quantile"}
    return {"statistic": column}


def _shown(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell
