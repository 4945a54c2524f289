"""Realisations from KMI+ and others with a layout of their own: a file and its mapping become a delivery.

The steps: read the file as text -> refuse personal data in any column -> choose rows -> turn columns by the
mapping -> the same checks as every delivery -> date by the rule, if the mapping has one. The file is refused
whole, with every fault at the row and column of the deliverer. Must not know storage or HTTP.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from service.sources import kmi_cells
from service.sources.delivery import MISSING_COLUMN
from service.sources.kmi_files import TextTable, read_table
from service.sources.kmi_mapping import Ours, SourceMapping
from service.sources.personal_data import personal_column, personal_values
from service.sources.publication_lag import describe, reconstructed_known_at
from service.sources.refusal import DeliveryRefused, RowError, faults_where
from service.sources.row_checks import DELIVERY_COLUMNS, checked


@dataclass(frozen=True)
class MappedDelivery:
    """`frame` has DELIVERY_COLUMNS; `notes` say how to read it; the mapping did not keep `skipped` rows."""

    frame: pd.DataFrame
    notes: tuple[str, ...]
    skipped: int


def parse_kmi_delivery(
    data: bytes, mapping: SourceMapping, received_at: datetime | None = None
) -> MappedDelivery:
    """The delivery in `data` (CSV, XLSX or Parquet); raises DeliveryRefused with every fault."""
    received = received_at or datetime.now(UTC)
    table = read_table(data, mapping.file)
    found = [*table.found, *_column_faults(table, mapping), *_personal_faults(table, mapping)]
    missing = [name for name in mapping.known_columns() if name not in table.cells.columns]
    if missing:
        raise DeliveryRefused(found)
    chosen = table.cells[_chosen(table.cells, mapping)]
    if chosen.empty and not found:
        dutch = "Het vertaalbestand laat geen enkele rij over."
        raise DeliveryRefused([RowError(None, "file", "has no row that the mapping keeps", dutch)])
    ours, turning = _turned(chosen, mapping)
    frame = _checked(ours, received, [*found, *turning], mapping)
    notes: tuple[str, ...] = ()
    if mapping.lag_days is not None:
        moment = pd.Timestamp(received).tz_convert("UTC").floor("s")
        frame = frame.assign(known_at=reconstructed_known_at(frame["period"], mapping.lag_days, moment))
        notes = (describe(mapping.lag_days),)
    return MappedDelivery(frame, notes, len(table.cells) - len(chosen))


def _column_faults(table: TextTable, mapping: SourceMapping) -> list[RowError]:
    known = mapping.known_columns()
    present = list(table.cells.columns)
    row = table.header_row or None
    errors = [RowError(row, name, *MISSING_COLUMN) for name in known if name not in present]
    recognised = bool(set(known) & set(present))
    for place, name in enumerate(present, start=1):
        shown = name if recognised and len(name) <= 40 and name.isprintable() else f"column {place}"
        if (reason := personal_column(name)) is not None:
            errors.append(RowError(row, shown, *reason))
        elif name not in known:
            detail = f"unknown to mapping {mapping.name}; map it or add it to ignore"
            dutch = f"onbekend in vertaalbestand {mapping.name}; vertaal haar of zet haar bij ‘ignore’"
            errors.append(RowError(row, shown, detail, dutch))
    return errors


def _personal_faults(table: TextTable, mapping: SourceMapping) -> list[RowError]:
    """Values shaped like a person's, in every column, those left out included: they came in all the same."""
    dated = {mapping.columns.get("period"), mapping.columns.get("known_at"), *mapping.date_columns}
    errors: list[RowError] = []
    for place, name in enumerate(table.cells.columns):
        cells = table.cells[name]
        shown = name if name in mapping.known_columns() else f"column {place + 1}"
        for mask, reason in personal_values(cells, dates_expected=name in dated):
            errors += faults_where(mask, cells, shown, reason)
    return errors


def _chosen(cells: pd.DataFrame, mapping: SourceMapping) -> np.ndarray:
    chosen = np.ones(len(cells), dtype=bool)
    for name, values in mapping.keep.items():
        chosen &= cells[name].isin(values).to_numpy(dtype=bool)
    for name, values in mapping.drop.items():
        chosen &= ~cells[name].isin(values).to_numpy(dtype=bool)
    return chosen


def _turned(cells: pd.DataFrame, mapping: SourceMapping) -> tuple[pd.DataFrame, list[RowError]]:
    """Cells in DELIVERY_COLUMNS with the faults of turning them, named by our columns."""
    ours = pd.DataFrame("", index=cells.index, columns=list(DELIVERY_COLUMNS), dtype="str")
    errors: list[RowError] = []
    for name, constant in mapping.constants.items():
        ours[name] = constant
    for name, theirs in mapping.columns.items():
        column, faults = _column(name, cells[theirs].str.strip(), mapping)
        ours[name] = column
        errors += faults
    return ours, errors


def _column(name: Ours, cells: pd.Series, mapping: SourceMapping) -> kmi_cells.Column:
    errors: list[RowError] = []
    if name in mapping.translate:
        cells, errors = kmi_cells.translated(cells, name, mapping.translate[name])
    if name == "period":
        return kmi_cells.periods(cells, name, mapping.period.format)
    if name == "value":
        number = mapping.number
        return kmi_cells.counts(cells, name, number.decimal, number.thousands, number.missing)
    if name == "known_at" and mapping.known_at is not None:
        return kmi_cells.dates(cells, name, mapping.known_at.format)
    return cells, errors


def _checked(
    ours: pd.DataFrame, received: datetime, found: list[RowError], mapping: SourceMapping
) -> pd.DataFrame:
    """The checked delivery; a cell that could not be turned is reported once, by the deliverer's column."""
    told = {(error.row, error.field) for error in found}
    try:
        frame = checked(ours, received)
        errors = found
    except DeliveryRefused as refused:
        errors = found + [error for error in refused.errors if (error.row, error.field) not in told]
    if errors:
        theirs = dict(mapping.columns)
        renamed = {RowError(e.row, theirs.get(e.field, e.field), e.detail, e.detail_nl) for e in errors}  # type: ignore[call-overload]
        raise DeliveryRefused(renamed) from None
    return frame
