"""Old reports transcribed: a CSV of forecasts, one row per quantile, into the list the HTTP contract takes.

    series;geo;citizen;edition;issued_on;cutoff;target_year;stage;issuer;quantile_level;value[;expert;source;...]

`quantile_level` is a number between 0 and 1, a fraction (2/3), one of minimum, median, medio, maximum, or empty for
a point. Rows that agree in edition, issuer, expert, stage, target and year are one forecast and must agree in the
rest. Comma or semicolon, UTF-8. Must not know what the values mean together, nor storage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.sources.delivery import NO_ROWS, csv_records, decoded, header_faults, ragged_faults
from service.sources.refusal import DeliveryRefused, RowError

COLUMNS = {
    "series": "series",
    "geo": "geo",
    "citizen": "citizen",
    "edition": "edition",
    "issued_on": "issuedOn",
    "cutoff": "cutoff",
    "target_year": "targetYear",
    "stage": "stage",
    "issuer": "issuer",
    "expert": "expert",
    "source": "source",
    "supersedes": "supersedes",
    "reason": "reason",
}
OWN_COLUMNS = ("quantile_level", "value")
OPTIONAL = ("citizen", "expert", "source", "supersedes", "reason")
NAMED_LEVELS = {"minimum": 0.125, "median": 0.5, "mediaan": 0.5, "medio": 2 / 3, "maximum": 0.875}
_KEY = ("series", "geo", "citizen", "edition", "target_year", "stage", "issuer", "expert")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,17})?")
_FRACTION = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@dataclass
class TranscribedForecast:
    """A forecast as a member of the contract's list, and where each part of it stands in the file."""

    stated: dict[str, Any]
    row: int
    places: dict[str, tuple[int, str]] = field(default_factory=dict)

    def place(self, pointer: str) -> tuple[int, str]:
        """Row and column of a JSON pointer into `stated`."""
        parts = pointer.strip("/").split("/")
        for length in range(len(parts), 0, -1):
            if (found := self.places.get("/".join(parts[:length]))) is not None:
                return found
        return self.row, "row"


def read_archive_table(data: bytes) -> list[TranscribedForecast]:
    """The forecasts of a CSV in the order of their first rows; raises DeliveryRefused with every fault."""
    lines, records = csv_records(decoded(data))
    header = [name.strip() for name in records[0]]
    accepted = (*COLUMNS, *OWN_COLUMNS)
    errors = header_faults(header, accepted, [name for name in accepted if name not in OPTIONAL])
    if errors:
        raise DeliveryRefused(errors)
    if len(records) == 1:
        raise DeliveryRefused([NO_ROWS])
    errors = ragged_faults(lines, records)
    forecasts: dict[tuple[str, ...], TranscribedForecast] = {}
    for line, record in zip(lines[1:], records[1:], strict=True):
        if len(record) == len(header):
            cells = dict(zip(header, (cell.strip() for cell in record), strict=True))
            errors += _add(forecasts, line, cells)
    if errors:
        raise DeliveryRefused(errors)
    found = list(forecasts.values())
    for forecast in found:
        _in_order(forecast)
    return found


def _add(
    forecasts: dict[tuple[str, ...], TranscribedForecast], line: int, cells: Mapping[str, str]
) -> list[RowError]:
    key = tuple(cells.get(name, "") for name in _KEY)
    known = forecasts.get(key)
    errors = []
    if known is None:
        known = forecasts[key] = _first_row(line, cells)
    else:
        differing = [name for name in COLUMNS if name in cells and not _same(known, name, cells[name])]
        errors = [
            RowError(
                line,
                name,
                f"differs from row {known.row} of the same forecast",
                f"wijkt af van rij {known.row} van dezelfde prognose",
            )
            for name in differing
        ]
    return errors + _add_value(known, line, cells["quantile_level"], cells["value"])


def _first_row(line: int, cells: Mapping[str, str]) -> TranscribedForecast:
    stated = {named: cells[name] for name, named in COLUMNS.items() if cells.get(name)}
    places = {named: (line, name) for name, named in COLUMNS.items()}
    return TranscribedForecast(stated, line, places)


def _same(known: TranscribedForecast, name: str, cell: str) -> bool:
    return str(known.stated.get(COLUMNS[name], "")) == cell


def _add_value(forecast: TranscribedForecast, line: int, level: str, value: str) -> list[RowError]:
    if not _NUMBER.fullmatch(value):
        detail = "is not a number of persons; write digits only, without a separator of thousands"
        dutch = "is geen aantal personen; schrijf alleen cijfers, zonder punten voor duizendtallen"
        return [RowError(line, "value", detail, dutch)]
    if not level:
        if "point" in forecast.stated:
            detail = f"the forecast of row {forecast.row} has a point already"
            return [RowError(line, "value", detail, f"de prognose van rij {forecast.row} heeft al een punt")]
        forecast.stated["point"] = float(value)
        forecast.places["point"] = line, "value"
        return []
    read = _level(level)
    if read is None:
        detail = "is not a quantile level; write 0.125, 2/3 or minimum, median, medio, maximum; empty = point"
        dutch = "is geen niveau; schrijf 0.125, 2/3 of minimum, median, medio, maximum; leeg is een punt"
        return [RowError(line, "quantile_level", detail, dutch)]
    stated = forecast.stated.setdefault("quantiles", [])
    stated.append({"level": read, "value": float(value), "line": line})
    return []


def _level(text: str) -> float | None:
    if (named := NAMED_LEVELS.get(text.lower())) is not None:
        return named
    if fraction := _FRACTION.fullmatch(text):
        over, under = int(fraction[1]), int(fraction[2])
        return over / under if under else None
    return float(text) if _NUMBER.fullmatch(text) else None


def _in_order(forecast: TranscribedForecast) -> None:
    """Quantiles by level: the rows of a report may stand in any order."""
    quantiles = forecast.stated.get("quantiles")
    if quantiles is None:
        return
    quantiles.sort(key=lambda quantile: quantile["level"])
    forecast.places["quantiles"] = quantiles[0]["line"], "quantile_level"
    for number, quantile in enumerate(quantiles):
        line = quantile.pop("line")
        forecast.places[f"quantiles/{number}/level"] = line, "quantile_level"
        forecast.places[f"quantiles/{number}/value"] = line, "value"
