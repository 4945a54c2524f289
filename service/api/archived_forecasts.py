"""The archive over HTTP: forecasts ever issued, ours or transcribed, in; the versions in force, or all, out.

A list is stored whole or refused whole, with the row of every fault. Nothing is changed: a correction names what it
supersedes. Our own forecasts enter when they are adopted. Checks are in `service.archive_intake`, tables in
`service.storage.archive`; here is only their HTTP face.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response

from models.calibration.records import ArchivedForecast, Stage
from priors.records import Scenario
from priors.summary import LEVELS
from service.api.bodies import RawBody, read_json
from service.api.context import Sessions
from service.api.finished import CSV, JSON, to_json
from service.api.forecast_shapes import inlined
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.shapes import Identifier, ListShape, Shape, Slug
from service.middleware import quality
from service.problems import invalid_input, not_found, row_fault
from service.security import EvaluatorCaller, ReaderOfConcepts
from service.storage.archive import (
    ArchiveConflicts,
    ArchiveEntry,
    ArchiveFilter,
    NewEntry,
    add_entries,
    get_entry,
    list_entries,
)
from service.storage.audit import record_action
from service.storage.base import reading, writing

if TYPE_CHECKING:
    from service.archive_intake import IntakeFault
    from service.sources.archive_table import TranscribedForecast

router = APIRouter(prefix="/archived-forecasts", tags=["evaluation"])
_TEXT = {"schema": {"type": "string"}}
_MOST_FAULTS = 10_000
COLUMNS = (
    "series", "geo", "citizen", "edition", "issued_on", "cutoff", "target_year", "stage", "issuer", "expert",
    "quantile_level", "value", "source", "id", "version", "kind", "superseded_by",
)  # fmt: skip


class LevelOfTotal(Shape):
    level: float
    value: float


class ArchivedShape(Shape):
    """One forecast of one year's total in the archive; `supersededBy` is null for the version in force."""

    id: str
    version: int
    series: str
    geo: str
    citizen: str
    edition: str
    issued_on: date
    cutoff: date
    target_year: int
    stage: Stage
    issuer: str
    expert: str | None
    kind: Literal["quantiles", "scenarios", "draws", "point"]
    quantiles: list[LevelOfTotal] | None = None
    scenarios: list[Scenario] | None = None
    draws: list[float] | None = None
    point: float | None = None
    counted_at_cutoff: float = 0.0
    source: str | None = None
    supersedes: str | None
    superseded_by: str | None
    reason: str | None = None
    origin: str
    created_by: str
    created_at: datetime


class ArchivedList(ListShape):
    items: list[ArchivedShape]


class ArchiveReceipt(Shape):
    """How many were stored, how many of them correct an earlier version, and their ids in the order given."""

    stored: int
    corrections: int
    ids: list[str]


def _stated_schema() -> dict[str, Any]:
    schema = inlined(ArchivedForecast)
    schema["properties"] |= {name: {"type": "string"} for name in ("source", "supersedes", "reason")}
    return schema


_BODY = {
    "requestBody": {
        "required": True,
        "content": {JSON: {"schema": {"type": "array", "items": _stated_schema()}}, CSV: _TEXT},
    }
}


@router.post(
    "",
    status_code=201,
    response_model=ArchiveReceipt,
    openapi_extra=_BODY,
    summary="Archive forecasts as they were issued, as a JSON list or transcribed in a CSV",
)
def archive_forecasts(
    body: RawBody,
    caller: EvaluatorCaller,
    sessions: Sessions,
    content_type: Annotated[str, Header(alias="Content-Type", include_in_schema=False)] = "",
) -> ArchiveReceipt:
    from service.archive_intake import conflict_faults

    kind = "csv" if content_type.lower().startswith(CSV) else "json"
    entries, rows = _entries(body, kind)
    try:
        with writing(sessions) as session:
            stored = add_entries(session, entries, f"upload:{kind}", caller.name)
            subject = f"archive:{stored[0].id}+{len(stored) - 1}"
            record_action(session, caller.name, caller.role, "archive forecasts", subject)
    except ArchiveConflicts as conflicts:
        raise _refusal(conflict_faults(conflicts, rows)) from None
    corrections = sum(entry.supersedes is not None for entry in stored)
    return ArchiveReceipt(stored=len(stored), corrections=corrections, ids=[entry.id for entry in stored])


