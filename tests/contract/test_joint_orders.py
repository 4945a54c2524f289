"""A forecast by the joint method: of a set with events too, up to a number of combinations that it sums over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.request import MOST_JOINT_SUBSETS
from service.settings import Settings
from tests.contract.forecast_inputs import AS_OF, scenario_set
from tests.contract.forecast_orders import order, stock

YEARS = {"2025": {"expected": -300, "spread": 90}}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    stock(tmp_path)
    return Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'test.sqlite'}")


def events(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"key": f"e{i}", "probability": 0.1, "years": YEARS, **more} for i in range(count)]


def ordered(client: Any, method: str, stated: list[dict[str, Any]]) -> Any:
    made = client.post("/v1/scenario-sets", json=scenario_set(events=stated))
    assert made.status_code == 201, made.text
    return order(client, scenarioSet=made.json()["id"], asOf=AS_OF, method=method)


def test_the_joint_method_takes_a_set_with_events(client: Any) -> None:
    made = ordered(client, "joint", events(2))
    assert made.status_code == 202
    assert made.json()["request"]["method"] == "joint"


def test_more_combinations_than_the_method_sums_over_are_refused_with_a_remedy(client: Any) -> None:
    """Six independent events make 2^6 = 64 sets, more than the 32 that are taken; the weighed method takes them."""
    assert MOST_JOINT_SUBSETS == 32
    refused = ordered(client, "joint", events(6))
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    (fault,) = refused.json()["errors"]
    assert fault["field"] == "/method"
    assert "64 different combinations" in fault["detail"] and "32 at most" in fault["detail"]
    assert "leave the method out" in fault["detail"]
    assert "64 verschillende combinaties" in fault["detailNl"] and "hoogstens 32" in fault["detailNl"]
    assert "Laat de methode weg" in fault["detailNl"]
    assert ordered(client, "weighted", events(6)).status_code == 202


def test_combinations_are_those_possible_together_under_one_scenario(client: Any) -> None:
    """Six events again, of which one never occurs: no scenario has more than 2^5 sets."""
    keys = [scenario["key"] for scenario in scenario_set()["scenarios"]]
    never = {"probabilityByScenario": dict.fromkeys(keys, 0.0)}
    stated = [*events(5), {**events(1)[0], "key": "never", **never}]
    assert ordered(client, "joint", stated).status_code == 202
