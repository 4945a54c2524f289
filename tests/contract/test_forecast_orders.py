"""Ordering, following and cancelling forecasts over HTTP, without computing any."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.app import InstroomApp, create_app
from service.settings import Settings
from service.storage import jobs
from service.storage.audit import AuditRow
from service.storage.base import reading, writing
from tests.contract.forecast_inputs import AS_OF, CUTOFF, TARGET, counts, deliver, scenario_set
from tests.contract.forecast_orders import events, fields, finish, model_only, order, stock, total

TOMORROW = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()
STATE_FIELDS = {
    "id", "status", "progress", "stage", "error", "request", "editionStatus", "provenance", "diagnostics",
    "timings", "warnings", "remarks", "dataQuality", "createdBy", "createdAt", "kind",
}  # fmt: skip
PARTS = ("interval-scenarios", "density?year=2025", "exceedance?year=2025&above=1", "scenario-probabilities")


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with counts and a scenario set, to be copied; and the set's id."""
    folder = tmp_path_factory.mktemp("stocked")
    return folder / "test.sqlite", stock(folder)


@pytest.fixture
def settings(tmp_path: Path, stocked: tuple[Path, str]) -> Settings:
    shutil.copy(stocked[0], tmp_path)
    return Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'test.sqlite'}")


@pytest.fixture
def set_id(stocked: tuple[Path, str]) -> str:
    return stocked[1]


def test_an_order_is_accepted_and_says_where_it_is(client: Any, set_id: str) -> None:
    made = order(client, scenarioSet=set_id, asOf=AS_OF)
    assert made.status_code == 202
    body = made.json()
    assert made.headers["location"] == f"/v1/forecasts/{body['id']}"
    assert set(body) == STATE_FIELDS
    assert (body["status"], body["progress"], body["error"]) == ("queued", 0.0, None)
    assert body["editionStatus"] == "concept"
    read = client.get(made.headers["location"])
    assert read.status_code == 200
    assert read.json() == body


def test_defaults_are_filled_in(client: Any, set_id: str) -> None:
    asked = order(client, scenarioSet=set_id).json()["request"]
    assert asked["cutoff"] == CUTOFF
    assert asked["asOf"] == datetime.now(UTC).date().isoformat()
    assert (asked["expertWeight"], asked["horizonYears"], asked["method"]) == (1.0, 5, "weighted")
    assert asked["scenarioSetVersion"] == 1
    assert asked["target"] == TARGET
    assert isinstance(asked["seed"], int)


def test_provenance_names_the_set_the_data_and_the_model(client: Any, set_id: str) -> None:
    said = order(client, scenarioSet=set_id, asOf=AS_OF, seed=7).json()["provenance"]
    stored = client.get(f"/v1/scenario-sets/{set_id}").json()
    assert said["scenarioSetHash"] == stored["contentHash"]
    assert (len(said["dataVintage"]), said["seed"]) == (64, 7)
    assert said["modelVersion"]


def test_an_identical_order_is_the_same_forecast(client: Any, set_id: str) -> None:
    first = order(client, scenarioSet=set_id, asOf=AS_OF)
    spelled_out = {**first.json()["request"]}
    again = order(client, **spelled_out)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    assert total(client) == 1


@pytest.mark.parametrize(
    "change",
    [{"seed": 5}, {"expertWeight": 0.5}, {"horizonYears": 3}, {"method": "joint"}, {"asOf": "2024-09-30"}],
)
def test_another_request_is_another_forecast(client: Any, set_id: str, change: dict[str, Any]) -> None:
    first = order(client, scenarioSet=set_id, asOf=AS_OF).json()
    other = order(client, **{"scenarioSet": set_id, "asOf": AS_OF, **change})
    assert other.status_code == 202
    assert other.json()["id"] != first["id"]


def test_a_new_version_of_the_set_is_another_forecast(client: Any, set_id: str) -> None:
    first = order(client, scenarioSet=set_id, asOf=AS_OF).json()
    etag = client.get(f"/v1/scenario-sets/{set_id}").headers["etag"]
    changed = scenario_set(yearCorrelation=0.5, reason="less alike")
    put = client.put(f"/v1/scenario-sets/{set_id}", json=changed, headers={"If-Match": etag})
    assert put.status_code == 200
    second = order(client, scenarioSet=set_id, asOf=AS_OF).json()
    assert second["request"]["scenarioSetVersion"] == 2
    assert second["id"] != first["id"]
    old = order(client, scenarioSet=set_id, scenarioSetVersion=1, asOf=AS_OF)
    assert (old.status_code, old.json()["id"]) == (200, first["id"])


