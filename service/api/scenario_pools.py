"""Pools: several experts' sets as one, which is a scenario set itself and is used wherever one is.

The arithmetic is `priors.pooling`; a pool is stored through `service.scenario_changes` as any other set, with the sets
and versions it came from, so that it stays what it was when these change.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from priors.faults import InvalidScenarioSet, pointer
from priors.pooling import PerformanceWeights, equal_weights, performance_weights, pool_sets
from priors.records import (
    CalendarDate,
    EditionName,
    Name,
    Number,
    PoolMember,
    Probability,
    Reason,
    Record,
    ScenarioSet,
)
from priors.scenario import shape_faults
from service.api.anchoring import check_opened, unopened
from service.api.bodies import RawBody, read_json
from service.api.context import Sessions
from service.api.etags import not_modified
from service.api.forecast_shapes import json_body
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.scenario_sets import SetId, Version, found_set
from service.api.scenario_shapes import (
    SavedScenarioSet,
    ScenarioSetList,
    StoredScenarioSet,
    saved_shape,
    stored_shape,
)
from service.implied import Counted, counted, implied
from service.problems import documented, fault, invalid_input, not_found
from service.scenario_changes import create_scenario_set
from service.security import Caller, ExpertCaller, ReaderOfConcepts
from service.storage.audit import record_action
from service.storage.base import reading, writing
from service.storage.ledger import set_subject
from service.storage.scenario_sets import StoredSet, UnknownScenarioSet, get_set, list_sets
from service.track_record import expert_scores

router = APIRouter(prefix="/scenario-pools", tags=["scenario sets"])
_TOLERANCE = 1e-6
_ETAG = {"ETag": {"description": "Strong; different for every version.", "schema": {"type": "string"}}}


class Pooled(Record):
    """A set to pool; its weight counts only where weights are stated."""

    scenario_set: Annotated[str, Field(min_length=1, max_length=36)]
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None
    weight: Probability | None = None


class PoolBody(Record):
    """What to pool and how."""

    name: Name
    edition: EditionName
    cutoff: CalendarDate
    method: Literal["linear_pool", "logarithmic_pool"] = "linear_pool"
    weights: Literal["equal", "stated", "performance"] = "equal"
    year_correlation: Annotated[Number, Field(ge=0.0, le=0.99)] | None = None
    members: Annotated[tuple[Pooled, ...], Field(min_length=2, max_length=50)]
    reason: Reason = "pooled"


_BODY = json_body(PoolBody)


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    openapi_extra=_BODY,
    responses={201: {"headers": _ETAG}},
    summary="Pool several scenario sets",
)
def create_pool(
    body: RawBody, caller: ExpertCaller, sessions: Sessions, response: Response
) -> SavedScenarioSet:
    asked = read_pool_body(read_json(body))
    with writing(sessions) as session:
        record = pooled_record(session, asked, caller)
        stored = create_scenario_set(session, record, caller.name)
        record_action(session, caller.name, caller.role, "pool scenario sets", set_subject(stored.id))
        answer = saved_shape(stored, implied(session, record).feedback)
    response.headers["Location"] = f"/v1/scenario-pools/{stored.id}"
    response.headers["ETag"] = stored.etag
    return answer


@router.get("", response_model_exclude_none=True, responses=LINKED, summary="Every pool, the newest first")
def read_pools(
    request: Request,
    response: Response,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> ScenarioSetList:
    with reading(sessions) as session:
        every = list_sets(session, 1, 1_000_000, unopened(session, caller)).items
    pools = [stored_shape(one) for one in every if one.record.pool is not None]
    link_pages(request, response, page, page_size, len(pools))
    shown = pools[(page - 1) * page_size : page * page_size]
    return ScenarioSetList(items=shown, page=page, page_size=page_size, total=len(pools))


@router.get(
    "/{scenarioSetId}",
    response_model=StoredScenarioSet,
    response_model_exclude_none=True,
    responses={200: {"headers": _ETAG}, 404: documented("There is no such pool.")},
    summary="One pool",
)
def read_pool(
    request: Request,
    set_id: SetId,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    response: Response,
    version: Version = None,
) -> StoredScenarioSet | Response:
    stored = found_set(sessions, set_id, version, caller)
    if stored.record.pool is None:
        raise not_found(f"scenario pool {set_id}", f"pool {set_id}")
    if not_modified(request.headers.get("if-none-match"), stored.etag):
        return Response(status_code=304, headers={"ETag": stored.etag})
    response.headers["ETag"] = stored.etag
    return stored_shape(stored)


def read_pool_body(document: Any) -> PoolBody:
    """What is asked; raises Problem 400 with every fault."""
    try:
        return PoolBody.model_validate(document)
    except ValidationError as error:
        raise invalid_input(shape_faults(error), title="Invalid scenario pool") from None


def _members(session: Session, asked: PoolBody, caller: Caller) -> list[StoredSet]:
    found, faults = [], []
    for place, member in enumerate(asked.members):
        try:
            found.append(get_set(session, member.scenario_set, member.version))
            check_opened(session, member.scenario_set, caller)
        except UnknownScenarioSet as unknown:
            where, dutch = pointer("members", place, "scenarioSet"), f"scenarioset {unknown} bestaat niet"
            faults.append((where, f"there is no scenario set {unknown}", dutch))
    twice = [one.id for one in found]
    faults += [
        (pointer("members", place, "scenarioSet"), "is pooled twice", "staat er twee keer in")
        for place, one in enumerate(found)
        if one.id in twice[:place] and not faults
    ]
    if faults:
        raise invalid_input(faults, title="Invalid scenario pool")
    return found


def pooled_record(session: Session, asked: PoolBody, caller: Caller) -> ScenarioSet:
    """The pool as a scenario set, not stored; raises Problem 400 for what cannot be pooled, 403 for hidden sets."""
    members = _members(session, asked, caller)
    equal, known = equal_weights(len(members)), counted(session, members[0].record)
    raw: tuple[float | None, ...] = (None,) * len(members)
    if asked.weights == "performance":
        by_record = _by_record(session, members, known)
        weights, raw = by_record.shrunk, by_record.raw
    else:
        weights = _weights(asked)
    pooled = [
        (_member(one, weight, even, before), one.record)
        for one, weight, even, before in zip(members, weights, equal, raw, strict=True)
    ]
    named = {
        "name": asked.name,
        "edition": asked.edition,
        "cutoff": asked.cutoff.isoformat(),
        "reason": asked.reason,
        **({} if asked.year_correlation is None else {"yearCorrelation": asked.year_correlation}),
    }
    try:
        return pool_sets(asked.method, asked.weights, pooled, named, known.at_cutoff)
    except InvalidScenarioSet as invalid:
        raise invalid_input(invalid.faults, title="Invalid scenario pool") from None


def _member(one: StoredSet, weight: float, equal: float, raw: float | None) -> PoolMember:
    return PoolMember(
        scenario_set=one.id, version=one.version, weight=weight, equal_weight=equal, raw_weight=raw
    )


def _by_record(session: Session, members: list[StoredSet], known: Counted) -> PerformanceWeights:
    """Weights by what each member's author scored in the archive, shrunk towards equal."""
    target = members[0].record.target
    scores = [expert_scores(session, target, one.created_by, known.yearly) for one in members]
    without = [
        fault(
            pointer("members", place, "scenarioSet"),
            f"{one.created_by} has no forecasts in the archive that came true; use equal or stated weights",
            f"{one.created_by} heeft geen uitgekomen prognoses in het archief; kies gelijke of eigen gewichten.",
        )
        for place, (one, own) in enumerate(zip(members, scores, strict=True))
        if not own
    ]
    if without:
        whole = fault(
            "/weights", "not every member has a track record", "Niet iedereen heeft een staat van dienst."
        )
        raise invalid_input([whole, *without])
    return performance_weights(scores)


def _weights(asked: PoolBody) -> tuple[float, ...]:
    stated = [member.weight for member in asked.members]
    if asked.weights == "equal":
        return equal_weights(len(stated))
    missing = [
        fault(pointer("members", i, "weight"), "is needed", "is nodig")
        for i, w in enumerate(stated)
        if w is None
    ]
    if missing:
        raise invalid_input(missing, title="Invalid scenario pool")
    given = tuple(w for w in stated if w is not None)
    if abs(sum(given) - 1.0) > _TOLERANCE:
        total = f"{sum(given):.9g}"
        dutch = f"De gewichten tellen op tot {total.replace('.', ',')}; ze moeten optellen tot 1."
        raise invalid_input([fault("/members", f"the weights sum to {total}, they must sum to 1", dutch)])
    return given
