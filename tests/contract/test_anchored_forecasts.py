"""A forecast made from another expert's set stays hidden, as the set does, until one has stated one's own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings
from service.storage.base import writing
from service.storage.forecasts import ForecastRow
from tests.contract.forecast_inputs import AS_OF, counts, deliver, scenario_set
from tests.contract.forecast_orders import model_only

NAMES = {"ann": "expert", "ben": "expert", "eve": "evaluator", "adm": "admin"}
PARTS = ["", "/events", "/interval-scenarios", "/scenario-probabilities", "/export?format=csv"]


@pytest.fixture
def app(settings: Settings, tmp_path: Path) -> Iterator[Any]:
    tokens = [
        {"name": name, "role": role, "sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name, role in NAMES.items()
    ]
    (tmp_path / "tokens.json").write_text(json.dumps(tokens))
    built = create_app(dataclasses.replace(settings, tokens_file=tmp_path / "tokens.json"))
    deliver(built.state.sessions, counts())
    yield built
    built.state.sessions.kw["bind"].dispose()


@pytest.fixture
def as_name(app: Any, connect: Callable[..., Any]) -> Callable[[str], Any]:
    return lambda name: connect(app, name)


def ordered(expert: Any) -> tuple[str, str]:
    """Address of a forecast from a set of the expert's own, and the set's id; and one of the model alone."""
    made = expert.post("/v1/scenario-sets", json=scenario_set()).json()["id"]
    found = expert.post("/v1/forecasts", json={"scenarioSet": made, "asOf": AS_OF})
    assert found.status_code == 202, found.text
    assert expert.post("/v1/forecasts", json=model_only()).status_code == 202
    return found.headers["location"], made


def test_a_concept_from_anothers_set_opens_with_ones_own(as_name: Callable[[str], Any]) -> None:
    location, made = ordered(as_name("ann"))
    ben = as_name("ben")
    assert {ben.get(location + part).status_code for part in PARTS} == {403}
    assert ben.post(f"{location}/what-ifs", json={}).status_code == 403
    assert ben.get("/v1/forecasts").json()["total"] == 1, "the model alone anchors nobody"
    assert ben.post("/v1/forecasts", json={"scenarioSet": made, "asOf": AS_OF}).status_code == 403
    for reader in ("ann", "eve", "adm"):
        assert as_name(reader).get("/v1/forecasts").json()["total"] == 2
        assert as_name(reader).get(location).status_code == 200
        assert as_name(reader).get(location + "/interval-scenarios").status_code == 409
    ben.post("/v1/scenario-sets", json=scenario_set(name="ben's"))
    assert ben.get("/v1/forecasts").json()["total"] == 2
    assert ben.get(location).status_code == 200
    assert ben.get(location + "/interval-scenarios").status_code == 409


def test_an_adopted_forecast_is_for_everybody(app: Any, as_name: Callable[[str], Any]) -> None:
    location, _ = ordered(as_name("ann"))
    with writing(app.state.sessions) as session:
        row = session.get(ForecastRow, location.rsplit("/", 1)[1])
        assert row is not None
        row.edition_status = "adopted"
    assert as_name("ben").get(location).status_code == 200
    assert as_name("ben").get("/v1/forecasts").json()["total"] == 2
