"""The deliveries that brought the counts: who, when, and how much of each was new."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.api.context import Sessions
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.shapes import Identifier, ListShape, Shape
from service.problems import not_found
from service.security import ReaderOfConcepts
from service.storage.base import reading
from service.storage.realisations import DeliveryRow, get_delivery, list_deliveries

router = APIRouter(prefix="/deliveries", tags=["realisations"])


class Delivery(Shape):
    """One delivery; `vintage` is the state of all counts after it."""

    delivery_id: str
    received_at: datetime
    actor: str
    origin: str
    rows: int
    new: int
    revised: int
    unchanged: int
    vintage: str


class DeliveryList(ListShape):
    items: list[Delivery]


@router.get("", responses=LINKED, summary="Deliveries, the latest first")
def read_deliveries(
    request: Request,
    response: Response,
    _caller: ReaderOfConcepts,
    sessions: Sessions,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> DeliveryList:
    with reading(sessions) as session:
        found = list_deliveries(session, page, page_size)
    link_pages(request, response, page, page_size, found.total)
    items = [_delivery(row) for row in found.items]
    return DeliveryList(items=items, page=page, page_size=page_size, total=found.total)


@router.get("/{deliveryId}", summary="One delivery")
def read_delivery(
    delivery_id: Annotated[Identifier, Path(alias="deliveryId")],
    _caller: ReaderOfConcepts,
    sessions: Sessions,
) -> Delivery:
    with reading(sessions) as session:
        row = get_delivery(session, delivery_id)
    if row is None:
        raise not_found("delivery with this id", "levering met dit nummer")
    return _delivery(row)


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        delivery_id=row.id,
        received_at=row.received_at,
        actor=row.actor,
        origin=row.origin,
        rows=row.rows,
        new=row.new,
        revised=row.revised,
        unchanged=row.unchanged,
        vintage=row.vintage,
    )
