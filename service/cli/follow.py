"""Shows how far a forecast is until it has ended: a bar on a terminal, a line per stage elsewhere.

Reads the job table only; who computes the forecast does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.orm import Session, sessionmaker

from service.cli.terminal import out, say
from service.storage.base import reading
from service.storage.forecasts import StoredOrder, get_forecast
from service.storage.jobs import Job

_LOOK_SECONDS = 0.25
_WORTH_A_LINE = 0.1


def follow(sessions: sessionmaker[Session], forecast_id: str, goes_on: Callable[[], bool]) -> StoredOrder:
    """Show progress until the forecast has ended or `goes_on()` says no; returns its last state."""
    states = _states(sessions, forecast_id, goes_on)
    return _bar(states) if out.is_terminal else _lines(states)


def _states(
    sessions: sessionmaker[Session], forecast_id: str, goes_on: Callable[[], bool]
) -> Iterator[StoredOrder]:
    """The forecast as it stands, four times a second, the end included."""
    while True:
        continues = goes_on()
        with reading(sessions) as session:
            stored = get_forecast(session, forecast_id)
        assert stored is not None, "a forecast is never deleted"
        yield stored
        if stored.job.ended or not continues:
            return
        time.sleep(_LOOK_SECONDS)


def _bar(states: Iterator[StoredOrder]) -> StoredOrder:
    columns = (
        TextColumn("Forecast: {task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=out) as progress:
        task = progress.add_task("queued", total=1.0)
        for stored in states:
            progress.update(task, completed=stored.job.progress, description=stored.job.stage)
    return stored


def _lines(states: Iterator[StoredOrder]) -> StoredOrder:
    told, shown = "", 0.0
    for stored in states:
        job = stored.job
        if job.stage != told or job.progress >= shown + _WORTH_A_LINE:
            say(f"Forecast: {job.stage} ({job.progress:.0%})")
            told, shown = job.stage, job.progress
    return stored


def how_it_ended(job: Job) -> str:
    """One sentence for the reader."""
    if job.problem is not None:
        return f"The forecast failed: {job.problem['detail']}"
    return f"The forecast {'was' if job.state == 'cancelled' else 'has'} {job.state.value}."
