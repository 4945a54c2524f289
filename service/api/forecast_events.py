"""The progress of one forecast as it happens; what the events look like is in `job_events`."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.api.context import Sessions
from service.api.finished import ForecastId, find, find_opened
from service.api.job_events import STREAM, follow
from service.security import ReaderOfConcepts

router = APIRouter(prefix="/forecasts", tags=["forecasts"])


@router.get(
    "/{forecastId}/events", response_class=Response, responses=STREAM, summary="Progress, as it happens"
)
def follow_forecast(forecast_id: ForecastId, caller: ReaderOfConcepts, sessions: Sessions) -> Response:
    find_opened(sessions, forecast_id, caller)
    return follow(lambda: find(sessions, forecast_id).job)
