"""Pools and fits over HTTP: a pool is used wherever a set is, and what cannot be is refused by name."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from service.app import create_app
from tests.contract.forecast_inputs import counts, deliver
from tests.contract.test_scenario_sets import history

Set = dict[str, Any]


def stated(client: Any, scenario_set: Set, factor: float = 1.0, **members: Any) -> str:
    made = {**copy.deepcopy(scenario_set), **members}
    for scenario in made["scenarios"]:
        for belief in scenario["years"].values():
            belief["expected"] *= factor
    answer = client.post("/v1/scenario-sets", json=made)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def pool(*ids: str, **members: Any) -> Set:
    return {
        "name": "Samen", "edition": "2024-2", "cutoff": "2024-06-30", "method": "linear_pool", "weights": "equal",
        "members": [{"scenarioSet": one, "version": 1} for one in ids], **members,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["linear_pool", "logarithmic_pool"])
def test_a_pool_is_a_set_with_a_density_an_entry_and_a_place_among_pools(
    client: Any, scenario_set: Set, method: str
) -> None:
    ids = [stated(client, scenario_set), stated(client, scenario_set, 1.2)]
    made = client.post("/v1/scenario-pools", json=pool(*ids, method=method))
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["pool"]["method"] == method
    assert (
        [m["weight"] for m in body["pool"]["members"]]
        == [m["equalWeight"] for m in body["pool"]["members"]]
        == [0.5, 0.5]
    )
    assert client.get(made.headers["location"]).json()["id"] == body["id"]
    assert client.get("/v1/scenario-pools").json()["total"] == 1
    assert client.get(f"/v1/scenario-pools/{ids[0]}").status_code == 404
    found = client.get(f"/v1/scenario-sets/{body['id']}/density").json()
    alone = [client.get(f"/v1/scenario-sets/{one}/density").json()["years"][0]["mean"] for one in ids]
    assert min(alone) < found["years"][0]["mean"] < max(alone)
    if method == "linear_pool":
        assert found["years"][0]["mean"] == pytest.approx(np.mean(alone), rel=1e-9)
        assert {one["key"] for one in found["leaveOneOut"] if one["kind"] == "expert"} == {"m1", "m2"}
    assert client.get("/v1/ledger-verification").json()["valid"] is True


def test_a_forecast_can_be_ordered_from_a_pool(app: Any, client: Any, scenario_set: Set) -> None:
    deliver(app.state.sessions, counts())
    ids = [stated(client, scenario_set), stated(client, scenario_set, 1.2)]
    made = client.post("/v1/scenario-pools", json=pool(*ids)).json()["id"]
    ordered = client.post("/v1/forecasts", json={"scenarioSet": made, "asOf": "2024-10-31"})
    assert ordered.status_code == 202, ordered.text


def test_weights_are_stated_in_full_or_not_at_all(client: Any, scenario_set: Set) -> None:
    ids = [stated(client, scenario_set), stated(client, scenario_set, 1.2)]
    body = pool(*ids, weights="stated")
    assert client.post("/v1/scenario-pools", json=body).json()["errors"][0]["field"] == "/members/0/weight"
    for member, weight in zip(body["members"], (0.7, 0.4), strict=True):
        member["weight"] = weight
    assert "1.1" in client.post("/v1/scenario-pools", json=body).json()["errors"][0]["detail"]
    body["members"][1]["weight"] = 0.3
    made = client.post("/v1/scenario-pools", json=body)
    assert [m["weight"] for m in made.json()["pool"]["members"]] == [0.7, 0.3]
    refused = client.post("/v1/scenario-pools", json=pool(*ids, weights="performance"))
    assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "/weights"


def test_performance_weights_come_from_the_archive_shrunk_towards_equal(
    settings: Any, tmp_path: Any, connect: Callable[..., Any], scenario_set: Set
) -> None:
    """24,000 came each year; Ann stated 27,000 and Ben 36,000 of four of them: a third of the way is the record's."""
    roles = {"ann": "expert", "ben": "expert", "adm": "admin"}
    tokens = [
        {"name": n, "role": r, "sha256": hashlib.sha256(n.encode()).hexdigest()} for n, r in roles.items()
    ]
    (tmp_path / "tokens.json").write_text(json.dumps(tokens))
    app = create_app(dataclasses.replace(settings, tokens_file=tmp_path / "tokens.json"))
    ann, ben, adm = (connect(app, name) for name in roles)
    ids = [stated(ann, scenario_set), stated(ben, scenario_set, 1.2)]
    assert adm.post("/v1/realisations", json=history(first=2016)).status_code == 201
    archived = [
        {
            "series": "first_applications", "geo": "NL", "citizen": "TOTAL", "edition": f"{year}-1", "stage": "experts",
            "issuedOn": f"{year}-01-15", "cutoff": f"{year - 1}-12-31", "targetYear": year, "issuer": "mpp",
            "expert": who, "quantiles": [{"level": 0.5, "value": value}],
        }
        for year in range(2019, 2023) for who, value in (("ann", 27_000), ("ben", 36_000))
    ]  # fmt: skip
    assert adm.post("/v1/archived-forecasts", json=archived).status_code == 201
    asked = pool(*ids, weights="performance")
    before = ben.post("/v1/scenario-pool-previews", json=asked).json()
    assert ben.get("/v1/scenario-pools").json()["total"] == 0
    made = ben.post("/v1/scenario-pools", json=asked)
    assert made.status_code == 201, made.text
    assert before["members"] == made.json()["pool"]["members"]
    assert [m["rawWeight"] for m in before["members"]] == pytest.approx([0.8, 0.2])
    assert before["years"] == ben.get(f"/v1/scenario-sets/{made.json()['id']}/density").json()["years"]
    assert ben.get("/v1/ledger-verification").json()["valid"] is True
    # Relative scores 1/16 and 1/4: raw 4/5 and 1/5; four scored, so 4 / (4 + 8) of the way from a half.
    weights = [m["weight"] for m in made.json()["pool"]["members"]]
    assert weights == pytest.approx([0.5 + 0.3 / 3, 0.5 - 0.3 / 3])


