"""How far a computation is, from the Dask process that runs it to the worker that keeps the job table.

A computation calls `report(stage, fraction)` as often as it likes; what leaves the process is thinned to a
few messages a second over Dask's own event log. Fractions never go back. Must not know jobs, database or
models.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distributed import Client, get_worker

Report = Callable[[str, float], None]
_SECONDS_BETWEEN = 0.2
# Tokens of computations in this process that must end at their next report.
_stopping: set[str] = set()


class Stopped(Exception):
    """The computation is no longer wanted."""


def stop(token: str) -> None:
    """Runs in the process of the computation, beside it."""
    _stopping.add(token)


@dataclass(frozen=True)
class Progress:
    """The stage a computation is in and the fraction of the whole that is done."""

    stage: str
    fraction: float


def topic_of(token: str) -> str:
    return f"instroom-{token}"


def reporter(token: str) -> Report:
    """A function for use inside a Dask task; thinned, except that a new stage and the end always pass.

    It raises Stopped once `stop` was called with the same token.
    """
    worker, topic = get_worker(), topic_of(token)
    lock = threading.Lock()
    last: list[Any] = ["", -_SECONDS_BETWEEN]

    def report(stage: str, fraction: float) -> None:
        if token in _stopping:
            raise Stopped
        now = time.monotonic()
        with lock:
            if stage == last[0] and fraction < 1.0 and now - last[1] < _SECONDS_BETWEEN:
                return
            last[:] = [stage, now]
        worker.log_event(topic, {"stage": stage, "fraction": float(fraction)})

    return report


class Listener:
    """The latest progress of one task, as seen from the client's side."""

    def __init__(self, client: Client, token: str) -> None:
        self._client, self._topic = client, topic_of(token)
        self._lock = threading.Lock()
        self._latest = Progress("starting", 0.0)
        client.subscribe_topic(self._topic, self._hear)

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        _, message = event
        fraction = min(1.0, max(0.0, float(message["fraction"])))
        with self._lock:
            self._latest = Progress(str(message["stage"]), max(self._latest.fraction, fraction))

    @property
    def latest(self) -> Progress:
        with self._lock:
            return self._latest

    def close(self) -> None:
        self._client.unsubscribe_topic(self._topic)
