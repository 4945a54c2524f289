"""What the archive holds, in a few rows: by target, issuer and stage; enough to choose what to evaluate."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.context import Sessions
from service.api.finished import JSON, to_json
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.shapes import ListShape, Shape
from service.security import ReaderOfConcepts
from service.storage.archive import ArchiveContents, contents
from service.storage.base import reading

router = APIRouter(tags=["evaluation"])


class ContentsRow(Shape):
    """Forecasts in force of one target, issuer and stage, and the editions they are from."""

    series: str
    geo: str
    citizen: str
    issuer: str
    stage: str
    first_year: int
    last_year: int
    forecasts: int
    editions: int


class ContentsList(ListShape):
    items: list[ContentsRow]


@router.get(
    "/archive-contents",
    response_model=ContentsList,
    responses=LINKED,
    summary="How much the archive holds, by target, issuer and stage",
)
def read_contents(
    request: Request,
    _caller: ReaderOfConcepts,
    sessions: Sessions,
    page: PageNumber = 1,
    page_size: PageSize = 1_000,
) -> Response:
    with reading(sessions) as session:
        rows = contents(session)
    items = [_row(row) for row in rows[(page - 1) * page_size : page * page_size]]
    body = {"items": items, "page": page, "pageSize": page_size, "total": len(rows)}
    response = Response(to_json(body), media_type=JSON)
    link_pages(request, response, page, page_size, len(rows))
    return response


def _row(row: ArchiveContents) -> dict[str, Any]:
    return ContentsRow.model_validate(row).model_dump(by_alias=True)
