"""Conditional requests on versioned resources (RFC 9110, 13): If-Match guards a change, If-None-Match a read."""

from __future__ import annotations

import re

from service.problems import Problem

_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def required(if_match: str | None) -> str:
    """The If-Match header; raises Problem 428 without one and 400 for what is not a list of tags."""
    if if_match is None:
        detail = "Send If-Match with the ETag of the version you changed."
        dutch = "Stuur If-Match mee met de ETag van de versie die u hebt gewijzigd."
        raise Problem(428, "Precondition required", detail, dutch=dutch)
    if if_match.strip() != "*" and not _tags(if_match):
        fault = ("If-Match", "is no quoted ETag", "is geen ETag tussen aanhalingstekens")
        raise Problem(
            400, "Invalid input", "If-Match holds no ETag.", [fault], dutch="If-Match bevat geen ETag."
        )
    return if_match


def strongly_matches(if_match: str, etag: str) -> bool:
    """Whether If-Match names this version; a weak tag never does."""
    return if_match.strip() == "*" or etag in _tags(if_match)


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Whether the reader has this version already; weak tags count."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in {t.removeprefix("W/") for t in _tags(if_none_match)}


def stale(etag: str) -> Problem:
    """412, with the ETag of what is there now."""
    detail = "Someone stored another version since the one you changed; read it and try again."
    dutch = (
        "Sinds de versie die u hebt gewijzigd, is er een andere opgeslagen; lees die en probeer het opnieuw."
    )
    return Problem(412, "Precondition failed", detail, dutch=dutch, headers={"ETag": etag})


def _tags(header: str) -> set[str]:
    return {found.group(0) for found in _TAG.finditer(header)}
