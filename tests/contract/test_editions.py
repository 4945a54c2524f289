"""Adoption, supersession, editions and their monitor, over HTTP, on finished forecasts of a made-up country."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from service.app import InstroomApp
from tests.conftest import Client
from tests.contract.every_role import service_with_roles
from tests.contract.made_up_editions import deliver_counts, finished
from tests.contract.refusals import faults_in

DECISION = {"edition": "2018-2", "decidedOn": "2018-11-01", "note": "as computed"}
FIGURES = [{"year": 2019, "scenario": "maximum", "value": 90_000}]
PARTS = ("/interval-scenarios", "/density?year=2019", "/exceedance?year=2019&above=50000", "/monthly",
         "/scenario-probabilities", "/scenario-paths", "/paths?draws=5&format=csv")  # fmt: skip


@dataclass(frozen=True)
class Editions:
    """One service with an adopted forecast, one adopted with other figures, and a concept."""

    app: InstroomApp
    client: Client
    clients: dict[str, Client]
    first: str
    decided: str
    concept: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editions]:
    with service_with_roles(tmp_path_factory.mktemp("editions")) as (app, clients):
        deliver_counts(app)
        admin = clients["admin"]
        first, decided, concept = (finished(app, admin, seed) for seed in (1, 2, 3))
        answer = admin.put(f"/v1/forecasts/{first}/adoption", json=DECISION)
        assert answer.status_code == 200, answer.text
        other = {"edition": "2018-2 b", "decidedOn": "2018-12-01", "figures": FIGURES}
        answer = admin.put(f"/v1/forecasts/{decided}/adoption", json=other)
        assert answer.status_code == 200, answer.text
        yield Editions(app, admin, clients, first, decided, concept)


def fields(answer: Any) -> list[str]:
    return [error["field"] for error in faults_in(answer)]


def test_an_adopted_forecast_is_an_edition(made: Editions) -> None:
    edition = made.client.get("/v1/editions/2018-2").json()
    assert (edition["id"], edition["edition"], edition["editionStatus"]) == (made.first, "2018-2", "adopted")
    assert edition["adoption"]["decidedOn"] == "2018-11-01" and edition["adoption"]["supersededBy"] is None
    assert made.client.get(f"/v1/forecasts/{made.first}").json()["editionStatus"] == "adopted"
    assert made.client.get(f"/v1/forecasts/{made.concept}").json()["editionStatus"] == "concept"
    listed = made.client.get("/v1/editions").json()
    assert {item["edition"] for item in listed["items"]} >= {"2018-2", "2018-2 b"}


@pytest.mark.parametrize("part", PARTS)
def test_an_edition_has_the_parts_of_its_forecast(made: Editions, part: str) -> None:
    own = made.client.get(f"/v1/forecasts/{made.first}{part}")
    edition = made.client.get(f"/v1/editions/2018-2{part}")
    assert own.status_code == edition.status_code == 200, edition.text
    assert own.content == edition.content and edition.headers["etag"] == own.headers["etag"]


def test_a_what_if_of_an_edition_is_that_of_its_forecast(made: Editions) -> None:
    scenarios = [{"key": "high", "label": "Hoog", "probability": 1.0,
                  "years": {"2018": {"expected": 60_000, "spread": 5_000}}}]  # fmt: skip
    asked = {"scenarios": scenarios, "expertWeight": 1.0}
    own = made.client.post(f"/v1/forecasts/{made.first}/what-ifs", json=asked)
    edition = made.clients["consumer"].post("/v1/editions/2018-2/what-ifs", json=asked)
    assert own.status_code == edition.status_code == 200, edition.text
    answers = [one.json() for one in (own, edition)]
    for answer in answers:
        del answer["diagnostics"]["seconds"]
    assert answers[0] == answers[1]
    assert fields(made.client.post("/v1/editions/2018-2/what-ifs", json={"surprise": 1})) == ["/surprise"]
    assert made.client.post("/v1/editions/none/what-ifs", json=asked).status_code == 404


def test_consumers_see_editions_and_no_concept(made: Editions) -> None:
    consumer = made.clients["consumer"]
    for path in ("/v1/editions", "/v1/editions/2018-2", "/v1/editions/2018-2/monitor",
                 *(f"/v1/editions/2018-2{part}" for part in PARTS)):  # fmt: skip
        assert consumer.get(path).status_code == 200, path
    for path in (f"/v1/forecasts/{made.concept}", f"/v1/forecasts/{made.concept}/interval-scenarios",
                 "/v1/archived-forecasts", "/v1/evaluations"):  # fmt: skip
        assert consumer.get(path).status_code == 403, path
    assert made.concept not in consumer.get("/v1/editions").text


@pytest.mark.parametrize("role", ["consumer", "expert", "evaluator"])
def test_only_administrators_decide(made: Editions, role: str) -> None:
    for part, body in (("adoption", DECISION), ("supersession", {"by": made.decided})):
        answer = made.clients[role].put(f"/v1/forecasts/{made.first}/{part}", json=body)
        assert answer.status_code == 403


def test_figures_decided_otherwise_stand_in_their_place(made: Editions) -> None:
    year = made.client.get("/v1/editions/2018-2 b/interval-scenarios").json()["years"][1]
    own = made.client.get(f"/v1/forecasts/{made.decided}/interval-scenarios").json()["years"][1]
    assert (year["maximum"], year["adopted"]) == (90_000, ["maximum"])
    assert {k: v for k, v in year.items() if k not in ("maximum", "adopted")} == {
        k: v for k, v in own.items() if k != "maximum"
    }
    rows = made.client.get("/v1/editions/2018-2 b/scenario-paths").json()["rows"]
    of_year = [r["value"] for r in rows if r["scenario"] == "maximum" and r["month"].startswith("2019")]
    assert (len(of_year), sum(of_year)) == (12, 90_000)


def test_the_same_decision_again_changes_nothing_and_another_is_refused(made: Editions) -> None:
    address = f"/v1/forecasts/{made.first}/adoption"
    first = made.client.get("/v1/editions/2018-2").content
    assert made.client.put(address, json=DECISION).status_code == 200
    for other in ({**DECISION, "note": "other"}, {**DECISION, "edition": "2018-3"}):
        assert made.client.put(address, json=other).status_code == 409
    taken = made.client.put(f"/v1/forecasts/{made.concept}/adoption", json=DECISION)
    assert taken.status_code == 409 and made.first in taken.json()["detail"]
    assert made.client.get("/v1/editions/2018-2").content == first


def test_a_forecast_with_failed_diagnostics_is_never_adopted(made: Editions) -> None:
    failed = finished(made.app, made.client, 9, passed=False)
    answer = made.client.put(f"/v1/forecasts/{failed}/adoption", json={**DECISION, "edition": "2018-9"})
    assert (answer.status_code, answer.json()["title"]) == (409, "Diagnostics failed")
    assert made.client.get("/v1/editions/2018-9").status_code == 404


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"edition": ""}, ["/edition"]),
        ({"decidedOn": "2999-01-01"}, ["/decidedOn"]),
        ({"decidedOn": "2018-06-01"}, ["/decidedOn"]),
        ({"figures": [{"year": 2030, "scenario": "median", "value": 1}]}, ["/figures/0/year"]),
        ({"figures": [{"year": 2018, "scenario": "minimum", "value": 10}]}, ["/figures/0/value"]),
        ({"figures": [{"year": 2019, "scenario": "minimum", "value": 400_000}]}, ["/figures"]),
        ({"figures": FIGURES * 2}, ["/figures/1"]),
        (
            {"figures": [{"year": 2019, "scenario": "guess", "value": -1}]},
            ["/figures/0/scenario", "/figures/0/value"],
        ),
        ({"surprise": 1}, ["/surprise"]),
    ],
)
def test_a_decision_that_contradicts_the_forecast_is_refused(
    made: Editions, change: dict[str, Any], expected: list[str]
) -> None:
    body = {**DECISION, "edition": "2018-8", **change}
    assert fields(made.client.put(f"/v1/forecasts/{made.concept}/adoption", json=body)) == expected
    assert made.client.get(f"/v1/forecasts/{made.concept}").json()["editionStatus"] == "concept"


def test_an_adopted_forecast_enters_the_archive_at_every_stage_it_has(made: Editions) -> None:
    items = made.client.get("/v1/archived-forecasts?edition=2018-2").json()["items"]
    assert {(item["stage"], item["targetYear"]) for item in items} == {
        (stage, year) for stage in ("experts", "model", "combined", "adopted") for year in (2018, 2019, 2020)
    }
    own = made.client.get(f"/v1/forecasts/{made.first}/interval-scenarios?levels=0.25,0.9").json()["years"][1]
    combined = next(i for i in items if (i["stage"], i["targetYear"]) == ("combined", 2019))
    drawn = sorted(combined["draws"])
    assert (len(drawn), combined["issuedOn"], combined["cutoff"]) == (1000, "2018-11-01", "2018-06-30")
    for place, value in ((249, own["quantiles"][0]["value"]), (899, own["quantiles"][1]["value"])):
        assert drawn[place] <= value <= drawn[place + 1]
    decided = made.client.get(
        "/v1/archived-forecasts?edition=2018-2 b&stage=adopted&from=2019&to=2019"
    ).json()
    assert decided["items"][0]["quantiles"][3] == {"level": 0.875, "value": 90_000}


def test_supersession_points_to_an_edition_of_its_own_and_both_stay(made: Editions) -> None:
    address = f"/v1/forecasts/{made.decided}/supersession"
    before = made.client.get("/v1/editions/2018-2 b/interval-scenarios").content
    assert fields(made.client.put(address, json={"by": made.concept})) == ["/by"]
    assert fields(made.client.put(address, json={"by": made.decided})) == ["/by"]
    assert fields(made.client.put(address, json={})) == ["/by"]
    concept = made.client.put(f"/v1/forecasts/{made.concept}/supersession", json={"by": made.first})
    assert concept.status_code == 409
    addendum = finished(made.app, made.client, 5, with_set=False)
    adopted = made.client.put(
        f"/v1/forecasts/{addendum}/adoption", json={"edition": "2018-2 addendum", "decidedOn": "2019-01-10"}
    )
    assert adopted.status_code == 200, adopted.text
    body = {"by": addendum, "note": "a new source"}
    assert made.client.put(address, json=body).status_code == 200
    assert made.client.put(address, json=body).status_code == 200
    assert made.client.put(address, json={**body, "by": made.first}).status_code == 409
    edition = made.client.get("/v1/editions/2018-2 b").json()
    assert edition["editionStatus"] == "superseded"
    assert edition["adoption"]["supersededBy"]["edition"] == "2018-2 addendum"
    assert made.client.get("/v1/editions/2018-2 b/interval-scenarios").content == before


def test_the_monitor_holds_the_counts_against_the_edition(made: Editions) -> None:
    body = made.client.get("/v1/editions/2018-2/monitor?asOf=2019-03-20").json()
    assert (body["source"], body["threshold"]) == ("kmi", 0.15)
    periods = [row["period"] for row in body["rows"]]
    assert periods == [*(f"2018-{m:02d}" for m in range(1, 13)), "2019-01", "2019-02"]
    counted, future = body["rows"][:9], body["rows"][9:]
    assert all(row["percentile"] is None and not row["trigger"] for row in counted)
    for row in future:
        assert row["deviation"] == pytest.approx(row["realised"] / row["forecastMedian"] - 1)
        assert row["trigger"] == (abs(row["deviation"]) > 0.15)
        assert 0 < row["percentile"] < 1 and 0 < row["falseAlarmProbability"] < 1
    held = body["yearToDate"]
    assert (held["period"], held["months"]) == ("2019", 2)
    assert held["realised"] == future[-2]["realised"] + future[-1]["realised"]
    assert body["anyFalseAlarmProbability"] >= max(row["falseAlarmProbability"] for row in future)


def test_the_monitor_knows_only_what_was_known(made: Editions) -> None:
    early = made.client.get("/v1/editions/2018-2/monitor?asOf=2018-10-20").json()
    assert [row["predicted"] for row in early["rows"]] == [False] * 9
    assert early["anyFalseAlarmProbability"] == 0
    assert fields(made.client.get("/v1/editions/2018-2/monitor?asOf=2018-01-01")) == ["asOf"]
    assert made.client.get("/v1/editions/none/monitor").status_code == 404


def test_what_is_not_there_is_said_to_be_so(made: Editions) -> None:
    assert made.client.get("/v1/editions/2099-1").status_code == 404
    assert made.client.get("/v1/editions/2099-1/interval-scenarios").status_code == 404
    assert made.client.put("/v1/forecasts/none/adoption", json=DECISION).status_code == 404
