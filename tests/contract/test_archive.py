"""The archive over HTTP: stored whole or refused whole, corrected by superseding, filtered, read back as it came in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from service.app import create_app
from service.settings import Settings
from tests.conftest import Client
from tests.contract.refusals import faults_in

CSV = {"Content-Type": "text/csv"}
HEADER = "series,geo,citizen,edition,issued_on,cutoff,target_year,stage,issuer,quantile_level,value,source"


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One application for all that is refused: afterwards its archive must still be empty."""
    folder = tmp_path_factory.mktemp("refusing")
    app = create_app(Settings(data_dir=folder, database_url=f"sqlite:///{folder / 'test.sqlite'}"))
    with start_blocking_portal() as portal:
        client = Client(app, portal)
        yield client
        assert client.get("/v1/archived-forecasts?superseded=true").json()["total"] == 0
        client.close()
    app.state.sessions.kw["bind"].dispose()


def stated(**changes: Any) -> dict[str, Any]:
    """One forecast of the published edition MPP 2024-2, as a client writes it."""
    return {
        "series": "first_applications",
        "geo": "NL",
        "edition": "2024-2",
        "issuedOn": "2024-09-15",
        "cutoff": "2024-06-30",
        "targetYear": 2025,
        "stage": "adopted",
        "issuer": "MPP",
        "quantiles": [{"level": 0.125, "value": 21000}, {"level": 2 / 3, "value": 42000}],
        **changes,
    }


def without(name: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in stated(**changes).items() if key != name}


def faults(answer: Any) -> list[tuple[str, int | None]]:
    return [(error["field"], error.get("row")) for error in faults_in(answer)]


def scenario(year: int = 2025) -> dict[str, Any]:
    return {"key": "all", "probability": 1.0, "years": {str(year): {"expected": 35000, "spread": 5000}}}


def posted(client: Any, *forecasts: dict[str, Any]) -> list[str]:
    answer = client.post("/v1/archived-forecasts", json=list(forecasts))
    assert answer.status_code == 201, answer.text
    ids: list[str] = answer.json()["ids"]
    return ids


def test_every_form_and_stage_is_kept_as_it_came(client: Any) -> None:
    forms: list[dict[str, Any]] = [
        {"stage": "adopted"},
        {"stage": "experts", "quantiles": None, "scenarios": [scenario()]},
        {"stage": "combined", "quantiles": None, "draws": [30000, 40000.5, 50000]},
        {"stage": "estimate", "quantiles": None, "point": 42000},
        {"stage": "model", "expert": "expert-1", "source": "Annex 3, page 12"},
    ]
    ids = posted(client, *(stated(**form) for form in forms))
    listed = client.get("/v1/archived-forecasts").json()
    assert [item["id"] for item in listed["items"]] == ids
    assert [item["kind"] for item in listed["items"]] == [
        "quantiles", "scenarios", "draws", "point", "quantiles",
    ]  # fmt: skip
    first = client.get(f"/v1/archived-forecasts/{ids[0]}").json()
    assert first["quantiles"] == stated()["quantiles"]
    assert (first["citizen"], first["version"], first["supersededBy"]) == ("TOTAL", 1, None)
    assert listed["items"][2]["draws"] == [30000, 40000.5, 50000]
    assert listed["items"][4]["source"] == "Annex 3, page 12"


def test_a_correction_supersedes_and_the_old_version_stays_readable(client: Any) -> None:
    (old,) = posted(client, stated())
    better = stated(quantiles=[{"level": 0.125, "value": 21500}], supersedes=old, reason="misread digit")
    (new,) = posted(client, better)
    listed = client.get("/v1/archived-forecasts").json()
    assert [(item["id"], item["version"], item["reason"]) for item in listed["items"]] == [
        (new, 2, "misread digit")
    ]
    everything = client.get("/v1/archived-forecasts?superseded=true").json()["items"]
    assert [(item["id"], item["supersededBy"]) for item in everything] == [(old, new), (new, None)]
    assert client.get(f"/v1/archived-forecasts/{old}").json()["quantiles"] == stated()["quantiles"]
    again = client.post("/v1/archived-forecasts", json=[better])
    assert faults(again) == [("/0/supersedes", 1)]
    assert new in again.json()["detail"]