def test_only_what_was_known_makes_a_difference(app: InstroomApp, client: Any, set_id: str) -> None:
    first = order(client, scenarioSet=set_id, asOf=AS_OF).json()
    frame = counts().tail(6)
    later = frame.assign(value=1, known_at=date(2024, 11, 1))
    deliver(app.state.sessions, later)
    assert order(client, scenarioSet=set_id, asOf=AS_OF).status_code == 200
    earlier = frame.head(1).assign(value=1, known_at=date(2024, 10, 31))
    deliver(app.state.sessions, earlier)
    other = order(client, scenarioSet=set_id, asOf=AS_OF)
    assert other.status_code == 202
    assert other.json()["provenance"]["dataVintage"] != first["provenance"]["dataVintage"]


def test_many_equal_orders_at_once_are_one_forecast(
    app: InstroomApp, connect: Callable[..., Any], set_id: str
) -> None:
    gate = threading.Barrier(8)
    client = connect(app)

    def ask(_: int) -> tuple[int, str]:
        gate.wait()
        made = order(client, scenarioSet=set_id, asOf=AS_OF)
        return made.status_code, made.json()["id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert len({identifier for _, identifier in answers}) == 1
    assert sorted(status for status, _ in answers) == [200] * 7 + [202]


def test_a_forecast_of_the_model_alone_needs_a_target_and_a_cutoff(client: Any, set_id: str) -> None:
    made = order(client, **model_only())
    assert made.status_code == 202
    asked = made.json()["request"]
    assert (asked["scenarioSet"], asked["expertWeight"]) == (None, 0.0)
    assert made.json()["provenance"]["scenarioSetHash"] is None
    assert fields(order(client)) == {"/target", "/cutoff"}


def test_every_fault_is_named_at_once(client: Any, set_id: str) -> None:
    refused = order(
        client,
        scenarioSet="nowhere",
        cutoff=TOMORROW,
        asOf="2024-13-01",
        expertWeight=1.5,
        horizonYears=6,
        method="guess",
        seed="7",
        surprise=1,
    )
    assert fields(refused) == {
        "/scenarioSet", "/cutoff", "/asOf", "/expertWeight", "/horizonYears", "/method", "/seed", "/surprise",
    }  # fmt: skip
    assert total(client) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cutoff": TOMORROW, "asOf": TOMORROW}, "/cutoff"),
        ({"asOf": TOMORROW}, "/asOf"),
        ({"asOf": "2024-06-29"}, "/asOf"),
        ({"asOf": "2024-06-29", "seed": 1.5}, "/asOf"),
        ({"asOf": "2024-06-29", "target": {**TARGET, "geo": "DE"}}, "/asOf"),
        ({"cutoff": "yesterday"}, "/cutoff"),
        ({"cutoff": "2024-06-31"}, "/cutoff"),
        ({"cutoff": 20240630}, "/cutoff"),
        ({"seed": 1.5}, "/seed"),
        ({"seed": "1"}, "/seed"),
        ({"seed": True}, "/seed"),
        ({"seed": -1}, "/seed"),
        ({"seed": 2**53}, "/seed"),
        ({"expertWeight": -0.1}, "/expertWeight"),
        ({"expertWeight": 0.5}, "/expertWeight"),
        ({"expertWeight": "0"}, "/expertWeight"),
        ({"horizonYears": 0}, "/horizonYears"),
        ({"horizonYears": 6}, "/horizonYears"),
        ({"horizonYears": 2.0}, "/horizonYears"),
        ({"method": "weighed"}, "/method"),
        ({"scenarioSet": "nowhere"}, "/scenarioSet"),
        ({"scenarioSetVersion": 1}, "/scenarioSetVersion"),
        ({"target": None}, "/target"),
        ({"target": {**TARGET, "geo": "Nederland"}}, "/target/geo"),
        ({"target": {**TARGET, "series": "births"}}, "/target/series"),
        ({"target": {**TARGET, "geo": "DE"}}, "/target"),
        ({"extra": 1}, "/extra"),
    ],
)
def test_a_fault_names_its_field_and_nothing_is_stored(
    client: Any, set_id: str, change: dict[str, Any], field: str
) -> None:
    assert field in fields(order(client, **model_only(**change)))
    assert total(client) == 0


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "null", '{"expertWeight": NaN}', '{"seed": 1, "seed": 2}']
)
def test_what_is_not_an_order_is_refused(client: Any, text: str) -> None:
    refused = client.post("/v1/forecasts", content=text, headers={"Content-Type": "application/json"})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_cutoff_in_the_future_is_one_fault(client: Any, set_id: str) -> None:
    assert fields(order(client, target=TARGET, cutoff=TOMORROW)) == {"/cutoff"}