def test_what_cannot_be_pooled_is_named_and_nothing_is_stored(
    client: Any, scenario_set: Set, stored: Callable[[], Any]
) -> None:
    one = stated(client, scenario_set)
    target = {**scenario_set["target"], "geo": "DE"}
    elsewhere, earlier = (
        stated(client, scenario_set, target=target),
        stated(client, scenario_set, cutoff="2024-05-31"),
    )
    before = stored()
    for bodies, field in (
        (pool(one, elsewhere), "/members/1"),
        (pool(one, earlier), "/members/1"),
        (pool(one, "unknown"), "/members/1/scenarioSet"),
        (pool(one, one), "/members/1/scenarioSet"),
        (pool(one), "/members"),
        (pool(one, earlier, method="median"), "/method"),
    ):
        refused = client.post("/v1/scenario-pools", json=bodies)
        assert refused.status_code == 400 and field in {e["field"] for e in refused.json()["errors"]}, (
            refused.text
        )
    assert stored() == before


def test_a_changed_pool_is_a_plain_set(client: Any, scenario_set: Set) -> None:
    ids = [stated(client, scenario_set), stated(client, scenario_set, 1.2)]
    made = client.post("/v1/scenario-pools", json=pool(*ids))
    address = f"/v1/scenario-sets/{made.json()['id']}"
    changed = client.put(
        address, json={**made.json(), "name": "B"}, headers={"If-Match": made.headers["etag"]}
    )
    assert changed.status_code == 200 and "pool" not in changed.json()


class TestFits:
    ADDRESS = "/v1/elicitation-fits"

    def test_quantiles_give_a_belief_a_scenario_can_take(self, client: Any, scenario_set: Set) -> None:
        points = [
            {"level": 0.125, "value": 22_000},
            {"level": 0.5, "value": 34_000},
            {"level": 0.875, "value": 53_000},
        ]
        fit = client.post(
            self.ADDRESS, json={"kind": "quantiles", "points": points, "family": "lognormal"}
        ).json()
        assert fit["residual"] < 0.02 and [p["value"] for p in fit["fitted"]] == [22_000, 34_000, 53_000]
        only = {"key": "one", "probability": 1.0, "family": fit["family"], "spreadMeaning": fit["spreadMeaning"],
                "years": {"2025": {"expected": fit["expected"], "spread": fit["spread"]}}}  # fmt: skip
        preview = client.post(
            "/v1/scenario-set-previews", json={**scenario_set, "scenarios": [only], "unforeseen": None}
        ).json()
        assert preview["years"][0]["intervalScenarios"]["median"] == pytest.approx(34_000, rel=0.03)

    def test_without_a_family_the_nearest_is_chosen(self, client: Any) -> None:
        body = {"kind": "roulette", "bins": [0, 10_000, 20_000, 30_000, 40_000], "chips": [1, 6, 6, 1]}
        fit = client.post(self.ADDRESS, json=body).json()
        assert fit["residual"] == pytest.approx(min(one["residual"] for one in fit["alternatives"]), abs=1e-8)
        assert len(fit["alternatives"]) == 6

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"kind": "roulette", "bins": [0, 10, 20, 30], "chips": [0, 9, 0]}, "/chips"),
            (
                {"kind": "quantiles", "points": [{"level": 0.5, "value": 9}, {"level": 0.6, "value": 8}]},
                "/points/1/value",
            ),
            (
                {"kind": "quantiles", "points": [{"level": 2, "value": 9}, {"level": 0.6, "value": 8}]},
                "/points/0/level",
            ),
            ({"kind": "quantiles", "points": [], "family": "lognormal"}, "/points"),
            ({"kind": "quantiles", "points": [{"level": "x", "value": 9}]}, "/points/0/level"),
            ({"kind": "chips"}, ""),
            ([], ""),
            (
                {
                    "kind": "quantiles",
                    "points": [{"level": 0.2, "value": -9}, {"level": 0.6, "value": 8}],
                    "family": "gamma",
                },
                "/family",
            ),
        ],
    )
    def test_judgements_that_fix_nothing_are_refused(self, client: Any, body: Any, field: str) -> None:
        refused = client.post(self.ADDRESS, json=body)
        assert refused.status_code == 400, refused.text
        assert field in {error["field"] for error in refused.json()["errors"]}, refused.text