@pytest.mark.parametrize(
    ("second", "field", "said"),
    [
        ({}, "/1/edition", "more than once"),
        (
            {"targetYear": 2026, "supersedes": "nothing", "reason": "r"},
            "/1/supersedes",
            "no archived forecast",
        ),
    ],
)
def test_duplicates_in_one_list_are_named_and_nothing_is_stored(
    refusing: Client, second: dict[str, Any], field: str, said: str
) -> None:
    answer = refusing.post("/v1/archived-forecasts", json=[stated(), stated(**second)])
    assert faults(answer) == [(field, 2)]
    assert said in answer.json()["errors"][0]["detail"]


def test_an_edition_given_again_is_a_duplicate_with_its_remedy(client: Any) -> None:
    (known,) = posted(client, stated())
    answer = client.post(
        "/v1/archived-forecasts", json=[stated(targetYear=2024), stated(issuedOn="2024-10-01")]
    )
    assert faults(answer) == [("/1/edition", 2)]
    detail = answer.json()["errors"][0]["detail"]
    assert known in detail and "supersedes" in detail and "2025 in edition 2024-2" in detail
    assert client.get("/v1/archived-forecasts").json()["total"] == 1


def test_a_correction_of_another_forecast_is_refused(client: Any) -> None:
    (other,) = posted(client, stated(edition="2023-2"))
    answer = client.post("/v1/archived-forecasts", json=[stated(supersedes=other, reason="wrong")])
    assert faults(answer) == [("/0/supersedes", 1)]


@pytest.mark.parametrize(
    ("forecast", "fields"),
    [
        (
            stated(quantiles=[{"level": 0.5, "value": 4e4}, {"level": 0.9, "value": 3e4}]),
            ["/quantiles/1/value"],
        ),
        (
            stated(quantiles=[{"level": 0.5, "value": 4e4}, {"level": 0.5, "value": 4e4}]),
            ["/quantiles/1/level"],
        ),
        (stated(quantiles=[{"level": 1.0, "value": 4e4}]), ["/quantiles/0/level"]),
        (stated(quantiles=[{"level": 0.5, "value": -1}]), ["/quantiles/0/value"]),
        (stated(point=42000), [""]),
        (without("quantiles"), [""]),
        (stated(quantiles=None, draws=[1.0]), ["/draws"]),
        (stated(quantiles=None, scenarios=[scenario(2024)]), ["/scenarios/0/years"]),
        (stated(quantiles=None, scenarios=[{**scenario(), "probability": 0.9}]), ["/scenarios"]),
        (stated(cutoff="2024-12-31"), ["/cutoff"]),
        (stated(issuedOn="2999-01-01"), ["/issuedOn"]),
        (stated(stage="guess", targetYear="2025x"), ["/targetYear", "/stage"]),
        (without("edition", issuer=""), ["/edition", "/issuer"]),
        (stated(surprise=1), ["/surprise"]),
        (stated(supersedes="x"), ["/reason"]),
        (stated(reason="x"), ["/supersedes"]),
        (stated(source=7), ["/source"]),
        (stated(source="dossier of a.person@example.org"), ["/source"]),
        (stated(issuer="BSN 111222333"), ["/issuer"]),
        ("no object", [""]),
    ],
)
def test_bad_forecasts_are_refused_with_their_row_and_every_fault(
    refusing: Client, forecast: Any, fields: list[str]
) -> None:
    answer = refusing.post("/v1/archived-forecasts", json=[stated(edition="2023-2"), forecast])
    assert faults(answer) == [(f"/1{field}", 2) for field in fields]
    assert all(error["detail"].startswith("row 2: ") for error in answer.json()["errors"])
    assert "example.org" not in answer.text and "111222333" not in answer.text


@pytest.mark.parametrize("body", [{}, [], "x", None, stated()])
def test_what_is_no_list_is_refused(refusing: Client, body: Any) -> None:
    assert faults(refusing.post("/v1/archived-forecasts", json=body)) == [("", None)]


def transcribed(*rows: str) -> str:
    return "\r\n".join([HEADER, *rows]) + "\r\n"


def row(level: str, value: str, year: int = 2025, stage: str = "adopted", source: str = "MPP 2024-2") -> str:
    key = f"first_applications,NL,TOTAL,2024-2,2024-09-15,2024-06-30,{year},{stage},MPP"
    return f"{key},{level},{value},{source}"