def test_a_version_that_does_not_exist_is_named(client: Any, set_id: str) -> None:
    assert fields(order(client, scenarioSet=set_id, scenarioSetVersion=2)) == {"/scenarioSetVersion"}


def test_a_target_may_not_contradict_the_set(client: Any, set_id: str) -> None:
    assert fields(order(client, scenarioSet=set_id, target={**TARGET, "geo": "BE"})) == {"/target"}
    assert order(client, scenarioSet=set_id, target=TARGET).status_code == 202


def test_a_cutoff_after_the_years_of_the_set_is_refused(client: Any, set_id: str) -> None:
    assert fields(order(client, scenarioSet=set_id, cutoff="2025-01-31")) == {"/cutoff"}
    assert order(client, scenarioSet=set_id, cutoff="2024-08-31", asOf=AS_OF).status_code == 202


def test_a_set_below_what_was_counted_is_refused(client: Any, set_id: str) -> None:
    low = scenario_set(cutoff="2024-01-31")
    for scenario in low["scenarios"]:
        scenario["family"] = "triangular"
        scenario["years"]["2024"] = {"expected": 5_000, "spread": 500}
    made = client.post("/v1/scenario-sets", json=low)
    assert made.status_code == 201
    low_id = made.json()["id"]
    assert order(client, scenarioSet=low_id, asOf=AS_OF).status_code == 202
    refused = order(client, scenarioSet=low_id, cutoff=CUTOFF, asOf=AS_OF)
    assert fields(refused) == {"/scenarioSet"}
    assert len(refused.json()["errors"]) == 2


def test_too_few_months_are_refused_with_their_number(app: InstroomApp, client: Any) -> None:
    deliver(app.state.sessions, counts("2023-06", "2024-05", geo="BE"))
    refused = order(client, **model_only(target={**TARGET, "geo": "BE"}))
    assert fields(refused) == {"/target"}
    assert "12 months" in refused.json()["detail"]


def test_a_cutoff_after_the_last_count_is_allowed_and_said(app: InstroomApp, client: Any) -> None:
    deliver(app.state.sessions, counts(last="2023-12", geo="BE"))
    made = order(client, **model_only(target={**TARGET, "geo": "BE"}))
    assert made.status_code == 202
    said = {remark["code"]: remark["parameters"] for remark in made.json()["remarks"]}
    assert said["old_last_month"] == {"cutoff": CUTOFF, "month": "2023-12", "months": 6}


@pytest.mark.parametrize("part", [*PARTS, "monthly", "paths"])
def test_an_unfinished_forecast_has_no_results(client: Any, set_id: str, part: str) -> None:
    where = order(client, scenarioSet=set_id, asOf=AS_OF).headers["location"]
    refused = client.get(f"{where}/{part}")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["forecastStatus"] == "queued"


def test_an_unfinished_forecast_answers_no_what_ifs(client: Any, set_id: str) -> None:
    where = order(client, scenarioSet=set_id, asOf=AS_OF).headers["location"]
    assert client.post(f"{where}/what-ifs", json={}).status_code == 409


@pytest.mark.parametrize("part", ["", *(f"/{part}" for part in PARTS), "/monthly", "/paths", "/events"])
def test_an_unknown_forecast_is_not_found(client: Any, part: str) -> None:
    answer = client.get(f"/v1/forecasts/nothing{part}")
    assert (answer.status_code, answer.json()["detailNl"]) == (404, "Er is geen prognose nothing.")


def test_a_queued_forecast_is_cancelled_and_may_be_ordered_again(client: Any, set_id: str) -> None:
    first = order(client, scenarioSet=set_id, asOf=AS_OF)
    where = first.headers["location"]
    cancelled = client.delete(where)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert client.delete(where).json()["status"] == "cancelled"
    assert client.get(f"{where}/monthly").status_code == 409
    again = order(client, scenarioSet=set_id, asOf=AS_OF)
    assert again.status_code == 202 and again.json()["id"] != first.json()["id"]
    assert again.json()["provenance"]["seed"] == first.json()["provenance"]["seed"]
    assert client.delete("/v1/forecasts/nothing").status_code == 404


@pytest.mark.parametrize("ended", ["succeeded", "failed"])
def test_what_has_ended_cannot_be_cancelled(app: InstroomApp, client: Any, set_id: str, ended: str) -> None:
    where = order(client, scenarioSet=set_id, asOf=AS_OF).headers["location"]
    finish(app, ended)
    refused = client.delete(where)
    assert refused.status_code == 409
    assert refused.json()["forecastStatus"] == ended


