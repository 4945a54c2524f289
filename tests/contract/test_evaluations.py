"""Evaluations over HTTP: ordered, shared, refused with their reasons, computed by a worker, cancelled."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pandas as pd
import pytest
from anyio.from_thread import start_blocking_portal

from models.calibration.records import EvaluationRequest
from service.app import InstroomApp, create_app
from service.settings import Settings
from service.storage.evaluations import EVALUATION_KIND
from service.storage.jobs import Claim
from service.worker.cluster import open_cluster
from service.worker.forecast_job import compute_forecast
from service.worker.preparing import prepared
from service.worker.supervisor import Supervisor
from tests.conftest import Client
from tests.contract.evaluation_inputs import ARCHIVE, OTHERS, OUTCOMES, asked, published, stated
from tests.contract.forecast_inputs import counts, deliver
from tests.contract.refusals import faults_in

KNOWN_BEFORE, KNOWN_AFTER = ({"source": "kmi", "asOf": day} for day in ("2024-04-30", "2024-05-01"))


def quick(issuer: str, **changes: Any) -> dict[str, Any]:
    """A small one, with few simulations."""
    return asked(**{"filter": {"issuer": issuer}, "simulations": 20, **changes})


@dataclass(frozen=True)
class Service:
    """An application with an archive and counts, without a worker."""

    app: InstroomApp
    client: Client
    settings: Settings


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("evaluations")
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{folder / 'test.sqlite'}")
    app = create_app(settings)
    deliver(app.state.sessions, counts())
    with start_blocking_portal() as portal:
        client = Client(app, portal)
        answer = client.post("/v1/archived-forecasts", json=[*ARCHIVE, *OTHERS])
        assert answer.status_code == 201, answer.text
        yield Service(app, client, settings)
        client.close()
    app.state.sessions.kw["bind"].dispose()


ORDERS = {
    "all": asked(),
    "one": quick("single"),
    "late": quick("late among others"),
    "zero": quick("MPP", realisations={"values": {**OUTCOMES, "2019": 0}}),
    "before": quick("Abroad", filter={"issuer": "Abroad", "geo": "BE"}, realisations=KNOWN_BEFORE),
    "after": quick("Abroad", filter={"issuer": "Abroad", "geo": "BE"}, realisations=KNOWN_AFTER),
}


@pytest.fixture(scope="module")
def computed(service: Service) -> dict[str, dict[str, Any]]:
    """Evaluations by name, computed by a worker on a process of its own."""
    revised = counts(geo="BE").iloc[24:25].assign(value=9_000, known_at="2024-05-01")
    deliver(service.app.state.sessions, pd.concat([counts(geo="BE"), revised]))
    ordered = {name: service.client.post("/v1/evaluations", json=order) for name, order in ORDERS.items()}
    assert {answer.status_code for answer in ordered.values()} == {202}
    stop = Event()
    with open_cluster(None, processes=1) as cluster:
        supervisor = Supervisor(service.settings, service.app.state.sessions, cluster, compute_forecast)
        thread = Thread(target=supervisor.run, args=(stop,))
        thread.start()
        try:
            told = {
                name: service.client.get(f"{answer.headers['location']}/events", timeout=300).text
                for name, answer in ordered.items()
            }
        finally:
            stop.set()
            thread.join(30)
    answers = {name: service.client.get(answer.headers["location"]) for name, answer in ordered.items()}
    assert {answer.json()["status"] for answer in answers.values()} == {"succeeded"}
    return {
        name: {**answer.json(), "told": told[name], "etag": answer.headers["etag"]}
        for name, answer in answers.items()
    }


@pytest.fixture(scope="module")
def done(computed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The evaluation of the whole archive against given values."""
    return computed["all"]


def fields(answer: Any) -> list[str]:
    return [error["field"] for error in faults_in(answer)]


