"""The ledger of changes: who changed what, why, and by how much; and whether the chain still holds.

As JSON by page; as CSV, and as an HTML history to read and keep, all of it.
"""

from __future__ import annotations

import csv
import io
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from priors.ledger import LedgerEntry
from priors.summary import LEVELS
from service.api.anchoring import NOT_YET, unopened
from service.api.context import Sessions
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.self_contained import preferred_language, self_contained
from service.api.shapes import Identifier, ListShape, Shape
from service.middleware import quality
from service.problems import Problem
from service.security import ReaderOfConcepts
from service.storage.base import reading
from service.storage.ledger import UnreadableEntry, list_entries, set_subject, verify_ledger

router = APIRouter(tags=["ledger"])
_JSON, _CSV, _HTML = "application/json", "text/csv", "text/html"
_EVERY = 1_000_000
_COLUMNS = ("sequence", "at", "actor", "reason", "subject", "year", *LEVELS, "entry_hash", "previous_hash")
_FORMULA_SIGNS = ("=", "+", "-", "@")


class LedgerEntryList(ListShape):
    items: list[LedgerEntry]


class LedgerVerification(Shape):
    """`head` is the hash of the last entry; who notes it elsewhere can prove later that nothing was removed."""

    entries: int
    valid: bool
    head: str
    first_fault: str | None


@router.get(
    "/ledger-entries",
    response_model=LedgerEntryList,
    responses={
        200: {**LINKED[200], "content": {kind: {"schema": {"type": "string"}} for kind in (_CSV, _HTML)}}
    },
    summary="Changes in the order they were made; all of them as CSV, a line per year, or as an HTML history",
)
def read_ledger_entries(
    request: Request,
    response: Response,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    scenario_set: Annotated[Identifier | None, Query(alias="scenarioSet")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 100,
    language: Annotated[
        Literal["nl", "en"] | None, Query(description="Of the history; by default as Accept-Language has it.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    accept_language: Annotated[str, Header(alias="Accept-Language", include_in_schema=False)] = "",
) -> LedgerEntryList | Response:
    form = max((_JSON, _CSV, _HTML), key=lambda kind: quality(accept, kind))
    subject = None if scenario_set is None else set_subject(scenario_set)
    try:
        with reading(sessions) as session:
            hidden = {set_subject(one) for one in unopened(session, caller)}
            if subject in hidden:
                raise NOT_YET
            wanted = (page, page_size) if form == _JSON else (1, _EVERY)
            found = list_entries(session, subject, *wanted, hidden)
            check = verify_ledger(session) if form == _HTML else None
    except UnreadableEntry as fault:
        raise Problem(500, "Ledger damaged", f"The ledger is broken: {fault}.") from None
    if check is not None:
        chosen = language or preferred_language(accept_language)
        return _history(found.items, LedgerVerification.model_validate(check), chosen)
    if form == _CSV:
        headers = {"Content-Disposition": 'attachment; filename="ledger.csv"'}
        return Response(ledger_table(found.items), media_type=f"{_CSV}; charset=utf-8", headers=headers)
    link_pages(request, response, page, page_size, found.total)
    return LedgerEntryList(items=found.items, page=page, page_size=page_size, total=found.total)


def _history(entries: list[LedgerEntry], check: LedgerVerification, language: str) -> Response:
    from service.report.html import report_html
    from service.report.ledger import ledger_document

    told = [entry.model_dump(mode="json", by_alias=True) for entry in entries]
    page = report_html(ledger_document(told, check.model_dump(mode="json", by_alias=True), language))
    headers = self_contained(f"ledger-{language}.html", language)
    return Response(page, media_type=f"{_HTML}; charset=utf-8", headers=headers)


def ledger_table(entries: list[LedgerEntry]) -> str:
    """The entries as tidy CSV: a line per year that an entry moved, or one without a year when it moved none."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for entry in entries:
        told = [
            entry.sequence,
            entry.at.isoformat(),
            *map(_plain, (entry.actor, entry.reason, entry.subject)),
        ]
        seals = [entry.entry_hash, entry.previous_hash]
        for year, effect in sorted(entry.effect.items()):
            writer.writerow([*told, year, *(effect.get(name) for name in LEVELS), *seals])
        if not entry.effect:
            writer.writerow([*told, None, *(None for _ in LEVELS), *seals])
    return lines.getvalue()


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in _FORMULA_SIGNS else text


@router.get("/ledger-verification", summary="Recompute the whole chain")
def read_ledger_verification(_caller: ReaderOfConcepts, sessions: Sessions) -> LedgerVerification:
    with reading(sessions) as session:
        found = verify_ledger(session)
    return LedgerVerification.model_validate(found)
