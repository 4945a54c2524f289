"""Two forecasts computed for real, from counts over HTTP to a finished resource, and how tests read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from anyio.from_thread import start_blocking_portal

from service.app import InstroomApp, create_app
from service.settings import Settings
from service.worker.cluster import open_cluster
from service.worker.forecast_job import compute_forecast
from service.worker.supervisor import Supervisor
from tests.conftest import Client
from tests.contract.forecast_inputs import AS_OF, CUTOFF, TARGET, counts, deliver, scenario_set

EVERY_READ = [
    "",
    "/interval-scenarios",
    "/interval-scenarios?rounding=100&levels=0.05,0.95&layer=experts",
    "/interval-scenarios?format=csv",
    "/density?year=2025",
    "/exceedance?year=2025&above=33000",
    "/scenario-probabilities",
    "/monthly",
    "/scenario-paths",
    "/paths?draws=7&format=csv",
    "/paths?draws=7&format=json",
    "/paths?draws=7&format=parquet",
    "/paths?draws=7&format=arrow",
]


@dataclass(frozen=True)
class Done:
    """Two finished forecasts, with a scenario set and of the model alone, and who may ask about them."""

    app: InstroomApp
    client: Client
    with_set: str
    alone: str
    events: str
    restarted: Client


@contextmanager
def finished_forecasts(folder: Path) -> Iterator[Done]:
    """Both forecasts, computed in `folder` by a worker that goes on as long as the block."""
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{folder / 'test.sqlite'}")
    app, other = create_app(settings), create_app(settings)
    deliver(app.state.sessions, counts())
    with start_blocking_portal() as portal, working(app, settings):
        client, restarted = Client(app, portal), Client(other, portal)
        made = client.post("/v1/scenario-sets", json=scenario_set())
        body = {"scenarioSet": made.json()["id"], "asOf": AS_OF}
        with_set = client.post("/v1/forecasts", json=body).headers["location"]
        told = client.get(f"{with_set}/events", timeout=300).text
        body = {"target": TARGET, "cutoff": CUTOFF, "asOf": AS_OF, "horizonYears": 2}
        alone = client.post("/v1/forecasts", json=body).headers["location"]
        client.get(f"{alone}/events", timeout=300)
        yield Done(app, client, with_set, alone, told, restarted)
        for opened in (client, restarted):
            opened.close()
    for built in (app, other):
        built.state.sessions.kw["bind"].dispose()


@contextmanager
def working(app: InstroomApp, settings: Settings) -> Iterator[None]:
    """A worker on a Dask process of its own, for as long as the block."""
    stop = Event()
    with open_cluster(None, processes=1) as cluster:
        supervisor = Supervisor(settings, app.state.sessions, cluster, compute_forecast)
        thread = Thread(target=supervisor.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)


def read(done: Done, part: str = "", of: str | None = None, **options: Any) -> Any:
    answer = done.client.get((of or done.with_set) + part, **options)
    assert answer.status_code == 200, answer.text
    return answer


def rows(done: Done, query: str = "", of: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(done, f"/interval-scenarios{query}", of).json()["years"]
    return found
