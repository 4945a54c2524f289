"""Adopting a forecast as an edition, and superseding one edition by another: decisions, for administrators.

Both are made once: the same decision again is answered as it was, another one is a conflict. What adoption means is
in `service.adoptions`; here is only its HTTP face.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from priors.records import Narrative, Record
from service.adoptions import AdoptionBody, AdoptionRefused, adopt, adoption_for, read_adoption
from service.api.anchoring import CONCEPT
from service.api.bodies import RawBody, read_json
from service.api.context import Configured, Sessions
from service.api.edition_shapes import EditionState, edition_json
from service.api.finished import Finished, ForecastId, open_finished
from service.api.forecast_shapes import json_body
from service.problems import Problem, documented, fault, invalid_input
from service.security import AdminCaller
from service.storage.archive import ArchiveConflicts
from service.storage.audit import record_action
from service.storage.base import reading, writing
from service.storage.editions import (
    Adoption,
    Edition,
    edition_of,
    get_edition,
    lock_editions,
    store_supersession,
)
from service.storage.forecasts import get_forecast

router = APIRouter(prefix="/forecasts/{forecastId}", tags=["editions"])
_CONFLICT: dict[int | str, dict[str, Any]] = {409: documented("It was decided otherwise already.")}


class SupersessionBody(Record):
    """Which adopted forecast comes in this one's place, and why."""

    by: str
    note: Narrative = ""


@router.put(
    "/adoption",
    response_model=EditionState,
    responses=_CONFLICT,
    openapi_extra=json_body(AdoptionBody),
    summary="Adopt a finished forecast as an edition; it is immutable from then on",
)
def adopt_forecast(
    forecast_id: ForecastId, body: RawBody, caller: AdminCaller, sessions: Sessions, settings: Configured
) -> Response:
    payload = read_json(body)
    done = open_finished(forecast_id, sessions, settings)
    if not done.stored.diagnostics.get("passed", False):
        detail = "The diagnostics of this forecast failed; a forecast like that is never adopted."
        dutch = "De diagnostiek van deze prognose is niet in orde; zo'n prognose wordt nooit vastgesteld."
        raise Problem(409, "Diagnostics failed", detail, dutch=dutch)
    try:
        decision = adoption_for(read_adoption(payload), done.found, done.stored, caller.name)
    except AdoptionRefused as refused:
        raise invalid_input(refused.faults) from None
    try:
        with writing(sessions) as session:
            _check_components(session, done)
            if _adopted_before(session, decision) is None:
                adopt(session, decision, done.found, done.stored)
                subject = f"forecast:{forecast_id} as {decision.edition}"
                record_action(session, caller.name, caller.role, "adopt forecast", subject)
    except ArchiveConflicts as conflicts:
        detail = f"The archive has this edition already: {conflicts.conflicts[0].detail}."
        dutch = "Het archief heeft deze editie al."
        raise Problem(409, "Archived already", detail, dutch=dutch) from None
    return _answer(sessions, settings, forecast_id)


def _check_components(session: Session, done: Finished) -> None:
    """Raises Problem 409 for a total of forecasts that are concepts: it would show consumers what they are."""
    for identifier in done.found.order.total.forecasts if done.found.order.total else ():
        component = get_forecast(session, identifier)
        if component is None or component.edition_status == CONCEPT:
            detail = f"Forecast {identifier} is part of this total and a concept; adopt it first."
            dutch = (
                f"Prognose {identifier} is een deel van dit totaal en nog een concept; stel die eerst vast."
            )
            raise Problem(409, "Component not adopted", detail, dutch=dutch)


