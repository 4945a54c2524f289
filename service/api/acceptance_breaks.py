"""Breaks of policy that somebody declares: the rates of a forecast fitted anew with them, beside those without.

A declaration is an entry of the ledger with its reason, and a job. `acceptance-rates?breaks=` with the entry's number
answers from that fit once it is there; the rates without stay as they were. Must not know how rates are fitted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from service.api.acceptance import opened, subject_of
from service.api.acceptance_shapes import AcceptanceBreak, AcceptanceBreakBody, AcceptanceBreakList
from service.api.acceptance_views import faults_of_break, read_body
from service.api.bodies import RawBody, read_json
from service.api.context import Configured, Sessions
from service.api.finished import SeriesForecast
from service.api.forecast_shapes import inlined
from service.problems import documented, invalid_input
from service.security import ExpertCaller
from service.settings import Settings
from service.storage.acceptance import acceptance_directory, get_acceptance
from service.storage.acceptance_breaks import BreakRun, list_breaks, order_breaks
from service.storage.base import reading, writing
from service.storage.jobs import JobState
from service.storage.ledger import append_entry, list_entries

if TYPE_CHECKING:
    from priors.ledger import LedgerEntry

router = APIRouter(
    tags=["acceptance"],
    responses={409: documented("The rates are not there yet, or cannot be computed.")},
)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": inlined(AcceptanceBreakBody)}},
    }
}


@router.get(
    "/acceptance-breaks",
    response_model=AcceptanceBreakList,
    summary="Breaks of policy declared for the rates",
)
def read_acceptance_breaks(
    done: SeriesForecast, sessions: Sessions, settings: Configured
) -> AcceptanceBreakList:
    with reading(sessions) as session:
        runs = list_breaks(session, done.found.id)
        entries = {e.sequence: e for e in list_entries(session, subject_of(done.found.id), 1, 1000).items}
    return AcceptanceBreakList(items=[_told(run, entries[run.entry], settings) for run in runs])


@router.post(
    "/acceptance-breaks",
    status_code=202,
    response_model=AcceptanceBreak,
    openapi_extra=_BODY,
    summary="Declare a break of policy and have the rates fitted with it; its reason goes into the ledger",
)
def create_acceptance_break(
    body: RawBody, caller: ExpertCaller, done: SeriesForecast, sessions: Sessions, settings: Configured
) -> Response:
    from models.acceptance.data import PolicyBreak

    stored = opened(done, sessions, settings)
    asked = read_body(AcceptanceBreakBody, read_json(body))
    declared = PolicyBreak(asked.quarter, asked.citizen, asked.mean, asked.sd)
    with reading(sessions) as session:
        known = {run.entry: run.breaks[-1] for run in list_breaks(session, done.found.id)}
    faults = faults_of_break(stored, asked, known)
    if faults:
        raise invalid_input(faults)
    after = asked.model_dump(by_alias=True, exclude={"reason"})
    after |= {"kind": "break", "name": f"{asked.citizen or 'TOTAL'} {asked.quarter}"}
    with writing(sessions) as session:
        subject = subject_of(done.found.id)
        entry = append_entry(
            session,
            actor=caller.name,
            reason=asked.reason,
            subject=subject,
            before=None,
            after=after,
            effect={},
        )
        run = get_acceptance(session, done.found.id)
        assert run is not None, "the rates without a break were opened above"
        ordered = order_breaks(session, entry.sequence, run, [*(known[n] for n in asked.also), declared])
    made = _told(ordered, entry, settings).model_dump(mode="json", by_alias=True)
    place = f"/v1/forecasts/{done.found.id}/acceptance-rates?breaks={entry.sequence}"
    return JSONResponse(made, 202, headers={"Location": place})


def _told(run: BreakRun, entry: LedgerEntry, settings: Settings) -> AcceptanceBreak:
    stated: dict[str, Any] = {
        name: entry.after[name] for name in ("quarter", "citizen", "mean", "sd", "also")
    }
    found: dict[str, Any] = {}
    if run.job.state is JobState.SUCCEEDED:
        document = acceptance_directory(settings.data_dir, run.result_hash) / "acceptance.json"
        if document.is_file():
            found = json.loads(document.read_text(encoding="utf-8"))["breaks"][-1]
    return AcceptanceBreak(
        id=run.entry,
        status=run.job.state.value,
        reason=entry.reason,
        actor=entry.actor,
        at=entry.at,
        effect=found.get("effect"),
        **stated,
    )
