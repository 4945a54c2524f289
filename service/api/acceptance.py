"""Acceptance rates of a forecast: per nationality and of the total, and changes of policy tried on them.

A what-if is an entry of the ledger with its reason and effect; it changes no stored number. `?whatIf=` with entries'
numbers answers with them applied. Numbers come from `models.acceptance.answer` on what a worker stored. Must not know
how rates are fitted.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from service.api.acceptance_shapes import (
    AcceptanceRates,
    AcceptanceWhatIf,
    AcceptanceWhatIfBody,
    AcceptanceWhatIfList,
)
from service.api.bodies import RawBody, read_json
from service.api.context import Configured, Sessions
from service.api.finished import Finished, SeriesForecast, respond, to_json
from service.api.forecast_shapes import inlined
from service.problem_words import state_nl
from service.problems import Problem, documented, fault, invalid_input
from service.security import ExpertCaller
from service.settings import Settings
from service.storage.acceptance import acceptance_directory, get_acceptance, ready_rates
from service.storage.acceptance_breaks import get_breaks
from service.storage.base import reading, writing
from service.storage.editions import edition_of
from service.storage.jobs import JobState
from service.storage.ledger import append_entry, list_entries

if TYPE_CHECKING:
    from models.acceptance.answer import Answers, Policy
    from models.acceptance.stored import StoredAcceptance
    from priors.ledger import LedgerEntry

router = APIRouter(
    tags=["acceptance"],
    responses={409: documented("The rates are not there yet, or cannot be computed.")},
)
MOST_DECISIONS = 1_000_000
_MOST_WHAT_IFS = 20


@router.get("/acceptance-rates", response_model=AcceptanceRates, summary="Acceptance rates, past and ahead")
def read_acceptance_rates(
    request: Request,
    done: SeriesForecast,
    sessions: Sessions,
    settings: Configured,
    track: Annotated[str | None, Query(max_length=16)] = None,
    quarter: Annotated[str | None, Query(max_length=10)] = None,
    citizen: Annotated[str | None, Query(max_length=10)] = None,
    decisions: Annotated[int | None, Query(ge=1, le=MOST_DECISIONS)] = None,
    what_if: Annotated[list[int] | None, Query(alias="whatIf", max_length=_MOST_WHAT_IFS)] = None,
    breaks: Annotated[int | None, Query(description="The number of a declared break of policy.")] = None,
) -> Response:
    from service.api.acceptance_arrivals import scenario_arrivals
    from service.api.acceptance_views import accepted_in_scenarios, as_json, faults_of_choice

    stored = opened(done, sessions, settings, breaks)
    chosen = {"track": track, "quarter": quarter, "citizen": citizen}
    faults = faults_of_choice(stored, chosen)
    policies, unknown = _policies(sessions, done.found.id, what_if or [])
    faults += [
        fault(
            "whatIf",
            f"there is no acceptance what-if {number} of this forecast",
            f"bij deze prognose is er geen beleidsproef {number}",
        )
        for number in unknown
    ]
    if faults:
        raise invalid_input(faults)
    answers = answers_of(done, stored, policies)
    numbers = tuple(what_if or ())

    def render() -> bytes:
        accepted = accepted_in_scenarios(answers, scenario_arrivals(done.stored, stored, done.figures))
        return to_json(as_json(answers, chosen, decisions, numbers, accepted))

    return respond(request, done.found.id, render)


@router.get(
    "/acceptance-what-ifs",
    response_model=AcceptanceWhatIfList,
    summary="Changes of policy tried on the rates",
)
def read_acceptance_what_ifs(done: SeriesForecast, sessions: Sessions) -> AcceptanceWhatIfList:
    return AcceptanceWhatIfList(items=[_what_if(entry) for entry in _entries(sessions, done.found.id)])


@router.post(
    "/acceptance-what-ifs",
    status_code=201,
    response_model=AcceptanceWhatIf,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": inlined(AcceptanceWhatIfBody)}},
        }
    },
    summary="Try a change of policy; reason and effect go into the ledger",
)
def create_acceptance_what_if(
    body: RawBody, caller: ExpertCaller, done: SeriesForecast, sessions: Sessions, settings: Configured
) -> Response:
    from models.acceptance.answer import Policy
    from service.api.acceptance_views import effect_of, faults_of_policy, read_body

    stored = opened(done, sessions, settings)
    asked = read_body(AcceptanceWhatIfBody, read_json(body))
    faults = faults_of_policy(stored, asked)
    if faults:
        raise invalid_input(faults)
    policy = Policy(asked.quarter, asked.shift, asked.citizen)
    effect = effect_of(answers_of(done, stored, ()), answers_of(done, stored, (policy,)))
    by_year: dict[int, dict[str, float]] = {}
    for name, change in effect.items():
        by_year.setdefault(int(name[:4]), {})[name] = change
    name = f"{asked.citizen or 'TOTAL'} {asked.quarter}"
    after = {"name": name, "quarter": asked.quarter, "shift": asked.shift, "citizen": asked.citizen}
    with writing(sessions) as session:
        entry = append_entry(
            session,
            actor=caller.name,
            reason=asked.reason,
            subject=subject_of(done.found.id),
            before=None,
            after=after,
            effect=by_year,
        )
    made = AcceptanceWhatIf.model_validate(_what_if(entry)).model_dump(mode="json", by_alias=True)
    return JSONResponse(made, 201, headers={"Location": f"/v1/forecasts/{done.found.id}/acceptance-what-ifs"})


def opened(
    done: Finished, sessions: Sessions, settings: Settings, breaks: int | None = None
) -> StoredAcceptance:
    """The run of a forecast, or the one that knows a declared break; raises Problem 409 with what is in the way."""
    with reading(sessions) as session:
        run = get_acceptance(session, done.found.id) if breaks is None else get_breaks(session, breaks)
        if run is None and breaks is None:
            dutch = "Bij deze prognose zijn geen acceptatiecijfers berekend."
            raise Problem(409, "No acceptance rates", _why_none(session, done), dutch=dutch)
    if run is None or run.forecast_id != done.found.id:
        detail = f"no break {breaks} was declared for this forecast"
        dutch = f"bij deze prognose is geen beleidsbreuk {breaks} opgegeven"
        raise invalid_input([fault("breaks", detail, dutch)])
    if run.job.state is JobState.FAILED and run.job.problem:
        detail = f"The rates could not be computed: {run.job.problem.get('detail', '')}"
        dutch = "De acceptatiecijfers konden niet worden berekend."
        raise Problem(409, "No acceptance rates", detail, run.job.problem.get("errors", ()), dutch=dutch)
    if run.job.state is not JobState.SUCCEEDED:
        detail = f"The computation of the rates is {run.job.state}; ask again when it has succeeded."
        state = state_nl(run.job.state)
        dutch = f"De berekening van de acceptatiecijfers {state}; vraag het opnieuw als zij is voltooid."
        extra = {"acceptanceStatus": run.job.state.value}
        raise Problem(409, "No results", detail, dutch=dutch, extra=extra)
    return _in_place(settings, run.result_hash)


def opened_if_any(done: Finished, sessions: Sessions, settings: Settings) -> StoredAcceptance | None:
    """The rates that are part of a forecast's answers; None where there are none or not yet.

    Of an adopted forecast they are those that were ready when it was adopted, so that it says the same for ever.
    Raises Problem 503 where they are missing.
    """
    with reading(sessions) as session:
        edition = edition_of(session, done.found.id)
        chosen = edition.adoption.rates_hash if edition else ready_rates(session, done.found.id)
    return _in_place(settings, chosen) if chosen else None


def _in_place(settings: Settings, result_hash: str) -> StoredAcceptance:
    directory = acceptance_directory(settings.data_dir, result_hash)
    if not directory.is_dir():
        raise Problem(
            503,
            "Draws are missing",
            "The rates are missing; the data directory has to be restored.",
            dutch="De acceptatiecijfers ontbreken; de gegevensmap moet worden hersteld.",
        )
    return _open(directory)


@lru_cache(maxsize=4)
def _open(directory: Path) -> StoredAcceptance:
    from models.acceptance.stored import open_acceptance

    return open_acceptance(directory)


def _why_none(session: Any, done: Finished) -> str:
    from models.acceptance.data import DecisionsRefused
    from service.acceptance_orders import decisions_known, figures

    geo, as_of = done.found.order.target.geo, done.found.order.as_of
    try:
        known = decisions_known(figures(session, geo), done.found)
    except DecisionsRefused as refused:
        return f"The decisions of {geo} known on {as_of} cannot be right: {refused}"
    if known is None:
        return (
            f"On {as_of} fewer than four quarters of decisions of {geo} were known; deliver decisions_total and "
            "decisions_positive by quarter, then order the forecast again."
        )
    return "No rates were ordered with this forecast; order the same forecast again."


def answers_of(done: Finished, stored: StoredAcceptance, policies: tuple[Policy, ...]) -> Answers:
    """What the rates answer under changes of policy."""
    from models.acceptance.answer import Answers
    from service.api.acceptance_arrivals import arrivals_ahead

    return Answers(stored, arrivals_ahead(done.stored, stored), policies)


def _policies(
    sessions: Sessions, forecast_id: str, numbers: list[int]
) -> tuple[tuple[Policy, ...], list[int]]:
    """The what-ifs with these numbers, and the numbers there are none of."""
    from models.acceptance.answer import Policy

    known = {entry.sequence: entry.after for entry in _entries(sessions, forecast_id)} if numbers else {}
    found = [known[number] for number in numbers if number in known]
    made = tuple(Policy(after["quarter"], after["shift"], after["citizen"]) for after in found)
    return made, [number for number in numbers if number not in known]


def _entries(sessions: Sessions, forecast_id: str) -> list[LedgerEntry]:
    with reading(sessions) as session:
        entries = list_entries(session, subject_of(forecast_id), 1, 1000).items
    return [entry for entry in entries if "shift" in entry.after]


def subject_of(forecast_id: str) -> str:
    """How the ledger names what is tried on, and declared for, the rates of a forecast."""
    return f"acceptance:{forecast_id}"


def _what_if(entry: LedgerEntry) -> AcceptanceWhatIf:
    effect = {
        quarter: change for by_quarter in entry.effect.values() for quarter, change in by_quarter.items()
    }
    stated = {name: entry.after[name] for name in ("quarter", "shift", "citizen")}
    return AcceptanceWhatIf(
        id=entry.sequence, reason=entry.reason, actor=entry.actor, at=entry.at, effect=effect, **stated
    )
