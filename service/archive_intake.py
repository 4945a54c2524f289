"""From a list of forecasts, as JSON or transcribed in a CSV, to entries of the archive; or every fault at once.

    stated forecast -> ArchivedForecast (models.calibration) + source, and what it corrects -> NewEntry

A correction names the version it supersedes and gives a reason. Text that looks like personal data is refused and
never repeated. Must not know HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd

from models.calibration.archive import FORMS, InvalidArchive, archived_forecasts
from models.calibration.records import ArchivedForecast
from priors.faults import Fault
from service.sources.archive_table import TranscribedForecast, read_archive_table
from service.sources.personal_data import personal_values
from service.storage.archive import ArchiveConflicts, ArchiveKey, NewEntry

_BESIDE = ("source", "supersedes", "reason")
_TEXTS = ("edition", "issuer", "expert", "source", "reason")
_LONGEST = {"source": 1_000, "supersedes": 36, "reason": 2_000}
MOST_FORECASTS = 20_000


class IntakeFault(NamedTuple):
    """One thing wrong: the row (from 1, or the line of a CSV), the field, and what to do about it, in Dutch too."""

    row: int | None
    field: str
    detail: str
    detail_nl: str


class IntakeRefused(ValueError):
    """Nothing may be archived; `faults` are all that is wrong."""

    def __init__(self, faults: Iterable[IntakeFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"row {fault.row}: {fault.detail}" for fault in self.faults[:5]))


def entries_of_json(payload: object) -> list[NewEntry]:
    """Entries of a decoded JSON list; raises IntakeRefused, fields being JSON pointers into the list."""
    if not isinstance(payload, list) or not payload:
        dutch = "moet een lijst van ten minste één prognose zijn"
        raise IntakeRefused([IntakeFault(None, "", "must be a list of at least one forecast", dutch)])
    if len(payload) > MOST_FORECASTS:
        detail = f"may hold at most {MOST_FORECASTS:,} forecasts"
        dutch = f"mag hoogstens {MOST_FORECASTS} prognoses bevatten"
        raise IntakeRefused([IntakeFault(None, "", detail, dutch)])
    checked, faults = _checked(payload)
    if faults:
        raise IntakeRefused(
            IntakeFault(place + 1, f"/{place}{field}", *said) for place, field, *said in faults
        )
    return checked


def entries_of_table(data: bytes) -> tuple[list[NewEntry], list[TranscribedForecast]]:
    """Entries of a CSV with where they stand; raises IntakeRefused and DeliveryRefused, fields being columns."""
    rows = read_archive_table(data)
    stated = [{**row.stated, "targetYear": _year(row.stated.get("targetYear"))} for row in rows]
    checked, faults = _checked(stated)
    if faults:
        raise IntakeRefused(IntakeFault(*rows[place].place(field), *said) for place, field, *said in faults)
    return checked, rows


def conflict_faults(
    conflicts: ArchiveConflicts, rows: Sequence[TranscribedForecast] | None
) -> list[IntakeFault]:
    """What the archive refused, at its place in the list or in the CSV."""
    if rows is None:
        return [
            IntakeFault(c.position + 1, f"/{c.position}/{c.field}", c.detail, c.detail_nl)
            for c in conflicts.conflicts
        ]
    return [
        IntakeFault(*rows[c.position].place(f"/{c.field}"), c.detail, c.detail_nl)
        for c in conflicts.conflicts
    ]


def new_entry(
    forecast: ArchivedForecast, beside: Mapping[str, Any] | None = None, supersedes: str | None = None
) -> NewEntry:
    """An entry of the archive for a record that was checked."""
    key = ArchiveKey(
        forecast.series,
        forecast.geo,
        forecast.citizen,
        forecast.edition,
        forecast.issuer,
        forecast.expert,
        forecast.stage,
        forecast.target_year,
    )
    kind = next(form for form in FORMS if getattr(forecast, form) is not None)
    content = forecast.model_dump(mode="json", by_alias=True, exclude_none=True)
    said = {name: value for name, value in (beside or {}).items() if value is not None}
    return NewEntry(key, forecast.issued_on, forecast.cutoff, kind, {**content, **said}, supersedes)


def record_of(content: Mapping[str, Any]) -> ArchivedForecast:
    """The forecast that an entry's content states."""
    return ArchivedForecast.model_validate({k: v for k, v in content.items() if k not in _BESIDE})


_Faults = list[tuple[int, str, str, str]]


def _checked(stated: Sequence[Any]) -> tuple[list[NewEntry], _Faults]:
    faults: _Faults = []
    bare = [_without_extras(one) for one in stated]
    try:
        records = archived_forecasts(bare)
    except InvalidArchive as invalid:
        records = ()
        faults += [_placed(fault) for fault in invalid.faults]
    today = datetime.now(UTC).date()
    issues = {place: record.issued_on for place, record in enumerate(records) if record.issued_on > today}
    faults += [
        (place, "/issuedOn", f"{day} lies in the future", f"{day} ligt in de toekomst")
        for place, day in issues.items()
    ]
    for place, one in enumerate(stated):
        if isinstance(one, dict):
            faults += [(place, *fault) for fault in _faults_beside(one)]
    faults += _personal(stated)
    if faults:
        return [], sorted(faults, key=lambda fault: fault[0])
    extras = [{name: one.get(name) for name in _BESIDE} for one in stated]
    return [
        new_entry(record, {k: extra[k] for k in ("source", "reason")}, extra["supersedes"])
        for record, extra in zip(records, extras, strict=True)
    ], []


def _placed(fault: Fault) -> tuple[int, str, str, str]:
    """A fault in the list as the place of the forecast and a pointer into it."""
    place, *rest = fault.field.removeprefix("/").split("/")
    return int(place), "".join(f"/{step}" for step in rest), fault.detail, fault.detail_nl


def _without_extras(one: Any) -> Any:
    return {k: v for k, v in one.items() if k not in _BESIDE} if isinstance(one, dict) else one


def _faults_beside(one: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    faults = []
    for name, longest in _LONGEST.items():
        value = one.get(name)
        if value is not None and (not isinstance(value, str) or not 1 <= len(value) <= longest):
            detail, dutch = "must be text of 1 to {} characters", "moet tekst van 1 tot en met {} tekens zijn"
            faults.append((f"/{name}", detail.format(f"{longest:,}"), dutch.format(longest)))
    if one.get("supersedes") is not None and not str(one.get("reason") or "").strip():
        dutch = "een verbetering vraagt een reden: zeg wat er mis was"
        faults.append(("/reason", "a correction needs a reason: say what was wrong", dutch))
    if one.get("reason") is not None and one.get("supersedes") is None:
        detail = "a reason belongs to a correction: give the id of what it supersedes"
        dutch = "een reden hoort bij een verbetering: geef het id van wat zij vervangt"
        faults.append(("/supersedes", detail, dutch))
    return faults


def _personal(stated: Sequence[Any]) -> _Faults:
    faults: _Faults = []
    for name in _TEXTS:
        cells = pd.Series([str(one.get(name) or "") if isinstance(one, dict) else "" for one in stated])
        for mask, reason in personal_values(cells, dates_expected=name == "edition"):
            faults += [(int(place), f"/{name}", *reason) for place in mask.nonzero()[0]]
    return faults


def _year(cell: object) -> object:
    """A CSV knows no numbers; what is no year stays as it is and is refused with the rest."""
    return int(cell) if isinstance(cell, str) and cell.isascii() and cell.isdigit() else cell
