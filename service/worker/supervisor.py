"""One worker: claims jobs, hands them to the cluster, keeps the job table true until they end.

    every beat:  claim while there are free processes; renew each lease with the latest progress;
                 a lease that cannot be renewed (cancelled, or taken over) stops the computation: it is asked,
                 and after two seconds its process is killed;
                 a task that is done succeeds or fails its job

A database that does not answer for a while is waited for; a lease lost meanwhile is another worker's job, and
nothing this worker writes afterwards counts. Must not know how anything is computed.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import structlog
from distributed import Client, Future
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from service.settings import Settings
from service.storage import jobs
from service.storage.base import reading, writing
from service.storage.jobs import Claim
from service.worker.cluster import ask_to_stop, end_process, slots
from service.worker.forecast_job import Compute
from service.worker.preparing import KINDS, prepared
from service.worker.progress import Listener, Progress, reporter
from service.worker.results import Outcome, Work, problem

log = structlog.get_logger("instroom.worker")
BEAT_SECONDS = 0.25
_RENEW_SECONDS = 1.0
_SECONDS_TO_STOP = 2.0
_SECONDS_WITHOUT_PROCESSES = 120.0


class ClusterLost(RuntimeError):
    """There is nothing left to compute on; whoever started this worker should start it anew."""


@dataclass
class _Running:
    claim: Claim
    future: Future
    listener: Listener
    renewed: float
    told: Progress | None = None
    asked_to_stop: float | None = None


def compute_on_dask(token: str, work: Work) -> Outcome:
    """What the cluster runs."""
    return work(reporter(token))


class Supervisor:
    """The jobs in one worker's hands."""

    def __init__(
        self,
        settings: Settings,
        sessions: sessionmaker[Session],
        client: Client,
        compute: Compute,
        lease: timedelta = jobs.LEASE,
    ) -> None:
        self._settings, self._sessions, self._client = settings, sessions, client
        self._compute, self._lease = compute, lease
        self._name = f"{socket.gethostname()}:{os.getpid()}"[:200]
        self._running: list[_Running] = []
        self._seen = time.monotonic()

    def run(self, stop: Event) -> None:
        """Work until `stop` is set; running computations then go back to the queue. Raises ClusterLost."""
        try:
            while not stop.is_set():
                try:
                    self._beat()
                except OperationalError as error:
                    log.warning("the database does not answer", error=str(error.orig))
                stop.wait(BEAT_SECONDS)
        finally:
            self._put_back()

    def _beat(self) -> None:
        for running in list(self._running):
            if running.asked_to_stop is not None:
                self._see_it_stop(running)
            elif running.future.done():
                self._finish(running)
            elif not self._renewed(running):
                self._ask_to_stop(running)
        while len(self._running) < self._slots() and self._start_next():
            continue

    def _slots(self) -> int:
        """How many jobs may run at once; raises ClusterLost when there is no process for long."""
        found, now = slots(self._client), time.monotonic()
        if found or self._running:
            self._seen = now
        elif now - self._seen > _SECONDS_WITHOUT_PROCESSES:
            raise ClusterLost("the cluster has had no process for two minutes")
        return found

    def _start_next(self) -> bool:
        with writing(self._sessions) as session:
            claim = jobs.claim(session, self._name, KINDS, self._lease)
        if claim is None:
            return False
        log.info(
            "job started", job=claim.job_id, kind=claim.kind, subject=claim.subject, attempt=claim.attempt
        )
        with reading(self._sessions) as session:
            work = prepared(session, claim, self._settings.data_dir, self._compute)
        listener = Listener(self._client, claim.token)
        key = f"{claim.kind}-{claim.token}"
        future = self._client.submit(compute_on_dask, claim.token, work, key=key, pure=False, retries=0)
        self._running.append(_Running(claim, future, listener, time.monotonic()))
        return True

    def _renewed(self, running: _Running) -> bool:
        """Whether the job is still ours; told at most every beat, and at least every second."""
        latest = running.listener.latest
        if latest == running.told and time.monotonic() - running.renewed < _RENEW_SECONDS:
            return True
        with writing(self._sessions) as session:
            ours = jobs.renew(session, running.claim, latest.fraction, latest.stage, self._lease)
        running.told, running.renewed = latest, time.monotonic()
        return ours

    def _finish(self, running: _Running) -> None:
        outcome = _outcome(running.future)
        with writing(self._sessions) as session:
            if outcome.problem is None:
                counted = jobs.succeed(session, running.claim)
            else:
                counted = jobs.fail(session, running.claim, outcome.problem)
        self._drop(running)
        happened = "job failed" if outcome.problem else "job succeeded"
        log.info(happened, job=running.claim.job_id, counted=counted, particulars=outcome.particulars)

    def _ask_to_stop(self, running: _Running) -> None:
        running.asked_to_stop = time.monotonic()
        ask_to_stop(self._client, running.future, running.claim.token)

    def _see_it_stop(self, running: _Running) -> None:
        assert running.asked_to_stop is not None
        overdue = time.monotonic() - running.asked_to_stop > _SECONDS_TO_STOP
        if not running.future.done() and not overdue:
            return
        if not running.future.done():
            end_process(self._client, running.future)
        self._drop(running)
        log.info("job stopped", job=running.claim.job_id, killed=overdue)

    def _drop(self, running: _Running) -> None:
        running.listener.close()
        running.future.release()
        self._running.remove(running)

    def _put_back(self) -> None:
        with writing(self._sessions) as session:
            for running in self._running:
                jobs.release(session, running.claim)
        for running in self._running:
            self._ask_to_stop(running)
        while self._running:
            for running in list(self._running):
                self._see_it_stop(running)
            time.sleep(BEAT_SECONDS / 5)


def _outcome(future: Future) -> Outcome:
    """What the task returned; a process that died has returned nothing."""
    if future.status == "finished":
        outcome: Outcome = future.result()
        return outcome
    detail = "The computation's process ended before it was done, perhaps for want of memory."
    dutch = "Het proces van de berekening eindigde voor zij klaar was, misschien door te weinig geheugen."
    return Outcome(
        problem(500, "Computation failed", detail, dutch),
        f"{future.status}: {future.exception() if future.status == 'error' else ''}",
    )
