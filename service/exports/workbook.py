"""An export as a workbook: one sheet per table, and one that says where it all comes from.

Office Open XML (ECMA-376). The same export gives the same bytes: the properties carry the moment of the order, the
entries of the archive the earliest moment that it can carry. Texts are texts, never formulas. Must not know HTTP.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from service.exports.content import FORMULA_SIGNS, Export, flattened

PROVENANCE = "provenance"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
_WIDEST = 60


def to_workbook(export: Export) -> bytes:
    """The bytes of the workbook."""
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    book.remove(first)
    for table in export.tables:
        _fill(book.create_sheet(table.name), [table.columns, *table.rows])
    told = list(flattened(export.about))
    if export.source_line:
        told.insert(0, ("source", export.source_line))
    _fill(book.create_sheet(PROVENANCE), [("field", "value"), *told])
    # The format has no time zones; the service's moments are UTC.
    book.properties.created = export.made_at.replace(tzinfo=None, microsecond=0)
    book.properties.creator, book.properties.title = "Instroom", f"Forecast {export.forecast}"
    stream = io.BytesIO()
    book.save(stream)
    moment = export.made_at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return _without_clock(stream.getvalue(), moment)


def _fill(sheet: Worksheet, rows: Iterable[tuple[Any, ...]]) -> None:
    widths: dict[int, int] = {}
    for number, row in enumerate(rows, start=1):
        for place, value in enumerate(row, start=1):
            _write(sheet, number, place, value)
            widths[place] = min(_WIDEST, max(widths.get(place, 8), len(str(value)) + 2))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for place, width in widths.items():
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _write(sheet: Worksheet, row: int, column: int, value: Any) -> None:
    if not isinstance(value, str):
        sheet.cell(row, column, value)
        return
    cell = sheet.cell(row, column, ILLEGAL_CHARACTERS_RE.sub("", value))
    cell.data_type = "s"
    # So that it stays a text when somebody edits the cell.
    cell.quotePrefix = value.startswith(FORMULA_SIGNS)


def _without_clock(data: bytes, moment: bytes) -> bytes:
    """The same archive, without the moment at which it was written: the writer offers no other way."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as written,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as fixed,
    ):
        for entry in written.infolist():
            content = written.read(entry)
            if entry.filename == "docProps/core.xml":
                content = _MODIFIED.sub(lambda found: found.group(1) + moment, content)
            target = zipfile.ZipInfo(entry.filename, _EARLIEST)
            target.compress_type = zipfile.ZIP_DEFLATED
            fixed.writestr(target, content)
    return stream.getvalue()