def _entries(body: bytes, kind: str) -> tuple[list[NewEntry], list[TranscribedForecast] | None]:
    from service.archive_intake import IntakeFault, IntakeRefused, entries_of_json, entries_of_table
    from service.sources.refusal import DeliveryRefused

    try:
        return entries_of_table(body) if kind == "csv" else (entries_of_json(read_json(body)), None)
    except IntakeRefused as refused:
        raise _refusal(refused.faults) from None
    except DeliveryRefused as refused:
        raise _refusal(IntakeFault(*error) for error in refused.errors) from None


def _refusal(faults: Iterable[IntakeFault]) -> Exception:
    errors = [row_fault(field, row, *said) for row, field, *said in list(faults)[:_MOST_FAULTS]]
    return invalid_input(errors, title="Archive refused")


@router.get(
    "",
    response_model=ArchivedList,
    response_model_exclude_none=False,
    responses={200: {**LINKED[200], "content": {CSV: _TEXT}}},
    summary="Archived forecasts, in the order they came",
)
def read_archive(
    request: Request,
    _caller: ReaderOfConcepts,
    sessions: Sessions,
    series: Annotated[Slug | None, Query()] = None,
    geo: Annotated[Slug | None, Query()] = None,
    citizen: Annotated[Slug | None, Query()] = None,
    edition: Annotated[str | None, Query(max_length=64)] = None,
    issuer: Annotated[str | None, Query(max_length=200)] = None,
    expert: Annotated[str | None, Query(max_length=200)] = None,
    stage: Annotated[Stage | None, Query()] = None,
    first: Annotated[int | None, Query(alias="from", description="First target year.")] = None,
    last: Annotated[int | None, Query(alias="to", description="Last target year.")] = None,
    superseded: Annotated[bool, Query(description="Also the versions that were corrected since.")] = False,
    page: PageNumber = 1,
    page_size: PageSize = 100,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    wanted = ArchiveFilter(
        series, geo, citizen, edition, (issuer,) if issuer else (), expert, (stage,) if stage else (),
        None if first is None and last is None else (first or 0, last or 9999),
    )  # fmt: skip
    with reading(sessions) as session:
        found = list_entries(session, wanted, page, page_size, superseded)
    if quality(accept, CSV) > quality(accept, JSON):
        response = Response(_table(found.items), media_type=f"{CSV}; charset=utf-8")
    else:
        items = [_shaped(entry) for entry in found.items]
        body = {"items": items, "page": page, "pageSize": page_size, "total": found.total}
        response = Response(to_json(body), media_type=JSON)
    response.headers["Vary"] = "Accept"
    link_pages(request, response, page, page_size, found.total)
    return response


@router.get("/{archivedForecastId}", response_model=ArchivedShape, summary="One version of one forecast")
def read_archived_forecast(
    entry_id: Annotated[Identifier, Path(alias="archivedForecastId")],
    _caller: ReaderOfConcepts,
    sessions: Sessions,
) -> Response:
    with reading(sessions) as session:
        entry = get_entry(session, entry_id)
    if entry is None:
        raise not_found(f"archived forecast {entry_id}", f"prognose {entry_id} in het archief")
    return Response(to_json(_shaped(entry)), media_type=JSON)


def _shaped(entry: ArchiveEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "version": entry.version,
        "expert": None,
        **entry.content,
        "kind": entry.kind,
        "supersedes": entry.supersedes,
        "supersededBy": entry.superseded_by,
        "origin": entry.origin,
        "createdBy": entry.created_by,
        "createdAt": entry.created_at.isoformat().replace("+00:00", "Z"),
    }


def _table(entries: Iterable[ArchiveEntry]) -> bytes:
    """One row per quantile, as a CSV comes in; densities and draws show their four interval scenarios."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        key = entry.key
        start = (
            key.series, key.geo, key.citizen, key.edition, entry.issued_on, entry.cutoff, key.target_year,
            key.stage, _cell(key.issuer), _cell(key.expert),
        )  # fmt: skip
        end = (
            _cell(entry.content.get("source")), entry.id, entry.version, entry.kind, entry.superseded_by or "",
        )  # fmt: skip
        writer.writerows((*start, level, value, *end) for level, value in _levels(entry))
    return text.getvalue().encode()


def _cell(text: str | None) -> str:
    """A spreadsheet must not take text for a formula."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text or ""


def _levels(entry: ArchiveEntry) -> Iterator[tuple[float | str, float]]:
    from models.calibration.statements import quantiles_at
    from service.archive_intake import record_of

    if entry.kind == "point":
        yield "", entry.content["point"]
    elif entry.kind == "quantiles":
        yield from ((one["level"], one["value"]) for one in entry.content["quantiles"])
    else:
        values = quantiles_at([record_of(entry.content)], tuple(LEVELS.values()))[0]
        yield from zip(LEVELS.values(), values.tolist(), strict=True)
