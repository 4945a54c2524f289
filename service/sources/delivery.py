"""Reads a delivery of realisations (CSV or JSON list) into one table in delivery shape.

CSV: UTF-8 with or without BOM, comma or semicolon, header line with DELIVERY_COLUMNS in any order; `track`,
`flag` and `known_at` may be absent. JSON: a list of objects with the same names, `knownAt` in camelCase.
One bad row refuses all: DeliveryRefused carries every fault with its row (CSV: the line in the file, header
is line 1; JSON: position in the list from 1). Nothing is logged and nothing is stored here.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from service.sources.personal_data import free_text_column, personal_column
from service.sources.refusal import DeliveryRefused, RowError
from service.sources.row_checks import DELIVERY_COLUMNS, REQUIRED_COLUMNS, checked

__all__ = ["DELIVERY_COLUMNS", "DeliveryRefused", "RowError", "parse_delivery_csv", "parse_delivery_json"]

# Refused as a count whatever it is exactly; larger integers need not be written out.
_BEYOND = 10**18
_AS_UTF8 = "Dit is geen UTF-8; bewaar het bestand als ‘CSV UTF-8’."
NO_ROWS = RowError(None, "file", "holds a header but no rows", "Er staat wel een kop in, maar geen rijen.")
MISSING_COLUMN = ("column is missing", "kolom ontbreekt")
_JSON_NAMES = {"knownAt" if name == "known_at" else name: name for name in DELIVERY_COLUMNS}


def parse_delivery_csv(data: bytes, *, received_at: datetime | None = None) -> pd.DataFrame:
    """The delivery in `data` as a table of DELIVERY_COLUMNS; raises DeliveryRefused with every fault.

    `value` is Int64 (missing = not available), `known_at` UTC (an empty one becomes `received_at`, by default
    now), all else text ('' = absent).
    """
    lines, records = csv_records(decoded(data))
    header = [name.strip() for name in records[0]]
    errors = header_faults(header, DELIVERY_COLUMNS, REQUIRED_COLUMNS)
    if errors:
        raise DeliveryRefused(errors)
    if len(records) == 1:
        raise DeliveryRefused([NO_ROWS])
    ragged = ragged_faults(lines, records)
    whole = [place for place, record in enumerate(records) if place and len(record) == len(header)]
    numbers = [lines[place] for place in whole]
    cells = pd.DataFrame([records[place] for place in whole], columns=header, index=numbers, dtype=str)
    return checked(cells.reindex(columns=list(DELIVERY_COLUMNS), fill_value=""), received_at, ragged)


def parse_delivery_json(items: Sequence[object], *, received_at: datetime | None = None) -> pd.DataFrame:
    """The delivery in a decoded JSON list, as `parse_delivery_csv`; rows are counted from 1."""
    if not isinstance(items, list) or not items:
        dutch = "moet een lijst van ten minste één rij zijn"
        raise DeliveryRefused([RowError(None, "body", "must be a list of at least one row", dutch)])
    errors: list[RowError] = []
    rows: dict[int, list[str]] = {}
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict):
            errors += _member_faults(number, item)
            rows[number] = [_cell(item.get(name)) for name in _JSON_NAMES]
        else:
            names = ", ".join(_JSON_NAMES)
            dutch = f"moet een object zijn met {names}"
            errors.append(RowError(number, "row", f"must be an object with {names}", dutch))
    cells = pd.DataFrame(list(rows.values()), columns=list(DELIVERY_COLUMNS), index=list(rows), dtype=str)
    return checked(cells, received_at, errors)


def decoded(data: bytes, encoding: str = "utf-8-sig") -> str:
    """The text of a file, its byte-order mark removed; raises DeliveryRefused when it is not so encoded."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data:
        raise DeliveryRefused([RowError(None, "file", "is not UTF-8 text; save it as 'CSV UTF-8'", _AS_UTF8)])
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        detail = "is not UTF-8; save the file as 'CSV UTF-8'"
        raise DeliveryRefused([RowError(line, "encoding", detail, _AS_UTF8)]) from None
    if not text.strip():
        raise DeliveryRefused([RowError(None, "file", "is empty", "Het bestand is leeg.")])
    return text


