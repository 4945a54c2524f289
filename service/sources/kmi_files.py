"""Reads a CSV, XLSX or Parquet file into text cells with the row numbers its maker sees.

Workbooks count only as the values they show: formulas, merged cells, error values and macros are refused with
the remedy, since what they mean depends on the program that opens them. The kind of file is told by its first
bytes, not its name. Must not know what columns mean.
"""

import io
import zipfile
from datetime import date, datetime
from typing import NamedTuple

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.worksheet.worksheet import Worksheet

from service.sources.delivery import csv_records, decoded, ragged_faults
from service.sources.kmi_mapping import FileFormat
from service.sources.refusal import DeliveryRefused, RowError

LARGEST_UNPACKED = 200_000_000
LARGEST_GRID = 5_000_000
_LEGACY = b"\xd0\xcf\x11\xe0"


class TextTable(NamedTuple):
    """`cells`: text ('' = empty), columns as in the file, indexed by row number; `found`: faults so far."""

    cells: pd.DataFrame
    header_row: int
    found: tuple[RowError, ...]


def read_table(data: bytes, layout: FileFormat) -> TextTable:
    """The table in a file of any of the three kinds; raises DeliveryRefused when it cannot be read."""
    if data.startswith(_LEGACY):
        raise _refused(
            "is an old or protected workbook; save it as .xlsx without a password",
            "Dit is een oud of beveiligd werkboek; bewaar het als .xlsx zonder wachtwoord.",
        )
    if data.startswith(b"PK"):
        return _workbook(data, layout)
    if data.startswith(b"PAR1"):
        return _parquet(data)
    return _csv(data, layout)


def _csv(data: bytes, layout: FileFormat) -> TextTable:
    lines, records = csv_records(decoded(data, layout.encoding), layout.delimiter)
    width = len(records[0])
    rows = {line: r for line, r in zip(lines[1:], records[1:], strict=True) if len(r) == width}
    return _table(records[0], rows, lines[0], ragged_faults(lines, records))


def _table(
    header: list[str], rows: dict[int, list[str]], header_row: int, found: list[RowError]
) -> TextTable:
    names = [name.strip() for name in header]
    twice = {name for name in names if names.count(name) > 1 or not name}
    if twice:
        detail = "has a column without a name or two with the same"
        dutch = "Er is een kolom zonder naam, of er zijn er twee met dezelfde."
        raise DeliveryRefused([RowError(header_row, "header", detail, dutch)])
    if not rows and not found:
        raise _refused("holds a header but no rows", "Er staat wel een kop in, maar geen rijen.")
    cells = pd.DataFrame(list(rows.values()), columns=names, index=list(rows), dtype=str)
    return TextTable(cells, header_row, tuple(found))


def _workbook(data: bytes, layout: FileFormat) -> TextTable:
    _refuse_macros(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        detail = "is a workbook that cannot be read; save it again as .xlsx"
        raise _refused(
            detail, "Dit werkboek kan niet worden gelezen; bewaar het opnieuw als .xlsx."
        ) from error
    sheet = _sheet(book, layout.sheet)
    found = [
        RowError(
            area.min_row,
            str(area),
            "merged cells; unmerge them and fill in every cell",
            "samengevoegde cellen; hef dat op en vul elke cel",
        )
        for area in sheet.merged_cells.ranges
    ]
    if sheet.max_row * sheet.max_column > LARGEST_GRID:
        detail = "has cells too far from the others; copy the table to a new sheet"
        raise _refused(detail, "Er staan cellen te ver van de andere; kopieer de tabel naar een nieuw blad.")
    grid: dict[int, list[str]] = {}
    for row in sheet.iter_rows(min_row=layout.header_row):
        grid[row[0].row or 0] = [_shown(cell, found) for cell in row]
    filled = {number: cells for number, cells in grid.items() if any(cells)}
    if found:
        raise DeliveryRefused(found)
    if layout.header_row not in filled:
        missing = RowError(
            layout.header_row, "header", "not found in this row of the sheet", "Hier hoort de kop te staan."
        )
        raise DeliveryRefused([missing])
    header = filled.pop(layout.header_row)
    used = max(place for place, name in enumerate(header) if name) + 1
    beyond = [
        RowError(n, "row", "has cells to the right of the header", "Er staan cellen rechts van de kop.")
        for n, row in filled.items()
        if any(row[used:])
    ]
    return _table(header[:used], {n: row[:used] for n, row in filled.items()}, layout.header_row, beyond)


def _refuse_macros(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            unpacked = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile:
        detail = "is a workbook that is cut off or damaged; send it again"
        raise _refused(detail, "Dit werkboek is afgebroken of beschadigd; bewaar het opnieuw.") from None
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        detail = "holds macros; save it as a workbook without macros (.xlsx)"
        raise _refused(
            detail, "In dit werkboek zitten macro’s; bewaar het als werkboek zonder macro’s (.xlsx)."
        )
    if "xl/workbook.xml" not in names:
        raise _refused("is not an .xlsx workbook", "Dit is geen .xlsx-werkboek.")
    if unpacked > LARGEST_UNPACKED:
        detail = "is too large once unpacked; deliver it as Parquet or in parts"
        raise _refused(detail, "Dit werkboek is uitgepakt te groot; verdeel het.")


def _sheet(book: openpyxl.Workbook, name: str | None) -> Worksheet:
    if name is not None and name not in book.sheetnames:
        detail = f"has no sheet {name!r}, which the mapping asks for"
        raise _refused(detail, f"Het blad {name!r}, waar het vertaalbestand om vraagt, is er niet.")
    if name is None and len(book.sheetnames) > 1:
        raise _refused(
            "has more than one sheet; name the one to read in the mapping ([file] sheet)",
            "Dit werkboek heeft meer dan één blad; laat er één over, of noem het blad ‘scenarios’.",
        )
    sheet = book[name or book.sheetnames[0]]
    if not isinstance(sheet, Worksheet):
        raise _refused(
            "has a chart where the mapping expects a sheet", "Het blad is een grafiek, geen tabel."
        )
    return sheet


def _shown(cell: Cell | MergedCell, found: list[RowError]) -> str:
    """The cell as text; a formula, error or truth value becomes a fault."""
    if cell.data_type in {"f", "e", "b"}:
        kinds = {
            "f": ("holds a formula; paste it as a value", "een formule; plak de uitkomst als waarde"),
            "e": (
                "holds an error value; correct it or leave the cell empty",
                "een foutwaarde; verbeter die of maak de cel leeg",
            ),
            "b": (
                "holds true or false; write text or a number",
                "waar of onwaar; schrijf tekst of een getal",
            ),
        }
        found.append(RowError(cell.row, cell.coordinate, *kinds[str(cell.data_type)]))
        return ""
    return _text(cell.value)


def _parquet(data: bytes) -> TextTable:
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        dutch = "Dit Parquet-bestand kan niet worden gelezen; schrijf het opnieuw."
        raise _refused("is a Parquet file that cannot be read; write it again", dutch) from error
    columns = {name: [_text(item) for item in table.column(name).to_pylist()] for name in table.column_names}
    rows = dict(enumerate((list(row) for row in zip(*columns.values(), strict=True)), start=1))
    return _table(list(columns), rows, 0, [])


def _text(value: object) -> str:
    """A cell as text; a fraction is marked, lest its point be taken for a sign of thousands."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value!r} (fraction)"
    if isinstance(value, datetime):
        midnight = value.hour == value.minute == value.second == 0
        return value.date().isoformat() if midnight else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _refused(detail: str, dutch: str) -> DeliveryRefused:
    return DeliveryRefused([RowError(None, "file", detail, dutch)])
