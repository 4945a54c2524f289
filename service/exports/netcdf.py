"""An export as netCDF: quantiles of yearly totals and of months, provenance as attributes of the file.

    dimensions   quantile_level, year, month        month: days since 1970-01-01, the first of the month
    variables    year_quantile(quantile_level, year), month_quantile(quantile_level, month), means, sd, observed

Classic format with 64-bit offsets (version 2), conventions CF-1.11. The format holds no moment of writing, so the
same export gives the same bytes. Must not know HTTP.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.io import netcdf_file

from service.exports.content import Export, snake

_PERSONS = "persons"


def to_netcdf(export: Export) -> bytes:
    """The bytes of the file."""
    known, stream = export.quantiles, io.BytesIO()
    days = np.array(known.months, dtype="datetime64[M]").astype("datetime64[D]").astype(np.int32)
    with netcdf_file(stream, "w", mmap=False, version=2) as file:
        for name, value in _attributes(export):
            setattr(file, name, value)
        for name, size in (
            ("quantile_level", len(known.levels)),
            ("year", len(known.years)),
            ("month", len(days)),
        ):
            file.createDimension(name, size)
        _put(file, "quantile_level", np.array(known.levels), units="1", long_name="quantile level")
        _put(file, "year", np.array(known.years, dtype=np.int32), long_name="target year")
        _put(file, "month", days, units="days since 1970-01-01", calendar="standard", standard_name="time")
        for name, dims, values, told in _variables(export):
            _put(file, name, values, dims, units=_PERSONS, long_name=told)
        file.flush()
        return stream.getvalue()


def _variables(export: Export) -> Iterator[tuple[str, tuple[str, ...], Any, str]]:
    known, series = export.quantiles, export.series
    yield "year_quantile", ("quantile_level", "year"), known.by_year, f"quantiles of {series} per year"
    yield "year_mean", ("year",), known.year_mean, f"mean of {series} per year"
    yield "year_sd", ("year",), known.year_sd, f"standard deviation of {series} per year"
    yield "month_quantile", ("quantile_level", "month"), known.by_month, f"quantiles of {series} per month"
    yield "month_mean", ("month",), known.month_mean, f"mean of {series} per month"
    yield "observed", ("month",), known.observed, f"{series} as counted, NaN where it was not yet"


def _put(
    file: netcdf_file, name: str, values: Any, dims: tuple[str, ...] | None = None, **attributes: str
) -> None:
    variable = file.createVariable(name, values.dtype, dims or (name,))
    variable[:] = values
    for key, value in attributes.items():
        setattr(variable, key, value.encode())
    if name == "observed":
        variable._FillValue = np.float64(np.nan)


def _attributes(export: Export) -> Iterator[tuple[str, bytes]]:
    """Text in UTF-8: one attribute per field of the provenance, the rest as JSON; an absent value has none."""
    told: dict[str, Any] = {
        "Conventions": "CF-1.11",
        "title": f"Instroom forecast {export.forecast}",
        "attribution": export.source_line,
        "forecast": export.forecast,
        "edition": export.edition,
        "series": export.series,
        "geo": export.geo,
        "citizen": export.citizen,
        "cutoff": export.cutoff.isoformat(),
    }
    told |= {snake(name): value for name, value in export.about["provenance"].items()}
    told |= {name: value for name, value in export.about.items() if name not in ("provenance", "forecast")}
    for name, value in told.items():
        if value is not None and value != "":
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield snake(name), text.encode()
