"""The ledger of changes: who changed what, why, and by how much; and whether the chain still holds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from priors.ledger import LedgerEntry
from service.api.anchoring import NOT_YET, unopened
from service.api.context import Sessions
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.shapes import Identifier, ListShape, Shape
from service.problems import Problem
from service.security import ReaderOfConcepts
from service.storage.base import reading
from service.storage.ledger import UnreadableEntry, list_entries, set_subject, verify_ledger

router = APIRouter(tags=["ledger"])


class LedgerEntryList(ListShape):
    items: list[LedgerEntry]


class LedgerVerification(Shape):
    """`head` is the hash of the last entry; who notes it elsewhere can prove later that nothing was removed."""

    entries: int
    valid: bool
    head: str
    first_fault: str | None


@router.get("/ledger-entries", responses=LINKED, summary="Changes in the order they were made")
def read_ledger_entries(
    request: Request,
    response: Response,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    scenario_set: Annotated[Identifier | None, Query(alias="scenarioSet")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> LedgerEntryList:
    subject = None if scenario_set is None else set_subject(scenario_set)
    try:
        with reading(sessions) as session:
            hidden = {set_subject(one) for one in unopened(session, caller)}
            if subject in hidden:
                raise NOT_YET
            found = list_entries(session, subject, page, page_size, hidden)
    except UnreadableEntry as fault:
        raise Problem(500, "Ledger damaged", f"The ledger is broken: {fault}.") from None
    link_pages(request, response, page, page_size, found.total)
    return LedgerEntryList(items=found.items, page=page, page_size=page_size, total=found.total)


@router.get("/ledger-verification", summary="Recompute the whole chain")
def read_ledger_verification(_caller: ReaderOfConcepts, sessions: Sessions) -> LedgerVerification:
    with reading(sessions) as session:
        found = verify_ledger(session)
    return LedgerVerification.model_validate(found)
