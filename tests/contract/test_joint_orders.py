"""A forecast by the joint method, which knows no events: refused with a reason and a remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings
from tests.contract.forecast_inputs import AS_OF, scenario_set
from tests.contract.forecast_orders import order, stock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    stock(tmp_path)
    return Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'test.sqlite'}")


def test_the_joint_method_with_events_is_refused_with_a_reason_and_a_remedy(client: Any) -> None:
    amount = {"2025": {"expected": -3_000, "spread": 900}}
    with_event = scenario_set(events=[{"key": "border", "probability": 0.3, "years": amount}])
    made = client.post("/v1/scenario-sets", json=with_event).json()
    refused = order(client, scenarioSet=made["id"], asOf=AS_OF, method="joint")
    assert refused.status_code == 400
    (fault,) = refused.json()["errors"]
    assert fault["field"] == "/method"
    assert "joint density" in fault["detail"] and "leave the method out" in fault["detail"]
    assert "gezamenlijke dichtheid" in fault["detailNl"] and "Laat de methode weg" in fault["detailNl"]
    assert order(client, scenarioSet=made["id"], asOf=AS_OF).status_code == 202
