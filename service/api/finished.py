"""Reading a finished forecast: found, opened, and answered with the same bytes and the same ETag every time.

A forecast that has succeeded never changes, so what was found and what was rendered is kept in memory; the
ETag is a hash of the very bytes, hence strong. Before it has succeeded its parts do not exist: 409. The same parts
stand under two addresses: the forecast's own, for readers of concepts, and that of the edition as which it was
adopted, for everybody. Must not know what a part looks like.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Path, Request, Response

from service.api.anchoring import check_forecast_opened
from service.api.context import Configured, Sessions
from service.api.etags import not_modified
from service.api.recent import Recent
from service.api.shapes import Identifier
from service.problem_words import state_nl
from service.problems import Problem, not_found
from service.security import AnyCaller, Caller, Role, require
from service.storage.base import reading
from service.storage.editions import AdoptedFigure, Edition, get_edition
from service.storage.forecasts import StoredOrder, get_forecast
from service.storage.jobs import JobState

if TYPE_CHECKING:
    from models.stored import StoredForecast

JSON, CSV = "application/json", "text/csv"
# A reader may keep an answer but must ask whether it may still see it.
REVALIDATE = "private, no-cache"
_RENDERED_BYTES = 64_000_000
_FOUND_ENTRIES = 1_000

ForecastId = Annotated[Identifier, Path(alias="forecastId")]
EditionPath = Annotated[
    str, Path(alias="edition", pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$", description="Its name.")
]
_reader_of_concepts = require(Role.EXPERT, Role.EVALUATOR)


@dataclass(frozen=True)
class Finished:
    """A forecast that has succeeded, with its draws open; `figures` are those its edition adopted instead."""

    found: StoredOrder
    stored: StoredForecast
    figures: tuple[AdoptedFigure, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """A body with the hash of its bytes."""

    body: bytes
    media_type: str
    etag: str
    headers: Mapping[str, str]


_found: Recent[Finished] = Recent(_FOUND_ENTRIES)
_rendered: Recent[Rendered] = Recent(_RENDERED_BYTES)


def find(sessions: Sessions, forecast_id: str) -> StoredOrder:
    """The forecast as the database knows it; raises Problem 404."""
    with reading(sessions) as session:
        found = get_forecast(session, forecast_id)
    if found is None:
        raise not_found(f"forecast {forecast_id}", f"prognose {forecast_id}")
    return found


def find_opened(sessions: Sessions, forecast_id: str, caller: Caller) -> StoredOrder:
    """As find; raises Problem 403 for a forecast made from what the caller may not see yet."""
    found = find(sessions, forecast_id)
    with reading(sessions) as session:
        check_forecast_opened(session, found, caller)
    return found


def find_edition(sessions: Sessions, edition: str) -> Edition:
    """The edition as the database knows it; raises Problem 404."""
    with reading(sessions) as session:
        found = get_edition(session, edition)
    if found is None:
        raise not_found(f"edition {edition}", f"editie {edition}")
    return found


def of_forecast(_forecast_id: ForecastId) -> None:
    """Declares the address of a forecast to routes that stand under two."""


def of_edition(_edition: EditionPath) -> None:
    """Declares the address of an edition to routes that stand under two."""


def finished(request: Request, caller: AnyCaller, sessions: Sessions, settings: Configured) -> Finished:
    """What the address names, a forecast or an edition, with its draws.

    Raises Problem 403 when a concept is not for the caller, 404, 409 while there are no results, 503 without draws.
    """
    edition = request.path_params.get("edition")
    if edition is None:
        _reader_of_concepts(caller)
        forecast_id = request.path_params["forecastId"]
        if caller.role == Role.EXPERT:
            find_opened(sessions, forecast_id, caller)
        return open_finished(forecast_id, sessions, settings)
    adoption = find_edition(sessions, edition).adoption
    return replace(open_finished(adoption.forecast_id, sessions, settings), figures=adoption.figures)


def open_finished(forecast_id: str, sessions: Sessions, settings: Configured) -> Finished:
    """The forecast with its draws; raises Problem 404, 409 while there are no results, 503 without draws."""
    known = _found.get(forecast_id)
    if known is not None:
        return known
    found = find(sessions, forecast_id)
    if found.job.state is not JobState.SUCCEEDED:
        detail = f"The forecast is {found.job.state}; it has results once it has succeeded."
        dutch = f"De prognose {state_nl(found.job.state)}; resultaten zijn er als zij is voltooid."
        extra = {"forecastStatus": found.job.state.value}
        raise Problem(409, "No results", detail, dutch=dutch, extra=extra)
    from service.storage.draws import draws_directory, open_draws

    directory = draws_directory(settings.data_dir, found.draws_hash)
    if not directory.is_dir():
        detail = "The draws of this forecast are missing; the data directory has to be restored."
        dutch = "De trekkingen van deze prognose ontbreken; de gegevensmap moet worden hersteld."
        raise Problem(503, "Draws are missing", detail, dutch=dutch)
    opened = Finished(found, open_draws(directory))
    _found.put(forecast_id, opened)
    return opened


FinishedForecast = Annotated[Finished, Depends(finished)]


def of_one_series(done: FinishedForecast) -> Finished:
    """The same, for what a sum of series cannot answer: raises Problem 409 for a total."""
    if done.found.order.total is not None:
        detail = (
            "This is a total: its scenarios, events and rates are those of its components. Ask each of "
            f"/v1/forecasts/{done.found.id}/components, and order a total of what comes of it."
        )
        dutch = (
            "Dit is een totaal: scenario's, gebeurtenissen en acceptatiecijfers zijn die van de delen. Vraag elk "
            "daarvan, en bestel een totaal van wat eruit komt."
        )
        raise Problem(409, "A total", detail, dutch=dutch)
    return done


SeriesForecast = Annotated[Finished, Depends(of_one_series)]


def respond(
    request: Request,
    forecast_id: str,
    render: Callable[[], bytes],
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The rendered bytes, or 304 when the caller has them; rendered once per forecast, address and type."""
    key = f"{forecast_id} {request.url.path}?{request.url.query} {media_type}"
    made = _rendered.get(key)
    if made is None:
        body = render()
        made = Rendered(body, media_type, etag_of(body), dict(headers or {}))
        _rendered.put(key, made, len(body))
    return conditional(request, made)


def conditional(request: Request, made: Rendered) -> Response:
    """200 with the body, or 304 without one when If-None-Match names its ETag (RFC 9110, 13.1.2)."""
    headers = {**made.headers, "ETag": made.etag, "Cache-Control": REVALIDATE, "Vary": "Accept"}
    if not_modified(request.headers.get("if-none-match"), made.etag):
        return Response(status_code=304, headers=headers)
    kind = f"{made.media_type}; charset=utf-8" if made.media_type == CSV else made.media_type
    # Given as a header: Starlette would add a charset to the type of its own accord.
    return Response(made.body, headers={**headers, "Content-Type": kind})


def etag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def to_json(value: Any) -> bytes:
    """Compact JSON; arrays become lists, and what is not finite becomes null."""
    try:
        return _dumped(value)
    except ValueError:
        # Something is not finite; looking for it takes longer than all the rest.
        return _dumped(plain(value))


def _dumped(value: Any) -> bytes:
    return json.dumps(
        value, separators=(",", ":"), allow_nan=False, default=lambda array: array.tolist()
    ).encode()


def plain(value: Any) -> Any:
    """The same content in lists, mappings, numbers and text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
