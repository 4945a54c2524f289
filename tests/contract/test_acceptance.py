"""Acceptance rates over HTTP, computed for real: from decisions delivered to rates, what-ifs and the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal

from service.app import create_app
from service.settings import Settings
from tests.conftest import Client
from tests.contract.finished_forecasts import working
from tests.contract.forecast_inputs import AS_OF, CUTOFF, TARGET, counts, deliver

QUARTERS = [f"{year}-Q{quarter}" for year in range(2020, 2024) for quarter in (1, 2, 3, 4)]
HEADER = "series,source,geo,citizen,track,period,value,known_at"


def delivery() -> str:
    rng = np.random.default_rng(1)
    lines = [HEADER]
    for citizen, rate, size in (("SY", 0.85, 200), ("TR", 0.5, 60), ("MA", 0.03, 12)):
        for quarter in QUARTERS:
            total = int(rng.poisson(size))
            positive = int(rng.binomial(total, rng.beta(30 * rate, 30 * (1 - rate))))
            for series, value in (("decisions_total", total), ("decisions_positive", positive)):
                lines.append(f"{series},ind,NL,{citizen},,{quarter},{value},2024-03-01")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str]]:
    folder: Path = tmp_path_factory.mktemp("acceptance")
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{folder / 'test.sqlite'}")
    app = create_app(settings)
    deliver(app.state.sessions, counts())
    with start_blocking_portal() as portal, working(app, settings):
        client = Client(app, portal)
        csv = {"Content-Type": "text/csv"}
        assert client.post("/v1/realisations", content=delivery(), headers=csv).status_code == 201
        body = {"target": TARGET, "cutoff": CUTOFF, "asOf": AS_OF, "horizonYears": 2}
        place = client.post("/v1/forecasts", json=body).headers["location"]
        client.get(f"{place}/events", timeout=300)
        for _ in range(600):
            found = client.get(f"{place}/acceptance-rates")
            if found.status_code == 200:
                break
            assert found.json().get("acceptanceStatus") in ("queued", "running"), found.text
            time.sleep(0.5)
        yield client, place
        client.close()
    app.state.sessions.kw["bind"].dispose()


def rates(done: tuple[Client, str], query: str = "") -> Any:
    client, place = done
    found = client.get(f"{place}/acceptance-rates{query}")
    assert found.status_code == 200, found.text
    return found.json()


def test_rates_have_their_fields_and_lie_between_nought_and_one(done: tuple[Client, str]) -> None:
    body = rates(done)
    fields = {"citizen", "quarter", "track", "mean", "lower75", "upper75", "lower95", "upper95"}
    assert {row["quarter"] for row in body["rates"]} >= {"2020-Q1", "2023-Q4", "2024-Q1", "2025-Q4"}
    for row in body["rates"]:
        assert set(row) == fields | {"decisions", "positive"}
        assert 0 <= row["lower95"] <= row["lower75"] <= row["upper75"] <= row["upper95"] <= 1
        assert row["decisions"] is None or row["positive"] <= row["decisions"]
    syrian = [row for row in body["rates"] if row["citizen"] == "SY" and row["quarter"] == "2023-Q4"]
    assert 0.7 < syrian[0]["mean"] < 0.97
    assert body["source"] == "ind"


def test_the_total_has_two_sources_of_variance_and_its_counterfactuals(done: tuple[Client, str]) -> None:
    by_quarter = {row["quarter"]: row for row in rates(done)["total"]}
    known, ahead = by_quarter["2023-Q4"], by_quarter["2025-Q4"]
    assert known["varianceMix"] == pytest.approx(0, abs=1e-12)
    assert ahead["varianceMix"] > 0
    assert ahead["varianceRate"] > known["varianceRate"]
    assert ahead["lower75"] < ahead["mean"] < ahead["upper75"]
    assert known["mixStays"] is None
    assert 0 < ahead["mixStays"] < 1
    assert known["positive"] + known["negative"] == known["decisions"]


def test_decisions_become_counts(done: tuple[Client, str]) -> None:
    body = rates(done, "?quarter=2024-Q2&decisions=5000")
    (total,) = body["total"]
    assert total["decisions"] == 5000
    assert total["positive"] + total["negative"] == pytest.approx(5000)
    assert total["positiveLower75"] < total["positive"] < total["positiveUpper75"]
    assert sum(row["decisions"] for row in body["rates"]) == pytest.approx(5000)
    assert all(row["positive"] <= row["decisions"] for row in body["rates"])


def test_the_same_question_gets_the_same_bytes(done: tuple[Client, str]) -> None:
    client, place = done
    one, other = (client.get(f"{place}/acceptance-rates?quarter=2024-Q4") for _ in range(2))
    assert one.content == other.content
    tag = {"If-None-Match": one.headers["etag"]}
    assert client.get(f"{place}/acceptance-rates?quarter=2024-Q4", headers=tag).status_code == 304


def test_what_is_not_there_is_refused_all_at_once(done: tuple[Client, str]) -> None:
    client, place = done
    found = client.get(f"{place}/acceptance-rates?track=9&quarter=2031-Q1&citizen=XX&whatIf=77")
    assert found.status_code == 400
    said = {error["field"]: error["detail"] for error in found.json()["errors"]}
    assert set(said) == {"track", "quarter", "citizen", "whatIf"}
    assert "carry no track" in said["track"]
    assert "2020-Q1 to 2025-Q4" in said["quarter"]
    assert client.get(f"{place}/acceptance-rates?decisions=0").status_code == 400


def test_a_change_of_policy_is_tried_and_kept_in_the_ledger(done: tuple[Client, str]) -> None:
    client, place = done
    asked = {"citizen": "SY", "quarter": "2024-Q3", "shift": -1.5, "reason": "Beleidswijziging Syrie"}
    made = client.post(f"{place}/acceptance-what-ifs", json=asked)
    assert made.status_code == 201, made.text
    effect = made.json()["effect"]
    assert effect["2024-Q2"] == 0
    assert effect["2024-Q3"] < -0.05
    number = made.json()["id"]
    plain, moved = (rates(done, f"?quarter=2025-Q1{more}")["total"][0] for more in ("", f"&whatIf={number}"))
    assert moved["mean"] - plain["mean"] == pytest.approx(effect["2025-Q1"], abs=1e-5)
    listed = client.get(f"{place}/acceptance-what-ifs").json()["items"]
    assert [item["reason"] for item in listed] == [asked["reason"]]
    assert client.get("/v1/ledger-verification").json()["valid"] is True
    wrong = client.post(f"{place}/acceptance-what-ifs", json={**asked, "citizen": "XX", "quarter": "2040-Q1"})
    assert {error["field"] for error in wrong.json()["errors"]} == {"/citizen", "/quarter"}
    assert client.post(f"{place}/acceptance-what-ifs", json={**asked, "reason": ""}).status_code == 400


def test_a_declared_break_is_fitted_beside_the_rates_and_kept_in_the_ledger(done: tuple[Client, str]) -> None:
    client, place = done
    plain = rates(done, "?quarter=2023-Q4&citizen=TR")
    asked = {"quarter": "2023-Q1", "citizen": "TR", "sd": 2, "reason": "Nieuw landenbeleid Turkije"}
    made = client.post(f"{place}/acceptance-breaks", json=asked)
    assert made.status_code == 202, made.text
    number, address = made.json()["id"], made.headers["location"]
    assert made.json() | asked == made.json()
    for _ in range(600):
        if (found := client.get(address)).status_code == 200:
            break
        assert found.json().get("acceptanceStatus") in ("queued", "running"), found.text
        time.sleep(0.5)
    (declared,) = client.get(f"{place}/acceptance-breaks").json()["items"]
    assert (declared["status"], declared["effect"]["lower75"]) > ("succeeded", -6)
    assert declared["effect"]["lower75"] < declared["effect"]["mean"] < declared["effect"]["upper75"]
    assert found.json()["total"] != rates(done)["total"]
    assert rates(done, "?quarter=2023-Q4&citizen=TR") == plain
    entries = client.get("/v1/ledger-entries").json()["items"]
    assert [e["reason"] for e in entries if e["after"].get("kind") == "break"] == [asked["reason"]]
    assert number not in [item["id"] for item in client.get(f"{place}/acceptance-what-ifs").json()["items"]]
    assert client.get("/v1/ledger-verification").json()["valid"] is True


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"quarter": "2020-Q1"}, {"/quarter"}),
        ({"quarter": "2024-Q3", "citizen": "XX"}, {"/quarter", "/citizen"}),
        ({"also": [9_999]}, {"/also/0"}),
        ({"quarter": "2023", "sd": 0, "mean": 7, "reason": ""}, {"/quarter", "/sd", "/mean", "/reason"}),
        ({"size": 2}, {"/size"}),
    ],
)
def test_a_break_that_cannot_be_is_refused_field_by_field(
    done: tuple[Client, str], wrong: dict[str, Any], fields: set[str]
) -> None:
    client, place = done
    asked = {"quarter": "2023-Q1", "reason": "Nieuw landenbeleid"} | wrong
    found = client.post(f"{place}/acceptance-breaks", json=asked)
    assert found.status_code == 400
    assert {error["field"] for error in found.json()["errors"]} == fields
    assert client.get(f"{place}/acceptance-rates?breaks=9999").json()["errors"][0]["field"] == "breaks"


def test_the_scenario_paths_tell_how_many_decisions_are_positive(done: tuple[Client, str]) -> None:
    client, place = done
    told = client.get(f"{place}/scenario-paths").json()["accepted"]
    assert told == rates(done)["scenarios"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["decisions_total,ind,NL,SY,,2024-Q1,10,", "decisions_positive,ind,NL,SY,,2024-Q1,11,"],
            "more positive",
        ),
        (["decisions_positive,ind,NL,SY,,2024-Q1,0.85,"], "is a rate"),
        (["decisions_positive,ind,NL,SY,,2024-Q1,85%,"], "is a rate"),
        ([f"decisions_total,ind,NL,{c},,2024-Q1,100," for c in ("SY", "TR", "MA", "DZ")], "percentages"),
    ],
)
def test_rates_and_impossible_counts_are_refused(client: Client, lines: list[str], said: str) -> None:
    found = client.post(
        "/v1/realisations", content="\n".join([HEADER, *lines]), headers={"Content-Type": "text/csv"}
    )
    assert found.status_code == 400
    assert any(said in error["detail"] for error in found.json()["errors"])
