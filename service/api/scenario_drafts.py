"""Drafts of scenario sets: kept on the server while somebody writes, for the writer alone.

A draft is whatever JSON object the page holds; it comes back as it went in. Saving over a draft needs its ETag, so
that two windows do not overwrite each other unseen.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response

from service.api.bodies import RawBody, read_json
from service.api.context import Sessions
from service.api.etags import not_modified, required, stale, strongly_matches
from service.api.shapes import Identifier
from service.problems import Problem, documented, fault, invalid_input, not_found
from service.security import ExpertCaller
from service.storage.base import reading, writing
from service.storage.scenario_drafts import (
    MOST_DRAFTS,
    Draft,
    TooManyDrafts,
    delete_draft,
    get_draft,
    lock_draft,
    save_draft,
)

router = APIRouter(prefix="/scenario-set-drafts/{key}", tags=["scenario sets"])
_LARGEST = 2_000_000
_JSON = "application/json"
_OBJECT: dict[str, Any] = {"schema": {"type": "object"}}
_BODY = {"requestBody": {"required": True, "content": {_JSON: _OBJECT}}}
_ETAG = {"ETag": {"description": "Strong; different for every saving.", "schema": {"type": "string"}}}
_KEPT: dict[int | str, dict[str, Any]] = {200: {"headers": _ETAG, "content": {_JSON: _OBJECT}}}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: documented("The caller has no such draft.")}
_GUARDED: dict[int | str, dict[str, Any]] = {
    412: documented("The draft was saved since, or is gone."),
    428: documented("If-Match is missing."),
}

DraftKey = Annotated[Identifier, Path(description="Chosen by the caller; names are the caller's own.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="ETag of the draft being replaced.")]


@router.get("", response_class=Response, responses={**_KEPT, **_UNKNOWN}, summary="One's own draft")
def read_draft(
    key: DraftKey,
    caller: ExpertCaller,
    sessions: Sessions,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    with reading(sessions) as session:
        found = get_draft(session, caller.name, key)
    if found is None:
        raise not_found(f"draft {key}", f"concept {key}")
    if not_modified(if_none_match, found.etag):
        return Response(status_code=304, headers={"ETag": found.etag})
    return _answer(found)


@router.put(
    "",
    response_class=Response,
    openapi_extra=_BODY,
    responses={
        **_KEPT,
        201: {"headers": _ETAG, "content": {_JSON: _OBJECT}, "description": "The first saving."},
        **_GUARDED,
    },
    summary="Save a draft; nothing in it is checked",
)
def keep_draft(
    key: DraftKey, body: RawBody, caller: ExpertCaller, sessions: Sessions, if_match: IfMatch = None
) -> Response:
    content = _content(body)
    with writing(sessions) as session:
        before = lock_draft(session, caller.name, key)
        _check(before, if_match)
        try:
            saved = save_draft(session, caller.name, key, content)
        except TooManyDrafts:
            detail = f"there are {MOST_DRAFTS} drafts already; throw one away first"
            dutch = f"er zijn al {MOST_DRAFTS} concepten; gooi er eerst een weg"
            raise invalid_input([fault("key", detail, dutch)]) from None
    return _answer(saved, 201 if before is None else 200)


@router.delete(
    "",
    status_code=204,
    responses={**_UNKNOWN, **_GUARDED},
    summary="Throw a draft away",
)
def throw_draft_away(
    key: DraftKey, caller: ExpertCaller, sessions: Sessions, if_match: IfMatch = None
) -> None:
    with writing(sessions) as session:
        before = lock_draft(session, caller.name, key)
        if before is None:
            raise not_found(f"draft {key}", f"concept {key}")
        _check(before, if_match)
        delete_draft(session, caller.name, key)


def _content(body: bytes) -> str:
    if len(body) > _LARGEST:
        raise invalid_input([("", f"a draft may have at most {_LARGEST:,} bytes", "dit concept is te groot")])
    document = read_json(body)
    if not isinstance(document, dict):
        raise invalid_input([("", "must be an object", "moet een object zijn")])
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise invalid_input(
            [("", "holds a number that is not finite", "bevat een getal dat niet eindig is")]
        ) from None


def _check(before: Draft | None, if_match: str | None) -> None:
    """A draft that is there is replaced or thrown away by its ETag only; one that is not there needs none."""
    if before is not None and not strongly_matches(required(if_match), before.etag):
        raise stale(before.etag)
    if before is None and if_match is not None:
        detail = "This draft is gone; save it without If-Match."
        dutch = "Dit concept is er niet meer; bewaar het zonder If-Match."
        raise Problem(412, "Precondition failed", detail, dutch=dutch)


def _answer(draft: Draft, status: int = 200) -> Response:
    headers = {"ETag": draft.etag, "Cache-Control": "private, no-cache"}
    return Response(draft.content, status, headers={**headers, "Content-Type": _JSON})
