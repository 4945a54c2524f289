r"""Reads Eurostat's bulk TSV into one row per cell.

Layout: a header `dim,dim,geo\TIME_PERIOD<tab>2024-01 <tab>...`, then per series its codes and one cell per
period: `123`, `123 p` (flag), `:` (missing), `: c`, `:C` or `123 p|C` (capital = confidentiality part).
Own reader: the `eurostat` package reads only what it downloads itself, without cache or retries.
Rows are chosen by their codes before their cells are read, since bulk files hold far more than is wanted.
"""

import re
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from service.sources.jsonstat import Cube

_CELL = re.compile(r"(:|-?\d+(?:\.\d+)?)[ ]?(?:([a-z]+)?(?:[ ]?[@|]?([A-Z]))?)?")


class TsvError(ValueError):
    """The bytes are not a complete Eurostat TSV file; the text says at which line."""


def parse_tsv(data: bytes, wanted: Mapping[str, Collection[str]] | None = None) -> Cube:
    """The cells of the series whose codes are all among `wanted` (dimension -> codes; absent = any).

    Columns as in `jsonstat.Cube`, the period in column `time`; raises TsvError.
    """
    lines = data.decode("utf-8-sig").splitlines()
    names, periods = _header(lines[0] if lines else "")
    chosen = [(place, (wanted or {})[name]) for place, name in enumerate(names) if name in (wanted or {})]
    keys: list[list[str]] = []
    cells: list[list[str]] = []
    for number, line in enumerate(lines[1:], start=2):
        first, *rest = line.split("\t")
        key = [code.strip() for code in first.split(",")]
        if len(key) != len(names) or len(rest) != len(periods):
            raise TsvError(
                f"line {number} has {len(key)} codes and {len(rest)} cells; the file may be cut off"
            )
        if all(key[place] in codes for place, codes in chosen):
            keys.append(key)
            cells.append(rest)
    return _cube(names, periods, keys, cells)


def _header(line: str) -> tuple[list[str], list[str]]:
    first, *periods = line.split("\t")
    dimensions, slash, time = first.partition("\\")
    if not slash or time.strip().upper() not in {"TIME_PERIOD", "TIME"} or not periods:
        raise TsvError(r"line 1 is not a TSV header (codes\TIME_PERIOD, then periods)")
    return [name.strip() for name in dimensions.split(",")], [period.strip() for period in periods]


def _cube(names: list[str], periods: list[str], keys: list[list[str]], cells: list[list[str]]) -> Cube:
    table = pd.DataFrame(
        np.repeat(np.array(keys, dtype=object).reshape(-1, len(names)), len(periods), axis=0)
    )
    table = table.set_axis(names, axis=1)
    table["time"] = np.tile(np.array(periods, dtype=object), len(keys))
    parsed = [_value_and_flag(cell) for row in cells for cell in row]
    table["value"] = np.array([value for value, _ in parsed], dtype=np.float64)
    table["flag"] = [flag for _, flag in parsed]
    codes = {name: tuple(dict.fromkeys(table[name])) for name in [*names, "time"]}
    return Cube(table, codes, None)


def _value_and_flag(cell: str) -> tuple[float, str]:
    text = cell.strip()
    if not text:
        return float("nan"), ""
    found = _CELL.fullmatch(text)
    if found is None:
        raise TsvError("a cell is neither a number nor missing; choose series that hold counts")
    number, flag, confidential = found.groups()
    value = float("nan") if number == ":" else float(number)
    return value, (flag or "") + (f"|{confidential}" if confidential else "")
