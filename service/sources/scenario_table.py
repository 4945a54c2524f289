"""A scenario set as a table: one row per scenario, event or unforeseen part and year, three numbers each.

    kind;scenario;label;family;spread_meaning;probability;year;expected;spread[;excludes;probability_by_scenario;start]

Only `scenario`, `probability`, `year`, `expected` and `spread` are needed; Dutch names of columns are understood.
Numbers are 0.25, 0,25 or 25%; a CSV has commas or semicolons, a workbook no formulas, merged cells or macros. Every
fault is named by its cell. Reads and writes tables; must not know what a set means.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter

from service.sources.kmi_files import read_table
from service.sources.kmi_mapping import FileFormat
from service.sources.refusal import DeliveryRefused, RowError

COLUMNS = (
    "kind", "scenario", "label", "family", "spread_meaning", "probability", "year", "expected", "spread",
    "degrees_of_freedom", "excludes", "probability_by_scenario", "start",
)  # fmt: skip
REQUIRED = ("scenario", "probability", "year", "expected", "spread")
_DUTCH = {
    "soort": "kind", "sleutel": "scenario", "key": "scenario", "naam": "label", "familie": "family",
    "betekenis_spreiding": "spread_meaning", "kans": "probability", "jaar": "year", "verwacht": "expected",
    "verwachting": "expected", "spreiding": "spread", "vrijheidsgraden": "degrees_of_freedom",
    "sluit_uit": "excludes", "kans_per_scenario": "probability_by_scenario", "vanaf": "start",
}  # fmt: skip
_IN_DUTCH = {english: dutch.replace("_", " ") for dutch, english in reversed(_DUTCH.items())}
_KINDS = {"": "scenario", "scenario": "scenario", "event": "event", "gebeurtenis": "event"}
_KINDS |= {"unforeseen": "unforeseen", "onvoorzien": "unforeseen"}
MOST_ROWS = 2_000
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)?|[.,]\d+)([eE][+-]?\d+)?\s*%?")
_GROUPED = re.compile(r"[+-]?\d{1,3}([.  ]\d{3})+(,\d+)?|[+-]?\d{1,3}([,  ]\d{3})+(\.\d+)?")
_SHEET = "scenarios"
_FORMULA_SIGNS = ("=", "+", "-", "@")


def read_scenario_table(data: bytes) -> dict[str, Any]:
    """`scenarios`, and `events` and `unforeseen` where there are any, in the names of the HTTP contract.

    Raises DeliveryRefused with every fault, each named by its cell. What the values mean together is not checked.
    """
    table = read_table(data, FileFormat(sheet=_sheet(data)))
    names = [_column(name) for name in table.cells.columns]
    faults = [*table.found, *_header_faults(names, table.header_row)]
    if faults:
        raise DeliveryRefused(faults)
    if len(table.cells) > MOST_ROWS:
        dutch = f"Het bestand heeft meer dan {MOST_ROWS} rijen."
        raise DeliveryRefused([RowError(None, "file", f"has more than {MOST_ROWS:,} rows", dutch)])
    reading = _Reading(names)
    for number, row in zip(table.cells.index, table.cells.to_numpy(dtype=str), strict=True):
        reading.add(int(number), dict(zip(names, map(str.strip, row), strict=True)))
    if reading.faults:
        raise DeliveryRefused(reading.faults)
    return reading.document()


def _sheet(data: bytes) -> str | None:
    """Our own sheet where a workbook has one beside others."""
    if not data.startswith(b"PK"):
        return None
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    except Exception:  # whatever is wrong with the workbook is named by the reader that follows
        return None
    names = list(book.sheetnames)
    book.close()
    return _SHEET if _SHEET in names else None


def _column(name: str) -> str:
    plain = re.sub(r"[\s-]+", "_", name.strip().casefold())
    return _DUTCH.get(plain, plain)


def _header_faults(names: list[str], row: int) -> Iterator[RowError]:
    for place, name in enumerate(names, start=1):
        cell = f"{get_column_letter(place)}{row}"
        if name not in COLUMNS:
            known = ", ".join(COLUMNS)
            yield RowError(
                row, cell, f"unknown column; known are {known}", f"onbekende kolom; bekend zijn {known}"
            )
        elif name in names[: place - 1]:
            yield RowError(
                row, cell, f"the column {name} occurs more than once", f"de kolom {name} staat er twee keer"
            )
    for name in REQUIRED:
        if name not in names:
            yield RowError(
                row,
                "header",
                f"the column {name} is missing",
                f"de kolom {_IN_DUTCH[name]} ({name}) ontbreekt",
            )


class _Reading:
    """Rows gathered into parts; `faults` so far."""

    def __init__(self, names: list[str]) -> None:
        self.faults: list[RowError] = []
        self._letters = {name: get_column_letter(place) for place, name in enumerate(names, start=1)}
        self._parts: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, row: int, cells: Mapping[str, str]) -> None:
        kind = _KINDS.get(cells.get("kind", "").casefold())
        if kind is None:
            return self._fault(
                row,
                "kind",
                "must be scenario, event or unforeseen",
                "moet scenario, gebeurtenis of onvoorzien zijn",
            )
        key = cells["scenario"] or kind
        numbers = {
            name: self._number(row, name, cells[name]) for name in ("probability", "expected", "spread")
        }
        year = cells["year"]
        if not re.fullmatch(r"\d{4}", year):
            return self._fault(
                row, "year", "must be a year of four digits", "moet een jaar van vier cijfers zijn"
            )
        stated = self._heading(row, kind, cells, numbers["probability"])
        part = self._parts.setdefault((kind, key), {**stated, "years": {}})
        for name in stated:
            if part[name] != stated[name]:
                column = _snake(name)
                self._fault(
                    row,
                    column,
                    f"differs from an earlier row of {key!r}; one {kind} has one {column}",
                    f"anders dan in een eerdere rij van ‘{key}’; per onderdeel is er één waarde",
                )
        if year in part["years"]:
            self._fault(
                row, "year", f"{year} is stated twice for {key!r}", f"{year} staat er twee keer voor ‘{key}’"
            )
        part["years"][year] = {"expected": numbers["expected"], "spread": numbers["spread"]}
        return None

    def _heading(self, row: int, kind: str, cells: Mapping[str, str], probability: float) -> dict[str, Any]:
        stated: dict[str, Any] = {"probability": probability}
        if kind != "unforeseen":
            stated |= {"key": cells["scenario"], "label": _unquoted(cells.get("label", ""))}
        for name in ("family", "spread_meaning", "start"):
            if cells.get(name):
                stated["spreadMeaning" if name == "spread_meaning" else name] = cells[name]
        if cells.get("degrees_of_freedom"):
            stated["degreesOfFreedom"] = self._number(row, "degrees_of_freedom", cells["degrees_of_freedom"])
        if cells.get("excludes"):
            stated["excludes"] = cells["excludes"].split()
        if cells.get("probability_by_scenario"):
            stated["probabilityByScenario"] = self._by_scenario(row, cells["probability_by_scenario"])
        return stated

    def _by_scenario(self, row: int, text: str) -> dict[str, float]:
        found = {}
        for pair in text.split():
            key, sign, value = pair.partition("=")
            if not sign:
                self._fault(
                    row,
                    "probability_by_scenario",
                    "must be written as key=probability key=probability",
                    "schrijf sleutel=kans sleutel=kans",
                )
                return {}
            found[key] = self._number(row, "probability_by_scenario", value)
        return found

    def _number(self, row: int, column: str, text: str) -> float:
        plain = text.removesuffix(" (fraction)").strip()
        # A workbook's own fraction is no text with signs between thousands.
        written = plain == text and not re.fullmatch(r"[+-]?0[.,]\d+", plain)
        if written and _GROUPED.fullmatch(plain):
            self._fault(
                row,
                column,
                "leave out the signs between thousands: 34000, not 34.000",
                "laat de tekens tussen duizendtallen weg: 34000, niet 34.000",
            )
            return 0.0
        if not _NUMBER.fullmatch(plain):
            if plain:
                self._fault(row, column, "must be a number", "moet een getal zijn")
            else:
                self._fault(row, column, "is empty; a number is needed", "leeg; hier is een getal nodig")
            return 0.0
        percent = plain.endswith("%")
        value = float(plain.rstrip("% ").replace(",", "."))
        return value / 100 if percent else value

    def _fault(self, row: int, column: str, detail: str, dutch: str) -> None:
        cell = f"{self._letters.get(column, '')}{row}"
        self.faults.append(RowError(row, cell, f"{column} {detail}", f"{_IN_DUTCH[column]}: {dutch}"))

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = {"scenarios": self._of("scenario")}
        if events := self._of("event"):
            found["events"] = events
        if unforeseen := self._of("unforeseen"):
            found["unforeseen"] = unforeseen[0]
        return found

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [part for (own, _), part in self._parts.items() if own == kind]


def _unquoted(text: str) -> str:
    """Without the sign that keeps a spreadsheet from reading a text as a formula."""
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA_SIGNS else text


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found.group(1).lower()}", name)


def table_rows(document: Mapping[str, Any]) -> list[list[Any]]:
    """Header and rows of a set in the names of the HTTP contract; numbers stay numbers, absent cells empty."""
    rows: list[list[Any]] = [list(COLUMNS)]
    for scenario in document["scenarios"]:
        rows += _part_rows("scenario", scenario)
    for event in document.get("events") or ():
        rows += _part_rows("event", event)
    if document.get("unforeseen"):
        rows += _part_rows("unforeseen", {"key": "unforeseen", **document["unforeseen"]})
    return rows


def _part_rows(kind: str, part: Mapping[str, Any]) -> Iterator[list[Any]]:
    by_scenario = part.get("probabilityByScenario") or {}
    told = {
        "kind": kind,
        "scenario": part["key"],
        "label": part.get("label"),
        "family": part.get("family"),
        "spread_meaning": part.get("spreadMeaning"),
        "probability": part["probability"],
        "degrees_of_freedom": part.get("degreesOfFreedom"),
        "excludes": " ".join(part.get("excludes") or ()),
        "probability_by_scenario": " ".join(f"{key}={value!r}" for key, value in by_scenario.items()),
        "start": part.get("start"),
    }
    for year, belief in sorted(part["years"].items()):
        row = {**told, "year": int(year), "expected": belief["expected"], "spread": belief["spread"]}
        yield [row.get(name) for name in COLUMNS]


def to_csv(rows: Iterable[list[Any]]) -> bytes:
    """The table as CSV, UTF-8 with commas; text that a spreadsheet would take for a formula is quoted by a sign."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([_shown(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def to_workbook(rows: Iterable[list[Any]], about: Mapping[str, Any]) -> bytes:
    """The table on a sheet `scenarios`, and what it is about on a second one; texts are never formulas."""
    book = openpyxl.Workbook()
    sheet, notes = book.active, book.create_sheet("about")
    assert sheet is not None
    sheet.title = _SHEET
    for target, content in ((sheet, rows), (notes, ([name, value] for name, value in about.items()))):
        for number, row in enumerate(content, start=1):
            for place, cell in enumerate(row, start=1):
                target.cell(number, place, cell)
                if isinstance(cell, str):
                    target.cell(number, place).data_type = "s"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _shown(cell: Any) -> Any:
    if isinstance(cell, float):
        text = repr(int(cell) if cell.is_integer() else cell)
        # Three decimals could be read as thousands.
        return f"{text}0" if _GROUPED.fullmatch(text) else text
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA_SIGNS else cell
