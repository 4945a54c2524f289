"""Scenario sets as tables: a CSV or XLSX read into the parts of a set, and a stored set written as one.

Reading stores nothing: the answer holds the parts that a set's body takes, for the caller to complete and send. The
tables themselves are `service.sources.scenario_table`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from service.api.bodies import RawBody
from service.api.context import Sessions
from service.api.etags import not_modified
from service.api.finished import etag_of
from service.api.scenario_sets import SetId, Version, found_set
from service.api.shapes import Shape
from service.problems import documented, fault, invalid_input
from service.security import ReaderOfConcepts

router = APIRouter(tags=["scenario sets"])
_CSV = "text/csv"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {_CSV: _TEXT, _XLSX: _FILE}}}


class ImportedParts(Shape):
    """Parts of a scenario set's body as the table states them; their meaning is checked when they are sent."""

    scenarios: list[dict[str, Any]]
    events: list[dict[str, Any]] | None = None
    unforeseen: dict[str, Any] | None = None


@router.post(
    "/scenario-set-imports",
    status_code=200,
    response_model_exclude_none=True,
    openapi_extra=_BODY,
    summary="Read a table of scenarios; stores nothing",
)
def import_set(body: RawBody, _caller: ReaderOfConcepts) -> ImportedParts:
    from service.sources.refusal import DeliveryRefused
    from service.sources.scenario_table import read_scenario_table

    try:
        return ImportedParts(**read_scenario_table(body))
    except DeliveryRefused as refused:
        faults = [
            {**fault(place, detail, dutch), **({} if row is None else {"row": row})}
            for row, place, detail, dutch in refused.errors
        ]
        raise invalid_input(faults, title="Table refused") from None


@router.get(
    "/scenario-sets/{scenarioSetId}/export",
    responses={
        200: {"content": {_CSV: _TEXT, _XLSX: _FILE}},
        404: documented("There is no such scenario set or version."),
    },
    response_class=Response,
    summary="One version of a scenario set as a table",
)
def export_set(
    request: Request,
    set_id: SetId,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    form: Annotated[Literal["csv", "xlsx"], Query(alias="format")] = "csv",
    version: Version = None,
) -> Response:
    from service.sources.scenario_table import table_rows, to_csv, to_workbook

    stored = found_set(sessions, set_id, version, caller)
    tag = etag_of(f"{stored.etag} {form}".encode())
    headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": "private, no-cache"}
    if not_modified(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    document = stored.record.model_dump(mode="json", by_alias=True)
    about = {name: document[name] for name in ("name", "edition", "cutoff", "yearCorrelation", "reason")}
    about |= {
        "id": stored.id,
        "version": stored.version,
        "createdBy": stored.created_by,
        **document["target"],
    }
    rows = table_rows(document)
    body = to_csv(rows) if form == "csv" else to_workbook(rows, about)
    headers["Content-Type"] = f"{_CSV}; charset=utf-8" if form == "csv" else _XLSX
    name = f"scenario-set-{stored.id}-{stored.version}.{form}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(body, headers=headers)
