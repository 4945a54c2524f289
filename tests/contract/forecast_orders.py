"""How tests order forecasts over HTTP and end them without computing any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from priors.scenario import parse_scenario_set
from service.app import InstroomApp
from service.scenario_changes import create_scenario_set
from service.storage import jobs
from service.storage.base import make_engine, migrate, session_factory, writing
from tests.contract.forecast_inputs import AS_OF, CUTOFF, TARGET, counts, deliver, scenario_set
from tests.contract.refusals import faults_in


def stock(folder: Path) -> str:
    """A database `test.sqlite` with counts and a scenario set; returns the set's id."""
    engine = make_engine(f"sqlite:///{folder / 'test.sqlite'}")
    migrate(engine)
    sessions = session_factory(engine)
    deliver(sessions, counts())
    with writing(sessions) as session:
        made = create_scenario_set(session, parse_scenario_set(scenario_set()), "tester")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return made.id


def order(client: Any, **body: Any) -> Any:
    return client.post("/v1/forecasts", json=body)


def model_only(**changes: Any) -> dict[str, Any]:
    return {"target": TARGET, "cutoff": CUTOFF, "asOf": AS_OF, "expertWeight": 0, **changes}


def fields(refused: Any) -> set[str]:
    return {error["field"] for error in faults_in(refused)}


def total(client: Any) -> int:
    return int(client.get("/v1/forecasts").json()["total"])


def finish(app: InstroomApp, ended: str) -> None:
    problem = {"type": "about:blank", "title": "Computation failed", "status": 500, "detail": "why"}
    with writing(app.state.sessions) as session:
        claim = jobs.claim(session, "w", ("forecast",))
        assert claim is not None
        assert jobs.succeed(session, claim) if ended == "succeeded" else jobs.fail(session, claim, problem)


def events(text: str) -> list[dict[str, Any]]:
    blocks = [block for block in text.split("\n\n") if block.strip()]
    assert all(block.startswith("event: progress\ndata: ") for block in blocks)
    return [json.loads(block.split("data: ", 1)[1]) for block in blocks]