def _adopted_before(session: Session, decision: Adoption) -> Edition | None:
    """The same decision as taken before, None when it is new; raises Problem 409 for another one."""
    lock_editions(session)
    taken, own = get_edition(session, decision.edition), edition_of(session, decision.forecast_id)
    if taken is not None and taken.adoption.forecast_id != decision.forecast_id:
        detail = (
            f"Edition {decision.edition} is forecast {taken.adoption.forecast_id}; adopt an addendum under a "
            "name of its own and let it supersede that one."
        )
        dutch = (
            f"Editie {decision.edition} is prognose {taken.adoption.forecast_id}; stel een addendum vast onder een "
            "eigen naam en laat dat haar vervangen."
        )
        raise Problem(409, "Edition exists", detail, dutch=dutch)
    if own is not None and not _alike(own.adoption, decision):
        detail = f"This forecast was adopted as edition {own.adoption.edition} and is immutable since."
        dutch = f"Deze prognose is vastgesteld als editie {own.adoption.edition} en sindsdien onveranderlijk."
        raise Problem(409, "Adopted already", detail, dutch=dutch)
    return own


def _alike(one: Adoption, other: Adoption) -> bool:
    names = ("edition", "forecast_id", "decided_on", "note", "figures")
    return all(getattr(one, name) == getattr(other, name) for name in names)


@router.put(
    "/supersession",
    response_model=EditionState,
    responses=_CONFLICT,
    openapi_extra=json_body(SupersessionBody),
    summary="Let another adopted forecast come in the place of this one; both stay readable",
)
def supersede_forecast(
    forecast_id: ForecastId, body: RawBody, caller: AdminCaller, sessions: Sessions, settings: Configured
) -> Response:
    from pydantic import ValidationError

    from priors.scenario import shape_faults

    try:
        asked = SupersessionBody.model_validate(read_json(body))
    except ValidationError as error:
        raise invalid_input(shape_faults(error)) from None
    open_finished(forecast_id, sessions, settings)
    with writing(sessions) as session:
        if not _superseded_before(session, forecast_id, asked):
            store_supersession(session, forecast_id, asked.by, asked.note, caller.name)
            subject = f"forecast:{forecast_id} by {asked.by}"[:200]
            record_action(session, caller.name, caller.role, "supersede forecast", subject)
    return _answer(sessions, settings, forecast_id)


def _superseded_before(session: Session, forecast_id: str, asked: SupersessionBody) -> bool:
    """Whether the same was decided before; raises Problem 400 or 409 where it cannot be decided."""
    lock_editions(session)
    own, by = edition_of(session, forecast_id), edition_of(session, asked.by)
    if own is None:
        detail, dutch = (
            "Only an adopted forecast can be superseded.",
            "Alleen een vastgestelde prognose kan worden vervangen.",
        )
        raise Problem(409, "Not adopted", detail, dutch=dutch)
    if asked.by == forecast_id:
        detail, dutch = "a forecast cannot supersede itself", "een prognose kan zichzelf niet vervangen"
        raise invalid_input([fault("/by", detail, dutch)])
    if by is None:
        detail = "is not an adopted forecast; adopt it first, as an edition with a name of its own"
        dutch = "is geen vastgestelde prognose; stel die eerst vast, als editie met een eigen naam"
        raise invalid_input([fault("/by", detail, dutch)])
    if own.superseded_by is not None:
        if (own.superseded_by.by_forecast_id, own.superseded_by.note) == (asked.by, asked.note):
            return True
        detail = f"This forecast was superseded by edition {own.superseded_by.by_edition} already."
        dutch = f"Deze prognose is al vervangen door editie {own.superseded_by.by_edition}."
        raise Problem(409, "Superseded already", detail, dutch=dutch)
    if by.superseded_by is not None:
        detail = f"was itself superseded by edition {by.superseded_by.by_edition}"
        dutch = f"is zelf al vervangen door editie {by.superseded_by.by_edition}"
        raise invalid_input([fault("/by", detail, dutch)])
    return False


def _answer(sessions: Sessions, settings: Configured, forecast_id: str) -> Response:
    with reading(sessions) as session:
        edition = edition_of(session, forecast_id)
    assert edition is not None, "it was adopted just now"
    done: Finished = open_finished(forecast_id, sessions, settings)
    headers = {"Location": f"/v1/editions/{edition.adoption.edition}".replace(" ", "%20")}
    return JSONResponse(edition_json(done, edition, settings), headers=headers)
