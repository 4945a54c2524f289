"""The progress of one forecast as server-sent events, until it ends.

    event: progress
    data: {"id", "status", "progress", "stage", "error"}

Each change of the job's row is one event; the row is looked at twice a second, so that it does not matter
which process changes it. The stream ends after an event with a final status. Must not know what is
computed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from anyio import sleep, to_thread
from fastapi import APIRouter, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from service.api.context import Sessions
from service.api.finished import ForecastId, find
from service.security import ReaderOfConcepts
from service.storage.forecasts import StoredOrder
from service.storage.jobs import JobState

router = APIRouter(prefix="/forecasts", tags=["forecasts"])
_SECONDS_BETWEEN_LOOKS = 0.5
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get(
    "/{forecastId}/events", response_class=Response, responses=_STREAM, summary="Progress, as it happens"
)
def follow_forecast(forecast_id: ForecastId, _caller: ReaderOfConcepts, sessions: Sessions) -> Response:
    found = find(sessions, forecast_id)
    return EventSourceResponse(_events(sessions, found), sep="\n")


async def _events(sessions: Sessions, found: StoredOrder) -> AsyncIterator[ServerSentEvent]:
    said = ""
    while True:
        news = json.dumps(_state(found), separators=(",", ":"))
        if news != said:
            yield ServerSentEvent(data=news, event="progress", sep="\n")
            said = news
        if found.job.ended:
            return
        await sleep(_SECONDS_BETWEEN_LOOKS)
        found = await to_thread.run_sync(partial(find, sessions, found.id))


def _state(found: StoredOrder) -> dict[str, object]:
    job = found.job
    return {
        "id": found.id,
        "status": job.state.value,
        "progress": job.progress,
        "stage": job.stage,
        "error": job.problem if job.state is JobState.FAILED else None,
    }
