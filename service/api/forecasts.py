"""Forecasts: ordered, followed, listed and cancelled. What a finished one says is in `forecast_reads`.

An order is checked whole before anything is stored. An equal one that is queued, running or done is the
same forecast: 200 with it; a new one is 202. Cancelling sets the state at once; the computation ends within
seconds.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from models.request import Remark
from service.api.anchoring import check_opened, unopened
from service.api.bodies import RawBody, read_json
from service.api.context import Configured, Sessions
from service.api.finished import (
    ForecastId,
    etag_of,
    find,
    find_opened,
    plain,
    respond,
    to_json,
)
from service.api.forecast_orders import order_answer, order_recorded, ordered
from service.api.forecast_shapes import (
    ForecastList,
    ForecastState,
    Status,
    forecast_json,
    json_body,
    warnings_json,
)
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.shapes import Identifier
from service.forecast_body import ForecastBody
from service.problem_words import state_nl
from service.problems import Problem, documented, invalid_input, not_found
from service.security import ExpertCaller, ReaderOfConcepts
from service.storage.audit import record_action
from service.storage.base import reading, writing
from service.storage.forecasts import StoredOrder, get_forecast, list_forecasts
from service.storage.jobs import JobState, cancel

router = APIRouter(prefix="/forecasts", tags=["forecasts"])


@router.post(
    "",
    status_code=202,
    response_model=ForecastState,
    responses=ordered("This forecast exists.", "Where the forecast is."),
    openapi_extra=json_body(ForecastBody),
    summary="Order a forecast, or find the one that answers the same request",
)
def create_forecast(body: RawBody, caller: ExpertCaller, sessions: Sessions) -> Response:
    from service.acceptance_orders import order_rates
    from service.orders import OrderRefused, prepare_order

    payload = read_json(body)
    try:
        with reading(sessions) as session:
            prepared = prepare_order(session, payload)
            if prepared[0].scenario_set is not None:
                check_opened(session, prepared[0].scenario_set[0], caller)
    except OrderRefused as refused:
        raise invalid_input(refused.faults) from None
    with writing(sessions) as session:
        found, new = order_recorded(session, prepared, caller, "order forecast")
        order_rates(session, found)
    return order_answer(found, new)


@router.get("", response_model=ForecastList, responses=LINKED, summary="Forecasts, the latest first")
def read_forecasts(
    request: Request,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    settings: Configured,
    status: Annotated[Status | None, Query()] = None,
    scenario_set: Annotated[Identifier | None, Query(alias="scenarioSet")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> Response:
    state = JobState(status) if status else None
    with reading(sessions) as session:
        listed = list_forecasts(session, page, page_size, state, scenario_set, unopened(session, caller))
    items = [_whole(found, settings) for found in listed.items]
    body = {"items": items, "page": page, "pageSize": page_size, "total": listed.total}
    response = Response(to_json(body), media_type="application/json")
    link_pages(request, response, page, page_size, listed.total)
    return response


@router.get(
    "/{forecastId}", response_model=ForecastState, summary="How far a forecast is, and how it was computed"
)
def read_forecast(
    request: Request,
    forecast_id: ForecastId,
    caller: ReaderOfConcepts,
    sessions: Sessions,
    settings: Configured,
) -> Response:
    found = find_opened(sessions, forecast_id, caller)
    if found.job.state is JobState.SUCCEEDED:
        # Its numbers never change, its status as an edition does.
        kept = f"{forecast_id} {found.edition_status}"
        return respond(request, kept, lambda: to_json(_whole(found, settings)))
    body = to_json(_whole(found, settings))
    return Response(body, media_type="application/json", headers={"ETag": etag_of(body)})


def _whole(found: StoredOrder, settings: Configured) -> dict[str, Any]:
    """The forecast with what its computation said about itself, once there is one."""
    if found.job.state is not JobState.SUCCEEDED:
        return forecast_json(found)
    from service.storage.draws import draws_directory, open_draws, read_provenance

    directory = draws_directory(settings.data_dir, found.draws_hash)
    if not directory.is_dir():
        missing = Remark("draws_missing", "Its draws are missing from the data directory.")
        return {**forecast_json(found), **warnings_json([*found.warnings, missing])}
    stored = open_draws(directory)
    said = forecast_json(found, read_provenance(directory), plain(stored.diagnostics), plain(stored.timings))
    said["dataQuality"] = stored.data_quality
    return {**said, **warnings_json([*found.warnings, *stored.warnings])}


@router.delete(
    "/{forecastId}",
    response_model=ForecastState,
    responses={409: documented("It has ended already.")},
    summary="Cancel a queued or running forecast",
)
def cancel_forecast(forecast_id: ForecastId, caller: ExpertCaller, sessions: Sessions) -> Response:
    with writing(sessions) as session:
        found = get_forecast(session, forecast_id)
        if found is None:
            raise not_found(f"forecast {forecast_id}", f"prognose {forecast_id}")
        if cancel(session, found.job.id):
            record_action(session, caller.name, caller.role, "cancel forecast", f"forecast:{forecast_id}")
        elif found.job.state is not JobState.CANCELLED:
            detail = f"The forecast has {found.job.state} and cannot be cancelled any more."
            dutch = f"De prognose {state_nl(found.job.state)} en kan niet meer worden afgebroken."
            extra = {"forecastStatus": found.job.state.value}
            raise Problem(409, "Already ended", detail, dutch=dutch, extra=extra)
    return JSONResponse(forecast_json(find(sessions, forecast_id)))
