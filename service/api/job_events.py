"""The progress of a job as server-sent events, until it ends.

    event: progress
    data: {"id", "status", "progress", "stage", "error"}

Each change of the job's row is one event; the row is looked at twice a second, so that it does not matter
which process changes it. The stream ends after an event with a final status. Must not know what is computed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from anyio import sleep, to_thread
from fastapi import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from service.storage.jobs import Job, JobState

_SECONDS_BETWEEN_LOOKS = 0.5
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def follow(look: Callable[[], Job]) -> Response:
    """The stream about the job that `look` finds; it is looked at once before the answer starts."""
    return EventSourceResponse(_events(look, look()), sep="\n")


async def _events(look: Callable[[], Job], job: Job) -> AsyncIterator[ServerSentEvent]:
    said = ""
    while True:
        news = json.dumps(_state(job), separators=(",", ":"))
        if news != said:
            yield ServerSentEvent(data=news, event="progress", sep="\n")
            said = news
        if job.ended:
            return
        await sleep(_SECONDS_BETWEEN_LOOKS)
        job = await to_thread.run_sync(look)


def _state(job: Job) -> dict[str, object]:
    return {
        "id": job.subject,
        "status": job.state.value,
        "progress": job.progress,
        "stage": job.stage,
        "error": job.problem if job.state is JobState.FAILED else None,
    }