def test_an_old_report_is_transcribed_row_by_row(client: Any) -> None:
    text = transcribed(
        row("maximum", "54000"), row("minimum", "21000"), row("2/3", "42000"), row("", "41000", stage="estimate"),
    )  # fmt: skip
    answer = client.post("/v1/archived-forecasts", content=text, headers=CSV)
    assert answer.status_code == 201, answer.text
    adopted, estimate = client.get("/v1/archived-forecasts").json()["items"]
    assert adopted["quantiles"] == [
        {"level": 0.125, "value": 21000}, {"level": 2 / 3, "value": 42000}, {"level": 0.875, "value": 54000},
    ]  # fmt: skip
    assert (estimate["point"], estimate["source"]) == (41000, "MPP 2024-2")


def test_the_archive_as_csv_can_be_archived_elsewhere(client: Any) -> None:
    posted(client, stated(), stated(stage="estimate", quantiles=None, point=41000))
    table = client.get("/v1/archived-forecasts", headers={"Accept": "text/csv"}).text
    read = list(csv.DictReader(io.StringIO(table)))
    assert [(one["quantile_level"], float(one["value"])) for one in read] == [
        ("0.125", 21000), (repr(2 / 3), 42000), ("", 41000),
    ]  # fmt: skip
    kept = [name for name in read[0] if name not in ("id", "version", "kind", "superseded_by")]
    text = io.StringIO()
    writer = csv.DictWriter(text, kept, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**one, "edition": "2024-2 copy"} for one in read)
    answer = client.post("/v1/archived-forecasts", content=text.getvalue(), headers=CSV)
    assert (answer.status_code, answer.json()["stored"]) == (201, 2), answer.text


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("0.5", "40.000,5")], [("row", 2)]),
        ([row("0.5", "veel")], [("value", 2)]),
        ([row("13%", "40000")], [("quantile_level", 2)]),
        ([row("0.5", "40000"), row("0.9", "30000")], [("value", 3)]),
        ([row("0.5", "40000"), row("0.5", "40000")], [("quantile_level", 3)]),
        ([row("", "40000"), row("", "41000")], [("value", 3)]),
        ([row("0.5", "40000"), row("0.9", "50000", source="other")], [("source", 3)]),
        ([row("0.5", "40000", stage="guess")], [("stage", 2)]),
        ([row("0.5", "40000"), row("0.5", "40000", year=2026), row("", "7")], [("row", 2)]),
    ],
)
def test_a_bad_row_of_a_csv_refuses_the_whole_with_its_line(
    refusing: Client, rows: list[str], expected: list[tuple[str, int]]
) -> None:
    answer = refusing.post("/v1/archived-forecasts", content=transcribed(*rows), headers=CSV)
    assert faults(answer) == expected


def test_lists_are_filtered_and_cut(client: Any) -> None:
    posted(
        client,
        *(
            stated(edition=edition, targetYear=year)
            for edition in ("2023-2", "2024-2")
            for year in (2025, 2026)
        ),
        stated(stage="estimate", quantiles=None, point=1, issuer="=cmd()"),
    )
    total = {
        query: client.get(f"/v1/archived-forecasts?{query}").json()["total"]
        for query in ("", "edition=2024-2", "from=2026", "to=2025", "stage=estimate", "issuer=MPP", "geo=DE")
    }
    assert list(total.values()) == [5, 3, 2, 3, 1, 4, 0]
    page = client.get("/v1/archived-forecasts?page=2&pageSize=2")
    assert len(page.json()["items"]) == 2 and 'rel="next"' in page.headers["link"]
    assert "'=cmd()" in client.get("/v1/archived-forecasts", headers={"Accept": "text/csv"}).text


def test_contents_say_what_there_is_to_choose_from(client: Any) -> None:
    (old,) = posted(client, stated())
    posted(client, stated(targetYear=2026), stated(supersedes=old, reason="misread"))
    (row,) = client.get("/v1/archive-contents").json()["items"]
    assert {k: row[k] for k in ("issuer", "stage", "firstYear", "lastYear", "forecasts", "editions")} == {
        "issuer": "MPP", "stage": "adopted", "firstYear": 2025, "lastYear": 2026, "forecasts": 2, "editions": 1,
    }  # fmt: skip
