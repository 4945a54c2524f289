"""Lists over HTTP: `{"items", "page", "pageSize", "total"}` with a Link header to the pages around."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response

PageNumber = Annotated[int, Query(alias="page", ge=1, le=1_000_000, description="Pages count from 1.")]
PageSize = Annotated[int, Query(alias="pageSize", ge=1, le=1_000, description="Rows on a page.")]
_LINK = {"description": "Pages around this one (RFC 8288).", "schema": {"type": "string"}}
LINKED: dict[int | str, dict[str, Any]] = {200: {"headers": {"Link": _LINK}}}


def link_pages(request: Request, response: Response, number: int, size: int, total: int) -> None:
    """Set the Link header to the first, previous, next and last page, as far as there is one."""
    last = max(1, -(-total // size))
    around = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
    pages = {rel: page for rel, page in around.items() if 1 <= page <= last}
    response.headers["Link"] = ", ".join(
        f'<{request.url.path}?{_query(request, page, size)}>; rel="{rel}"' for rel, page in pages.items()
    )


def _query(request: Request, page: int, size: int) -> str:
    return request.url.include_query_params(page=page, pageSize=size).query
