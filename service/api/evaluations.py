"""Evaluations: ordered, followed, listed, cancelled and read.

An order is checked whole before anything is stored. An equal one that is queued, running or done is the same
evaluation: 200 with it; a new one is 202. A finished evaluation never changes: strong ETag, same bytes. Numbers come
from `models.calibration` in the worker; here is only their HTTP face.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import create_model

from models.calibration.answer import Evaluation
from models.calibration.records import EvaluationRequest
from models.calibration.version import CALIBRATION_VERSION
from service.api.bodies import RawBody, read_json
from service.api.context import Configured, Sessions
from service.api.finished import JSON, etag_of, respond, to_json
from service.api.forecast_shapes import Status, inlined
from service.api.job_events import STREAM, follow
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.shapes import Identifier, ListShape, Shape
from service.problem_words import state_nl
from service.problems import Problem, documented, invalid_input, not_found
from service.security import EvaluatorCaller, ReaderOfConcepts
from service.settings import Settings
from service.storage.audit import record_action
from service.storage.base import reading, writing
from service.storage.evaluations import (
    RESULT,
    StoredEvaluation,
    evaluation_directory,
    get_evaluation,
    list_evaluations,
    order_evaluation,
)
from service.storage.jobs import JobState, cancel

router = APIRouter(prefix="/evaluations", tags=["evaluation"])
EvaluationId = Annotated[Identifier, Path(alias="evaluationId")]
_LOCATION = {"description": "Where the evaluation is.", "schema": {"type": "string"}}


class OutcomesOfYears(Shape):
    """Outcomes of a source as known at the end of a day, or given as persons per year."""

    source: str | None = None
    as_of: date | None = None
    values: dict[str, float] | None = None


class EvaluationAsked(EvaluationRequest):
    """The request with its defaults filled in."""

    realisations: OutcomesOfYears


class EvaluationProvenance(Shape):
    """What the numbers rest on; revision and packages are those of the process that computed them."""

    result_hash: str
    data_vintage: str
    model_version: str
    newest_archived: int
    ledger_entries: int
    git_revision: str | None = None
    packages: dict[str, str | None] | None = None


class EvaluationSummary(Shape):
    """An evaluation: how far it is, and what was asked."""

    id: str
    status: Status
    progress: float
    stage: str
    error: dict[str, Any] | None
    request: EvaluationAsked
    provenance: EvaluationProvenance
    created_by: str
    created_at: datetime


class EvaluationList(ListShape):
    items: list[EvaluationSummary]


def _optional(annotation: Any) -> Any:
    return annotation | None


_FOUND: dict[str, Any] = {
    name: (_optional(field.annotation), None) for name, field in Evaluation.model_fields.items()
}
EvaluationState = create_model(
    "EvaluationState",
    __base__=EvaluationSummary,
    __doc__="An evaluation; what it found is there once it has succeeded.",
    realised=(dict[str, float] | None, None),
    incomplete=(list[int] | None, None),
    summary=(dict[str, list[str]] | None, None),
    notes_in_words=(dict[str, list[str]] | None, None),
    **_FOUND,
)


def _body_schema() -> dict[str, Any]:
    schema = inlined(EvaluationRequest)
    schema["properties"]["realisations"] = inlined(OutcomesOfYears)
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


@router.post(
    "",
    status_code=202,
    response_model=EvaluationState,
    responses={
        200: {"model": EvaluationState, "description": "It exists.", "headers": {"Location": _LOCATION}},
        202: {"headers": {"Location": _LOCATION}},
    },
    openapi_extra=_body_schema(),
    summary="Order an evaluation of archived forecasts, or find the one that answers the same request",
)
def create_evaluation(body: RawBody, caller: EvaluatorCaller, sessions: Sessions) -> Response:
    from service.evaluation_orders import EvaluationOrderRefused, prepare_evaluation

    payload = read_json(body)
    try:
        with reading(sessions) as session:
            prepared = prepare_evaluation(session, payload)
    except EvaluationOrderRefused as refused:
        raise invalid_input(refused.faults) from None
    with writing(sessions) as session:
        found, new = order_evaluation(session, *prepared, caller.name)
        if new:
            record_action(session, caller.name, caller.role, "order evaluation", f"evaluation:{found.id}")
    headers = {"Location": f"/v1/evaluations/{found.id}"}
    return JSONResponse(_state(found), 202 if new else 200, headers=headers)


@router.get("", response_model=EvaluationList, responses=LINKED, summary="Evaluations, the latest first")
def read_evaluations(
    request: Request,
    _caller: ReaderOfConcepts,
    sessions: Sessions,
    status: Annotated[Status | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> Response:
    with reading(sessions) as session:
        listed = list_evaluations(session, page, page_size, JobState(status) if status else None)
    items = [_state(found) for found in listed.items]
    body = {"items": items, "page": page, "pageSize": page_size, "total": listed.total}
    response = Response(to_json(body), media_type=JSON)
    link_pages(request, response, page, page_size, listed.total)
    return response


@router.get(
    "/{evaluationId}", response_model=EvaluationState, summary="How far an evaluation is, and what it found"
)
def read_evaluation(
    request: Request,
    evaluation_id: EvaluationId,
    _caller: ReaderOfConcepts,
    sessions: Sessions,
    settings: Configured,
) -> Response:
    found = find_evaluation(sessions, evaluation_id)
    if found.job.state is not JobState.SUCCEEDED:
        body = to_json(_state(found))
        return Response(body, media_type=JSON, headers={"ETag": etag_of(body)})
    return respond(request, evaluation_id, lambda: to_json(whole_evaluation(found, settings)))


@router.delete(
    "/{evaluationId}",
    response_model=EvaluationState,
    responses={409: documented("It has ended already.")},
    summary="Cancel a queued or running evaluation",
)
def cancel_evaluation(evaluation_id: EvaluationId, caller: EvaluatorCaller, sessions: Sessions) -> Response:
    found = find_evaluation(sessions, evaluation_id)
    with writing(sessions) as session:
        if cancel(session, found.job.id):
            record_action(session, caller.name, caller.role, "cancel evaluation", f"evaluation:{found.id}")
    ended = find_evaluation(sessions, evaluation_id)
    if ended.job.state is not JobState.CANCELLED:
        detail = f"The evaluation has {ended.job.state} and cannot be cancelled any more."
        dutch = f"De evaluatie {state_nl(ended.job.state)} en kan niet meer worden afgebroken."
        extra = {"evaluationStatus": ended.job.state.value}
        raise Problem(409, "Already ended", detail, dutch=dutch, extra=extra)
    return JSONResponse(_state(ended))


@router.get(
    "/{evaluationId}/events", response_class=Response, responses=STREAM, summary="Progress, as it happens"
)
def follow_evaluation(evaluation_id: EvaluationId, _caller: ReaderOfConcepts, sessions: Sessions) -> Response:
    return follow(lambda: find_evaluation(sessions, evaluation_id).job)


def find_evaluation(sessions: Sessions, evaluation_id: str) -> StoredEvaluation:
    """The evaluation as the database knows it; raises Problem 404."""
    with reading(sessions) as session:
        found = get_evaluation(session, evaluation_id)
    if found is None:
        raise not_found(f"evaluation {evaluation_id}", f"evaluatie {evaluation_id}")
    return found


def finished_evaluation(sessions: Sessions, evaluation_id: str) -> StoredEvaluation:
    """One that has succeeded; raises Problem 404, and 409 while there are no results."""
    found = find_evaluation(sessions, evaluation_id)
    if found.job.state is not JobState.SUCCEEDED:
        detail = f"The evaluation is {found.job.state}; it has results once it has succeeded."
        dutch = f"De evaluatie {state_nl(found.job.state)}; resultaten zijn er als zij is voltooid."
        extra = {"evaluationStatus": found.job.state.value}
        raise Problem(409, "No results", detail, dutch=dutch, extra=extra)
    return found


def whole_evaluation(found: StoredEvaluation, settings: Settings) -> dict[str, Any]:
    """A finished evaluation with all that it found; raises Problem 503 when its file is gone."""
    directory = evaluation_directory(settings.data_dir, found.result_hash)
    if not (directory / RESULT).is_file():
        detail = "The result of this evaluation is missing; the data directory has to be restored."
        dutch = "De uitkomst van deze evaluatie ontbreekt; de gegevensmap moet worden hersteld."
        raise Problem(503, "Result is missing", detail, dutch=dutch)
    document, noted = _read(directory)
    state = _state(found)
    state["provenance"] |= noted
    outcomes = {"realised": document["realised"], "incomplete": document["incomplete"]}
    whole = {**state, **document["evaluation"], **outcomes}
    return {**whole, **(_in_words(whole) if is_current(found) else {"summary": None, "notesInWords": None})}


def is_current(found: StoredEvaluation) -> bool:
    """Whether this version of the mathematics computed it: the words of a report are about that."""
    return found.basis.model_version == CALIBRATION_VERSION


def _in_words(whole: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """By language the five sentences with which its report begins, and the notes at its end."""
    from service.report.notes import notes_in_words
    from service.report.summary import five_sentences
    from service.report.wording import LANGUAGES, words_of

    return {
        "summary": {language: list(five_sentences(whole, language)) for language in LANGUAGES},
        "notesInWords": {language: list(notes_in_words(whole, words_of(language))) for language in LANGUAGES},
    }


@lru_cache(maxsize=8)
def _read(directory: FilePath) -> tuple[dict[str, Any], dict[str, Any]]:
    from service.storage.draws import read_provenance

    return json.loads((directory / RESULT).read_text("utf-8")), read_provenance(directory)


def _state(found: StoredEvaluation) -> dict[str, Any]:
    job, basis = found.job, found.basis
    return {
        "id": found.id,
        "status": job.state.value,
        "progress": job.progress,
        "stage": job.stage,
        "error": job.problem if job.state is JobState.FAILED else None,
        "request": found.order.as_json(),
        "provenance": {
            "resultHash": found.result_hash,
            "dataVintage": basis.data_vintage,
            "modelVersion": basis.model_version,
            "newestArchived": basis.newest_entry,
            "ledgerEntries": basis.ledger_entries,
        },
        "createdBy": found.created_by,
        "createdAt": found.created_at.isoformat().replace("+00:00", "Z"),
    }
