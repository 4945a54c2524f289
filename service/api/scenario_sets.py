"""Scenario sets: state one, read any version, change it with If-Match, and see what it implies before saving.

Faults of a set come from `priors` and are all given at once; storing goes through `service.scenario_changes`, so
that no version exists without its entry in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session, sessionmaker

from priors.scenario import InvalidScenarioSet, ScenarioSet, parse_scenario_set
from service.api.anchoring import check_opened, unopened
from service.api.bodies import RawBody, read_json
from service.api.context import Configured, Sessions
from service.api.etags import not_modified, required, stale, strongly_matches
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.scenario_shapes import (
    Exceedance,
    SavedScenarioSet,
    ScenarioSetDensity,
    ScenarioSetList,
    StoredScenarioSet,
    density_shape,
    saved_shape,
    stored_shape,
)
from service.api.shapes import Identifier
from service.implied import Implied, implied
from service.problems import FieldError, documented, invalid_input, not_found
from service.scenario_changes import StaleVersion, change_scenario_set, create_scenario_set
from service.security import Caller, ExpertCaller, ReaderOfConcepts
from service.storage.audit import record_action
from service.storage.base import reading, writing
from service.storage.ledger import set_subject
from service.storage.paging import Page
from service.storage.scenario_sets import (
    StoredSet,
    UnknownScenarioSet,
    get_set,
    list_sets,
    list_versions,
)

Responses = dict[int | str, dict[str, Any]]
router = APIRouter(tags=["scenario sets"])

SetId = Annotated[Identifier, Path(alias="scenarioSetId")]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="By default the latest.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="ETag of the version being changed.")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]

_ADDED = {to_camel(name) for name in SavedScenarioSet.model_fields.keys() - ScenarioSet.model_fields.keys()}
# A pool that is changed is a set like any other: what it was pooled from no longer tells what it says.
_ADDED |= {"pool"}
_SCHEMA = {"schema": {"$ref": "#/components/schemas/ScenarioSet"}}
_BODY = {"requestBody": {"required": True, "content": {"application/json": _SCHEMA}}}
_ETAG = {"ETag": {"description": "Strong; different for every version.", "schema": {"type": "string"}}}
_UNKNOWN: Responses = {404: documented("There is no such scenario set or version.")}
_CONFLICT: Responses = {
    412: documented("Another version was stored since."),
    428: documented("If-Match is missing."),
}


@router.post(
    "/scenario-sets",
    status_code=201,
    response_model_exclude_none=True,
    openapi_extra=_BODY,
    responses={201: {"headers": _ETAG}},
    summary="State a scenario set",
)
def create_set(
    body: RawBody, caller: ExpertCaller, sessions: Sessions, response: Response
) -> SavedScenarioSet:
    record = _stated(read_json(body))
    with _changing(sessions) as session:
        stored = create_scenario_set(session, record, caller.name)
        answer = _saved(session, stored, caller, "create scenario set")
    response.headers["Location"] = f"/v1/scenario-sets/{stored.id}"
    response.headers["ETag"] = stored.etag
    return answer


@router.put(
    "/scenario-sets/{scenarioSetId}",
    response_model_exclude_none=True,
    openapi_extra=_BODY,
    responses={200: {"headers": _ETAG}, **_UNKNOWN, **_CONFLICT},
    summary="Store a new version of a scenario set",
)
def change_set(
    set_id: SetId,
    body: RawBody,
    caller: ExpertCaller,
    sessions: Sessions,
    response: Response,
    if_match: IfMatch = None,
) -> SavedScenarioSet:
    known = partial(strongly_matches, required(if_match))
    record = _stated(read_json(body))
    with _changing(sessions) as session:
        check_opened(session, set_id, caller)
        stored = change_scenario_set(session, set_id, record, caller.name, known)
        answer = _saved(session, stored, caller, "change scenario set")
    response.headers["ETag"] = stored.etag
    return answer


@router.get(
    "/scenario-sets",
    response_model_exclude_none=True,
    responses=LINKED,
    summary="Every scenario set in its latest version, the newest set first; to an expert others' only after one's own",
)
def read_sets(
    request: Request,
    response: Response,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> ScenarioSetList:
    with reading(sessions) as session:
        found = list_sets(session, page, page_size, unopened(session, caller))
    return _listed(request, response, found)


@router.get(
    "/scenario-sets/{scenarioSetId}",
    response_model=StoredScenarioSet,
    response_model_exclude_none=True,
    responses={200: {"headers": _ETAG}, 304: {"description": "The reader has this version."}, **_UNKNOWN},
    summary="One version of a scenario set",
)
def read_set(
    set_id: SetId,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    response: Response,
    version: Version = None,
    if_none_match: IfNoneMatch = None,
) -> StoredScenarioSet | Response:
    stored = found_set(sessions, set_id, version, caller)
    if not_modified(if_none_match, stored.etag):
        return Response(status_code=304, headers={"ETag": stored.etag})
    response.headers["ETag"] = stored.etag
    return stored_shape(stored)


@router.get(
    "/scenario-sets/{scenarioSetId}/versions",
    response_model_exclude_none=True,
    responses={**LINKED, **_UNKNOWN},
    summary="The versions of a scenario set, the latest first",
)
def read_versions(
    request: Request,
    response: Response,
    set_id: SetId,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> ScenarioSetList:
    with reading(sessions) as session, _refusals():
        check_opened(session, set_id, caller)
        found = list_versions(session, set_id, page, page_size)
    return _listed(request, response, found)


@router.post(
    "/scenario-set-previews",
    response_model_exclude_none=True,
    openapi_extra=_BODY,
    summary="What a scenario set would imply; stores nothing",
)
def preview_set(
    body: RawBody, _caller: ReaderOfConcepts, sessions: Sessions, settings: Configured
) -> ScenarioSetDensity:
    document = read_json(body)
    # A reason is asked for what is kept, and a preview keeps nothing.
    record = _stated({"reason": "preview", **document} if isinstance(document, dict) else document)
    with reading(sessions) as session, _refusals():
        found = implied(session, record, settings.data_dir)
    return density_shape(found, found.density.stated_years, record.pool)


@router.get(
    "/scenario-sets/{scenarioSetId}/density",
    response_model_exclude_none=True,
    responses=_UNKNOWN,
    summary="The density a scenario set states, per year, with feedback",
)
def read_set_density(
    set_id: SetId,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    year: Annotated[int | None, Query(ge=1950, le=2200, description="By default every stated year.")] = None,
    version: Version = None,
) -> ScenarioSetDensity:
    found = _implied(sessions, set_id, version, year, caller)
    years = found.density.stated_years if year is None else (year,)
    pool = found_set(sessions, set_id, version, caller).record.pool
    return density_shape(found, years, pool)


@router.get(
    "/scenario-sets/{scenarioSetId}/exceedance",
    responses=_UNKNOWN,
    summary="The chance of more than a number of persons in a year",
)
def read_set_exceedance(
    set_id: SetId,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    year: Annotated[int, Query(ge=1950, le=2200)],
    above: Annotated[float, Query(allow_inf_nan=False, description="Persons.")],
    version: Version = None,
) -> Exceedance:
    density = _implied(sessions, set_id, version, year, caller).density
    return Exceedance(year=year, above=above, probability=density.exceedance(year, above))


def _stated(document: object) -> ScenarioSet:
    if isinstance(document, dict):
        # What the service adds to a set may come back with it: reading, changing and putting is one gesture.
        document = {name: value for name, value in document.items() if name not in _ADDED}
    with _refusals():
        record = parse_scenario_set(document)
    if record.cutoff > datetime.now(UTC).date():
        raise invalid_input(
            [
                FieldError(
                    "/cutoff", f"{record.cutoff} lies in the future", f"{record.cutoff} ligt in de toekomst"
                )
            ]
        )
    return record


def found_set(sessions: sessionmaker[Session], set_id: str, version: int | None, caller: Caller) -> StoredSet:
    """One version, by default the latest; raises Problem 404, or 403 while it is hidden from the caller."""
    with reading(sessions) as session:
        return _found(session, set_id, version, caller)


def _found(session: Session, set_id: str, version: int | None, caller: Caller) -> StoredSet:
    check_opened(session, set_id, caller)
    with _refusals():
        return get_set(session, set_id, version)


def _implied(
    sessions: sessionmaker[Session], set_id: str, version: int | None, year: int | None, caller: Caller
) -> Implied:
    with reading(sessions) as session:
        stored = _found(session, set_id, version, caller)
        with _refusals():
            found = implied(session, stored.record)
    stated = found.density.stated_years
    if year is not None and year not in stated:
        years = ", ".join(map(str, stated))
        detail = f"no scenario states {year}; stated are {years}"
        raise invalid_input([FieldError("year", detail, f"geen scenario noemt {year}; genoemd zijn {years}")])
    return found


def _saved(session: Session, stored: StoredSet, caller: Caller, action: str) -> SavedScenarioSet:
    record_action(session, caller.name, caller.role, action, set_subject(stored.id))
    return saved_shape(stored, implied(session, stored.record).feedback)


def _listed(request: Request, response: Response, found: Page[StoredSet]) -> ScenarioSetList:
    link_pages(request, response, found.number, found.size, found.total)
    items = [stored_shape(stored) for stored in found.items]
    return ScenarioSetList(items=items, page=found.number, page_size=found.size, total=found.total)


@contextmanager
def _changing(sessions: sessionmaker[Session]) -> Iterator[Session]:
    with _refusals(), writing(sessions) as session:
        yield session


@contextmanager
def _refusals() -> Iterator[None]:
    """What the layers below refuse, as problems."""
    try:
        yield
    except InvalidScenarioSet as invalid:
        raise invalid_input(invalid.faults, title="Invalid scenario set") from None
    except UnknownScenarioSet as unknown:
        raise not_found(f"scenario set {unknown}", f"scenarioset {unknown}") from None
    except StaleVersion as changed:
        raise stale(changed.current.etag) from None
