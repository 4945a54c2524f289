"""The worker process: a database, a Dask cluster and a supervisor between them, until asked to stop.

Any number of workers may serve one database; each job has one of them at a time. Knows of computations only
that there is a function for them.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import structlog

from service.settings import Settings
from service.storage.base import make_engine, session_factory
from service.storage.draws import remove_partial
from service.storage.jobs import LEASE
from service.worker.cluster import open_cluster
from service.worker.forecast_job import Compute, compute_forecast
from service.worker.supervisor import Supervisor


def run_worker(
    settings: Settings, stop: Event, *, compute: Compute = compute_forecast, lease: timedelta = LEASE
) -> None:
    """Run queued jobs until `stop` is set; the database must have been migrated.

    A computation under way when the worker stops goes back to the queue.
    """
    log = structlog.get_logger("instroom.worker")
    engine = make_engine(settings.database_url)
    try:
        if removed := remove_partial(settings.data_dir):
            log.info("removed what killed writers left", directories=removed)
        with open_cluster(settings.scheduler) as client:
            log.info("worker ready", scheduler=client.scheduler.address)
            Supervisor(settings, session_factory(engine), client, compute, lease).run(stop)
    finally:
        engine.dispose()