def header_faults(header: list[str], accepted: Sequence[str], required: Sequence[str]) -> list[RowError]:
    """Faults of a header line: personal, unknown, duplicate and missing columns.

    A name is repeated only when at least one known column stands beside it: a file without a header has a
    row of figures in its place.
    """
    if not set(header) & set(accepted):
        expected = ", ".join(accepted)
        detail = f"not found; the first line must name the columns: {expected}"
        return [
            RowError(
                1, "header", detail, f"niet gevonden; de eerste regel moet de kolommen noemen: {expected}"
            )
        ]
    errors: list[RowError] = []
    for place, name in enumerate(header, start=1):
        shown = name if len(name) <= 40 and name.isprintable() and name else f"column {place}"
        reason = personal_column(name) or free_text_column(name)
        if name not in accepted:
            known = ", ".join(accepted)
            unknown = f"unknown column; known are {known}", f"onbekende kolom; bekend zijn {known}"
            errors.append(RowError(1, shown, *(reason or unknown)))
    twice = [name for name, times in Counter(header).items() if times > 1 and name in accepted]
    errors += [
        RowError(1, name, "column occurs more than once", "kolom komt meer dan eens voor") for name in twice
    ]
    errors += [RowError(1, name, *MISSING_COLUMN) for name in required if name not in header]
    return errors


def csv_records(text: str, delimiter: str | None = None) -> tuple[list[int], list[list[str]]]:
    """Line number and cells of every record that is not blank, header first.

    The delimiter is found in the header when not given; raises DeliveryRefused for text that is no CSV.
    """
    separator = delimiter or _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines: list[int] = []
    records: list[list[str]] = []
    line = 1
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                lines.append(line)
                records.append(record)
            line = reader.line_num + 1
    except csv.Error:
        detail = "cannot be read as CSV from here on; look for a quotation mark that is not closed"
        dutch = "Vanaf hier is dit geen CSV; zoek een aanhalingsteken dat niet wordt gesloten."
        raise DeliveryRefused([RowError(line, "row", detail, dutch)]) from None
    return lines, records


def ragged_faults(lines: list[int], records: list[list[str]]) -> list[RowError]:
    """A fault for every record with more or fewer cells than the header."""
    width = len(records[0])
    return [
        RowError(
            line,
            "row",
            f"has {len(record)} cells, the header {width}; check the separators",
            f"{len(record)} cellen, de kop heeft er {width}; kijk naar de scheidingstekens.",
        )
        for line, record in zip(lines[1:], records[1:], strict=True)
        if len(record) != width
    ]


def _delimiter(text: str) -> str:
    header = text.lstrip("\r\n").split("\n", 1)[0]
    if "\t" in header and "," not in header and ";" not in header:
        detail = "is separated by tabs; use commas or semicolons"
        raise DeliveryRefused(
            [RowError(1, "header", detail, "Gescheiden door tabs; gebruik komma’s of puntkomma’s.")]
        )
    return ";" if header.count(";") > header.count(",") else ","


def _member_faults(number: int, item: dict[object, object]) -> list[RowError]:
    errors: list[RowError] = []
    for name, value in item.items():
        field = str(name)
        if field not in _JSON_NAMES:
            reason = personal_column(field) or free_text_column(field)
            shown = field if len(field) <= 40 and field.isprintable() and field else "member"
            known = ", ".join(_JSON_NAMES)
            unknown = f"unknown; known are {known}", f"onbekend; bekend zijn {known}"
            errors.append(RowError(number, shown, *(reason or unknown)))
        elif isinstance(value, bool | dict | list):
            dutch = "moet tekst, een getal of null zijn"
            errors.append(RowError(number, field, "must be text, a number or null", dutch))
    # Any other absent member fails its own check as an empty cell; an empty value would pass for one.
    if "value" not in item:
        dutch = "ontbreekt; schrijf null als het er niet is"
        errors.append(RowError(number, "value", "is missing; write null for none", dutch))
    return errors


def _cell(value: object) -> str:
    if value is None or isinstance(value, bool | dict | list):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, int):
        return str(min(max(value, -_BEYOND), _BEYOND))
    # A lone surrogate can be written in JSON but in no table.
    return str(value).encode("utf-8", "replace").decode("utf-8")
