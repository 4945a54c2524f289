"""Deliveries of counts in, and counts as known on a day out; a delivery is stored whole or refused whole.

Reading a delivery is `service.sources.delivery`, storing it `service.storage.realisations`, and the choice of
what was known on a day `models.vintage`; here is only their HTTP face.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from priors.records import CalendarDate
from service.api.bodies import RawBody, read_json
from service.api.context import Sessions
from service.api.lists import LINKED, PageNumber, link_pages
from service.api.shapes import ListShape, Period, Shape, Slug
from service.middleware import quality
from service.problems import Problem, invalid_input, row_fault
from service.security import AdminCaller, AnyCaller
from service.storage.audit import record_action
from service.storage.base import reading, writing
from service.storage.realisations import (
    COLUMNS,
    DeliveryResult,
    examine_delivery,
    load_realisations,
    store_delivery,
)

if TYPE_CHECKING:
    import pandas as pd

    from service.sources.refusal import DeliveryRefused

router = APIRouter(prefix="/realisations", tags=["realisations"])
_JSON, _CSV = "application/json", "text/csv"
_MOST_FAULTS = 10_000
_TEXT = {"schema": {"type": "string"}}


class DeliveryReport(Shape):
    """What a delivery did, or on a dry run would do; `deliveryId` is then null."""

    delivery_id: str | None
    rows: int
    new: int
    revised: int
    unchanged: int
    vintage: str


class Realisation(Shape):
    """One count, `value` persons, as known on `knownAt`."""

    series: str
    source: str
    geo: str
    citizen: str
    track: str
    period: str
    value: int
    flag: str
    known_at: date


class RealisationList(ListShape):
    items: list[Realisation]


_ROW = {
    "type": "object",
    "required": ["series", "source", "geo", "citizen", "period", "value"],
    "properties": {
        **{name: {"type": "string"} for name in ("series", "source", "geo", "citizen", "track", "period")},
        "value": {"type": ["integer", "null"], "minimum": 0},
        "flag": {"type": "string"},
        "knownAt": {"type": "string", "format": "date"},
    },
}
_DELIVERY = {
    "requestBody": {
        "required": True,
        "content": {_CSV: _TEXT, _JSON: {"schema": {"type": "array", "items": _ROW}}},
    }
}


@router.post(
    "",
    status_code=201,
    response_model=DeliveryReport,
    responses={200: {"model": DeliveryReport, "description": "Dry run: nothing was stored."}},
    openapi_extra=_DELIVERY,
    summary="Deliver counts, as CSV or as a JSON list",
    description="`period` is a month `YYYY-MM` or a quarter `YYYY-Qn`; of applications by nationality also a year "
    "`YYYY` that is over, for its shares: what a total is made of always comes by month.",
)
def deliver_realisations(
    body: RawBody,
    caller: AdminCaller,
    sessions: Sessions,
    content_type: Annotated[str, Header(alias="Content-Type", include_in_schema=False)] = "",
    dry_run: Annotated[bool, Query(alias="dryRun", description="Report what would be stored.")] = False,
) -> JSONResponse:
    kind = "csv" if content_type.lower().startswith(_CSV) else "json"
    frame = _parsed(body, kind)
    if dry_run:
        with reading(sessions) as session:
            return _report(examine_delivery(session, frame))
    with writing(sessions) as session:
        result = store_delivery(session, frame, f"upload:{kind}", caller.name)
        record_action(
            session, caller.name, caller.role, "deliver realisations", f"delivery:{result.delivery_id}"
        )
    return _report(result)


def _parsed(body: bytes, kind: str) -> pd.DataFrame:
    from service.sources.delivery import parse_delivery_csv, parse_delivery_json
    from service.sources.refusal import DeliveryRefused

    try:
        return parse_delivery_csv(body) if kind == "csv" else parse_delivery_json(read_json(body))
    except DeliveryRefused as refused:
        raise _refusal(refused, kind) from None


def _refusal(refused: DeliveryRefused, kind: str) -> Problem:
    """Every fault with its row; the field is the CSV's column, or a pointer into the JSON list."""
    errors: list[dict[str, Any]] = []
    for row, field, *said in refused.errors[:_MOST_FAULTS]:
        place = f"/{row - 1}/{field}" if kind == "json" and row is not None else field
        errors.append(row_fault(place, row, *said))
    return invalid_input(errors, title="Delivery refused")


def _report(result: DeliveryResult) -> JSONResponse:
    body = DeliveryReport.model_validate(result).model_dump(by_alias=True)
    if result.delivery_id is None:
        return JSONResponse(body, 200)
    return JSONResponse(body, 201, headers={"Location": f"/v1/deliveries/{result.delivery_id}"})


@router.get(
    "",
    response_model=RealisationList,
    responses={200: {**LINKED[200], "content": {_CSV: _TEXT}}},
    summary="Counts as known on a day",
)
def read_realisations(
    request: Request,
    _caller: AnyCaller,
    sessions: Sessions,
    series: Annotated[Slug | None, Query()] = None,
    source: Annotated[Slug | None, Query()] = None,
    geo: Annotated[Slug | None, Query()] = None,
    citizen: Annotated[Slug | None, Query()] = None,
    track: Annotated[Slug | None, Query()] = None,
    first: Annotated[Period | None, Query(alias="from", description="First period.")] = None,
    last: Annotated[Period | None, Query(alias="to", description="Last period.")] = None,
    as_of: Annotated[
        CalendarDate | None, Query(alias="asOf", description="As known at the end of this day.")
    ] = None,
    page: PageNumber = 1,
    page_size: Annotated[int, Query(alias="pageSize", ge=1, le=100_000)] = 10_000,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    with reading(sessions) as session:
        frame = load_realisations(session, series, geo, citizen, source, track)
    known = _within(_known(frame, as_of or datetime.now(UTC).date()), first, last)
    if quality(accept, _CSV) > quality(accept, _JSON):
        text = known.to_csv(index=False, columns=list(COLUMNS), date_format="%Y-%m-%d", lineterminator="\r\n")
        return Response(text, media_type=f"{_CSV}; charset=utf-8")
    rows = _rows(known.iloc[(page - 1) * page_size : page * page_size])
    body = {"items": rows, "page": page, "pageSize": page_size, "total": len(known)}
    response = Response(json.dumps(body, separators=(",", ":")), media_type=_JSON)
    link_pages(request, response, page, page_size, len(known))
    return response


def _known(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    from models.vintage import known_at

    return known_at(frame, as_of)


def _within(frame: pd.DataFrame, first: str | None, last: str | None) -> pd.DataFrame:
    """The rows whose whole period lies from the start of `first` to the end of `last`."""
    start, end = _months(first or "1900-01")[0], _months(last or "2099-12")[1]
    kept = {p for p in frame["period"].unique() if start <= _months(p)[0] and _months(p)[1] <= end}
    return frame[frame["period"].isin(kept)]


def _months(period: str) -> tuple[str, str]:
    """First and last month of a month, a quarter or a year."""
    if len(period) == 4:
        return f"{period}-01", f"{period}-12"
    if "Q" not in period:
        return period, period
    year, quarter = period.split("-Q")
    return f"{year}-{3 * int(quarter) - 2:02d}", f"{year}-{3 * int(quarter):02d}"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {name: frame[name].tolist() for name in COLUMNS[:-1]}
    columns["knownAt"] = frame["known_at"].dt.strftime("%Y-%m-%d").tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