def test_a_finished_evaluation_has_the_shape_of_the_contract(done: dict[str, Any]) -> None:
    assert (done["nForecasts"], done["nTargetYears"]) == (len(ARCHIVE), len(OUTCOMES))
    assert {"mape", "meanLogError", "pinball", "crps", "intervalScore", "skill"} <= set(done["scores"])
    assert {"intervalProbability", "inside", "n", "lower95", "upper95"} <= set(done["coverage"])
    assert {"edition", "targetYear", "horizon", "lower", "upper"} <= set(done["pit"][0])
    for name in ("bias", "sequential", "valueAdded", "ledgerDrift", "leftOut", "summary", "errors"):
        assert name in done
    errors = {(one["stage"], one["targetYear"]): one["logError"] for one in done["errors"]}
    assert errors[("adopted", 2017)] == pytest.approx(0.105360516)  # log(20,000 / 18,000)
    assert done["realised"] == {year: float(value) for year, value in OUTCOMES.items()}
    assert done["request"]["realisations"] == {"values": {y: float(v) for y, v in OUTCOMES.items()}}
    assert done["provenance"]["packages"]["numpy"] and done["provenance"]["modelVersion"]


def test_its_progress_was_told(done: dict[str, Any]) -> None:
    assert done["told"].startswith("event: progress\ndata: ") and '"status":"succeeded"' in done["told"]


def test_reading_again_gives_the_same_bytes_and_tag(service: Service, done: dict[str, Any]) -> None:
    address = f"/v1/evaluations/{done['id']}"
    first, second = service.client.get(address), service.client.get(address)
    assert first.content == second.content and first.headers["etag"] == done["etag"]
    again = service.client.get(address, headers={"If-None-Match": done["etag"]})
    assert again.status_code == 304


def test_an_identical_request_returns_the_existing_one(service: Service, done: dict[str, Any]) -> None:
    answer = service.client.post("/v1/evaluations", json=asked(rope=0.05, intervalProbability=0.75))
    assert (answer.status_code, answer.json()["id"]) == (200, done["id"])
    assert answer.headers["location"] == f"/v1/evaluations/{done['id']}"


def test_a_finished_one_cannot_be_cancelled(service: Service, done: dict[str, Any]) -> None:
    answer = service.client.delete(f"/v1/evaluations/{done['id']}")
    assert (answer.status_code, answer.json()["evaluationStatus"]) == (409, "succeeded")


@pytest.mark.parametrize("change", [{"seed": 2}, {"rope": 0.1}, {"realisations": {"source": "kmi"}}])
def test_another_request_is_another_evaluation_and_can_be_cancelled(
    service: Service, done: dict[str, Any], change: dict[str, Any]
) -> None:
    answer = service.client.post("/v1/evaluations", json=asked(**change))
    assert answer.status_code == 202 and answer.json()["id"] != done["id"], answer.text
    address = answer.headers["location"]
    assert service.client.get(address).json()["status"] == "queued"
    cancelled = service.client.delete(address)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


def test_defaults_are_filled_in(service: Service) -> None:
    asked_for = {"filter": {"issuer": "MPP"}}
    answer = service.client.post("/v1/evaluations", json=asked_for).json()
    request = answer["request"]
    assert request["realisations"]["source"] == "kmi" and request["realisations"]["asOf"]
    assert (request["rope"], request["seed"]) == (EvaluationRequest().rope, 1)
    service.client.delete(f"/v1/evaluations/{answer['id']}")