def test_a_failed_forecast_says_why(app: InstroomApp, client: Any, set_id: str) -> None:
    where = order(client, scenarioSet=set_id, asOf=AS_OF).headers["location"]
    finish(app, "failed")
    said = client.get(where).json()
    assert said["status"] == "failed"
    assert said["error"]["detail"] == "why"


def test_a_forecast_whose_draws_are_lost_says_so(app: InstroomApp, client: Any, set_id: str) -> None:
    where = order(client, scenarioSet=set_id, asOf=AS_OF).headers["location"]
    finish(app, "succeeded")
    assert client.get(f"{where}/monthly").status_code == 503
    assert any("missing" in warning for warning in client.get(where).json()["warnings"])
    assert client.get("/v1/forecasts").json()["total"] == 1


def test_forecasts_are_listed_the_latest_first(client: Any, set_id: str) -> None:
    made = [order(client, scenarioSet=set_id, asOf=AS_OF, seed=seed).json()["id"] for seed in range(3)]
    alone = order(client, **model_only()).json()["id"]
    listed = client.get("/v1/forecasts?pageSize=3")
    assert [item["id"] for item in listed.json()["items"]] == [alone, *made[:0:-1]]
    assert (listed.json()["total"], listed.json()["page"], listed.json()["pageSize"]) == (4, 1, 3)
    assert 'rel="next"' in listed.headers["link"]
    own = client.get(f"/v1/forecasts?scenarioSet={set_id}").json()
    assert {item["id"] for item in own["items"]} == set(made)
    client.delete(f"/v1/forecasts/{made[0]}")
    assert [i["id"] for i in client.get("/v1/forecasts?status=cancelled").json()["items"]] == made[:1]
    assert client.get("/v1/forecasts?status=lost").status_code == 400


def test_events_follow_a_forecast_to_its_end(app: InstroomApp, client: Any, set_id: str) -> None:
    where = order(client, scenarioSet=set_id, asOf=AS_OF).headers["location"]
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(client.get, f"{where}/events")
        with writing(app.state.sessions) as session:
            claim = jobs.claim(session, "w", ("forecast",))
            assert claim is not None
            jobs.renew(session, claim, 0.4, "sampling")
        threading.Event().wait(0.8)
        client.delete(where)
        answer = stream.result(10)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    assert [(one["status"], one["progress"], one["stage"]) for one in told][-2:] == [
        ("running", 0.4, "sampling"),
        ("cancelled", 0.4, "sampling"),
    ]
    assert set(told[0]) == {"id", "status", "progress", "stage", "error"}
    assert [one["status"] for one in events(client.get(f"{where}/events").text)] == ["cancelled"]


def test_who_ordered_and_who_cancelled_is_in_the_audit_log(
    app: InstroomApp, client: Any, set_id: str
) -> None:
    made = order(client, scenarioSet=set_id, asOf=AS_OF)
    order(client, scenarioSet=set_id, asOf=AS_OF)
    client.delete(made.headers["location"])
    with reading(app.state.sessions) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.subject == f"forecast:{made.json()['id']}"))
        assert [row.action for row in rows] == ["order forecast", "cancel forecast"]


TOKENS = {
    "consumer": "c0ffee",
    "evaluator": "e7a1",
    "expert": "e8",
    "admin": "ad",
}


@pytest.mark.parametrize(
    ("role", "reads", "orders"),
    [("consumer", 403, 403), ("evaluator", 200, 403), ("expert", 200, 400), ("admin", 200, 400)],
)
def test_roles(tmp_path: Path, connect: Callable[..., Any], role: str, reads: int, orders: int) -> None:
    import hashlib

    file = tmp_path / "tokens.json"
    tokens = [
        {"name": name, "role": name, "sha256": hashlib.sha256(token.encode()).hexdigest()}
        for name, token in TOKENS.items()
    ]
    file.write_text(json.dumps(tokens), encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'roles.sqlite'}"
    app = create_app(Settings(data_dir=tmp_path, database_url=url, tokens_file=file))
    client = connect(app, TOKENS[role])
    assert client.get("/v1/forecasts").status_code == reads
    assert client.post("/v1/forecasts", json={}).status_code == orders
    assert client.delete("/v1/forecasts/x").status_code == (403 if orders == 403 else 404)
    assert connect(app).get("/v1/forecasts").status_code == 401
    app.state.sessions.kw["bind"].dispose()