@pytest.mark.parametrize(
    ("change", "expected", "said"),
    [
        ({"rope": 0}, ["/rope"], "above 0"),
        ({"rope": 2, "intervalProbability": 1, "seed": -1}, ["/rope", "/intervalProbability", "/seed"], ""),
        ({"filter": {"stage": "guess"}}, ["/filter/stage"], "experts"),
        ({"filter": {"targetYears": [2020, 2018]}}, ["/filter/targetYears"], "exchange"),
        ({"filter": {"issuer": "nobody"}}, ["/filter"], "issued by Abroad, MPP"),
        ({"filter": {"geo": "DE"}}, ["/filter"], "first_applications NL TOTAL"),
        ({"realisations": {"values": {"2030": 1}}}, ["/filter"], "realisations are complete for 2030"),
        ({"realisations": {"values": {}}}, ["/realisations/values"], ""),
        ({"realisations": {"values": {"2017": -1}}}, ["/realisations/values/2017"], ""),
        ({"realisations": {"values": {"2017": 1}, "source": "kmi"}}, ["/realisations"], "not both"),
        ({"realisations": {"source": "elsewhere"}}, ["/realisations/source"], "kmi"),
        ({"realisations": {"source": "kmi", "asOf": "2999-01-01"}}, ["/realisations/asOf"], "future"),
        ({"realisations": {"source": "kmi", "asOf": "2016-06-30"}}, ["/filter"], "partly counted: 2016"),
        ({"surprise": 1}, ["/surprise"], "not known"),
        ({"levels": [0.5, 0.5]}, ["/levels"], "rise"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_refused_with_every_fault(
    service: Service, change: dict[str, Any], expected: list[str], said: str
) -> None:
    answer = service.client.post("/v1/evaluations", json=asked(**change))
    assert sorted(fields(answer)) == sorted(expected)
    assert said in answer.text


@pytest.mark.parametrize("body", [[], "x", None, 3])
def test_what_is_no_object_is_refused(service: Service, body: Any) -> None:
    assert fields(service.client.post("/v1/evaluations", json=body)) == [""]


def test_forecasts_issued_too_late_are_said_to_be(service: Service) -> None:
    late = stated("late", 2019, "estimate", issuedOn="2020-02-01", point=22_000)
    assert service.client.post("/v1/archived-forecasts", json=[{**late, "issuer": "late"}]).status_code == 201
    answer = service.client.post("/v1/evaluations", json=asked(filter={"issuer": "late"}))
    assert fields(answer) == ["/filter"]
    assert "1 of 1 were issued after their target year had ended" in answer.json()["detail"]


def test_one_forecast_has_scores_and_the_reason_why_there_is_no_bias(
    service: Service, computed: dict[str, Any]
) -> None:
    one = computed["one"]
    assert one["nForecasts"] == 1 and one["scores"]["mape"] == pytest.approx(abs(24_000 / 22_500 - 1))
    assert one["bias"] is None
    assert one["biasRefused"] == {"code": "too_few_forecasts", "forecasts": 1, "needed": 2}
    for language, reason in (("nl", "maar één prognose"), ("en", "only one forecast")):
        assert any(reason in sentence for sentence in one["summary"][language])
        page = service.client.get(f"/v1/evaluations/{one['id']}/report?language={language}")
        assert page.status_code == 200 and reason in page.text


def test_a_forecast_issued_after_its_year_is_left_out_and_counted(computed: dict[str, Any]) -> None:
    found = computed["late"]
    assert found["nForecasts"] == 2 and {one["targetYear"] for one in found["errors"]} == {2019, 2020}
    (left,) = found["leftOut"]
    assert (left["reason"], left["count"]) == ("issued_after_target_year", 1)
    assert (left["editions"], left["targetYears"]) == (["2022-late"], [2021])


def test_an_outcome_of_zero_is_scored_in_persons_and_left_out_of_logs(computed: dict[str, Any]) -> None:
    found = computed["zero"]
    errors = {(one["stage"], one["targetYear"]): one for one in found["errors"]}
    assert errors["adopted", 2019]["logError"] is None and errors["adopted", 2019]["pinballSum"] > 0
    assert (
        found["bias"]["n"] == len(ARCHIVE) - 2
        and found["scores"]["nScored"]["meanLogError"] == len(ARCHIVE) - 2
    )
    assert {"code": "zero_outcomes", "count": 2} in found["notes"]


@pytest.mark.parametrize(
    ("name", "dutch", "english"),
    [
        ("one", "maar één prognose heeft een fout op de logschaal", "only one forecast has an error on the"),
        ("late", "na afloop van hun prognosejaar", "after their target year had ended"),
        ("zero", "een gerealiseerd totaal van nul: 2.", "a realised total of zero: 2."),
    ],
)
def test_notes_are_in_words_and_the_report_has_the_same(
    service: Service, computed: dict[str, Any], name: str, dutch: str, english: str
) -> None:
    notes = computed[name]["notesInWords"]
    for language, said in (("nl", dutch), ("en", english)):
        assert [note for note in notes[language] if said in note], notes
        page = service.client.get(f"/v1/evaluations/{computed[name]['id']}/report?language={language}").text
        assert all(note in html.unescape(page) for note in notes[language])


def test_an_evaluation_without_anything_to_note_has_no_notes(done: dict[str, Any]) -> None:
    assert done["notesInWords"] == {"nl": [], "en": []}


def test_a_revision_counts_from_the_day_it_was_known(computed: dict[str, Any]) -> None:
    before, after = computed["before"]["realised"], computed["after"]["realised"]
    changed = {year for year in before if before[year] != after[year]}
    first = counts(geo="BE")["value"].iloc[24]
    assert changed == {"2017"} and after["2017"] - before["2017"] == 9_000 - first
    errors = [computed[name]["errors"][0]["realised"] for name in ("before", "after")]
    assert errors == [before["2017"], after["2017"]]


def test_outcomes_are_those_known_on_the_day(service: Service) -> None:
    """A month revised later changes an evaluation as of later, and not one as of before."""
    revised = counts().iloc[:12].assign(value=9_000, known_at="2024-05-01")
    before = service.client.post("/v1/evaluations", json=published("2024-04-30")).json()
    deliver(service.app.state.sessions, revised)
    same = service.client.post("/v1/evaluations", json=published("2024-04-30"))
    after = service.client.post("/v1/evaluations", json=published("2024-05-01"))
    assert (same.status_code, same.json()["id"]) == (200, before["id"])
    assert after.status_code == 202
    assert after.json()["provenance"]["dataVintage"] != before["provenance"]["dataVintage"]
    for answer in (before, after.json()):
        service.client.delete(f"/v1/evaluations/{answer['id']}")


@pytest.mark.parametrize(
    ("query", "headers", "kind", "language"),
    [
        ("", {}, "text/html; charset=utf-8", "nl"),
        ("?language=en", {}, "text/html; charset=utf-8", "en"),
        ("", {"Accept-Language": "en-GB, nl;q=0.5"}, "text/html; charset=utf-8", "en"),
        (
            "",
            {"Accept-Language": "de, nl;q=0.5, en;q=0.2", "Accept": "application/pdf"},
            "application/pdf",
            "nl",
        ),
        ("?format=pdf", {"Accept": "text/html"}, "application/pdf", "nl"),
    ],
)
def test_the_report_comes_in_the_wanted_form_and_language(
    service: Service, done: dict[str, Any], query: str, headers: dict[str, str], kind: str, language: str
) -> None:
    address = f"/v1/evaluations/{done['id']}/report{query}"
    answer = service.client.get(address, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["content-language"] == language
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.content == service.client.get(address, headers=headers).content
    tag = {**headers, "If-None-Match": answer.headers["etag"]}
    assert service.client.get(address, headers=tag).status_code == 304
    if kind.startswith("text/html"):
        assert (
            f'<html lang="{language}">' in answer.text and "https://localhost/v1/evaluations/" in answer.text
        )


def test_the_same_evaluation_run_again_gives_the_same_bytes(
    service: Service, done: dict[str, Any], tmp_path: Path
) -> None:
    """Computed anew from what was stored, in another process and folder, and reported anew."""
    claim = Claim("job", EVALUATION_KIND, done["id"], "token", 1)
    with service.app.state.sessions() as session:
        work = prepared(session, claim, tmp_path, compute_forecast)
    assert work(lambda _stage, _share: None).problem is None
    name = done["provenance"]["resultHash"]
    first, second = (
        folder / "evaluations" / name / "evaluation.json" for folder in (service.settings.data_dir, tmp_path)
    )
    assert first.read_bytes() == second.read_bytes()
    other = create_app(dataclasses.replace(service.settings, data_dir=tmp_path))
    with start_blocking_portal() as portal:
        client = Client(other, portal)
        for query in ("?language=nl", "?language=en&format=pdf"):
            again = client.get(f"/v1/evaluations/{name}/report{query}")
            assert again.content == service.client.get(f"/v1/evaluations/{done['id']}/report{query}").content
            assert len(again.content) > 10_000
        client.close()
    other.state.sessions.kw["bind"].dispose()


def test_a_report_needs_a_result(service: Service) -> None:
    assert service.client.get("/v1/evaluations/none/report").status_code == 404
    ordered = service.client.post("/v1/evaluations", json=asked(seed=77)).json()
    assert service.client.get(f"/v1/evaluations/{ordered['id']}/report").status_code == 409
    service.client.delete(f"/v1/evaluations/{ordered['id']}")
