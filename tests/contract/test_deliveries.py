"""Realisations and deliveries over HTTP: whole or refused whole, and as known on the day that was asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.refusals import faults_in

CSV_TYPE = {"Content-Type": "text/csv; charset=utf-8"}
JSON_TYPE = {"Content-Type": "application/json"}
HEADER = "series,source,geo,citizen,period,value,known_at"
ROW: dict[str, Any] = {
    "series": "first_applications",
    "source": "eurostat",
    "geo": "NL",
    "citizen": "TOTAL",
    "period": "2024-01",
    "value": 100,
    "knownAt": "2024-03-01",
}


def lines(count: int = 24, bad: dict[int, str] | None = None) -> str:
    rows = [
        f"first_applications,eurostat,NL,TOTAL,{2000 + n // 12 % 20}-{n % 12 + 1:02d},{n},2024-03-01"
        if n < 240
        else f"first_applications,s{n // 240},NL,TOTAL,{2000 + n // 12 % 20}-{n % 12 + 1:02d},{n},2024-03-01"
        for n in range(count)
    ]
    for place, row in (bad or {}).items():
        rows[place] = row
    return "\n".join([HEADER, *rows]) + "\n"


def post(client: Any, row: dict[str, Any]) -> Any:
    return client.post("/v1/realisations", json=[row])


class TestIn:
    def test_a_delivery_is_counted_stored_and_found_again(
        self, client: Any, stored: Callable[[], Any]
    ) -> None:
        response = client.post("/v1/realisations", content=lines(), headers=CSV_TYPE)
        assert response.status_code == 201
        body = response.json()
        assert (body["rows"], body["new"], body["revised"], body["unchanged"]) == (24, 24, 0, 0)
        assert response.headers["location"] == f"/v1/deliveries/{body['deliveryId']}"
        found = client.get(response.headers["location"]).json()
        assert found == {
            **body,
            "receivedAt": found["receivedAt"],
            "actor": "development",
            "origin": "upload:csv",
        }
        assert found["receivedAt"].endswith("Z")
        assert stored()["realisations"] == 24 and stored()["audit_entries"] == 1

    def test_csv_and_json_say_the_same(self, client: Any) -> None:
        first = client.post("/v1/realisations", content=lines(1), headers=CSV_TYPE).json()
        same = {**ROW, "period": "2000-01", "value": 0}
        second = post(client, same).json()
        assert (first["new"], second["unchanged"]) == (1, 1) and first["vintage"] == second["vintage"]
        assert client.get("/v1/deliveries").json()["total"] == 2

    def test_a_dry_run_reports_and_stores_nothing(self, client: Any, stored: Callable[[], Any]) -> None:
        before = stored()
        dry = client.post("/v1/realisations?dryRun=true", content=lines(), headers=CSV_TYPE)
        assert dry.status_code == 200 and stored() == before
        wet = client.post("/v1/realisations", content=lines(), headers=CSV_TYPE).json()
        assert dry.json() == {**wet, "deliveryId": None}

    def test_a_figure_without_a_day_is_known_from_today(self, client: Any) -> None:
        from datetime import UTC, datetime

        post(client, {key: value for key, value in ROW.items() if key != "knownAt"})
        item = client.get("/v1/realisations").json()["items"][0]
        assert item["knownAt"] == datetime.now(UTC).date().isoformat()
        assert client.get("/v1/realisations?asOf=2024-03-01").json()["total"] == 0


BAD_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "month 13": ({"period": "2024-13"}, "/0/period"),
    "quarter 5": ({"period": "2024-Q5"}, "/0/period"),
    "a negative count": ({"value": -5}, "/0/value"),
    "half a person": ({"value": 1.5}, "/0/value"),
    "an unknown series": ({"series": "tourists"}, "/0/series"),
    "a country of three letters": ({"geo": "NLD"}, "/0/geo"),
    "a v-number column": ({"v_nummer": "x"}, "/0/v_nummer"),
    "a bsn column": ({"bsn": 1}, "/0/bsn"),
    "a birth date column": ({"geboortedatum": "1990-01-01"}, "/0/geboortedatum"),
    "a v-number as a value": ({"track": "2123456789"}, "/0/track"),
    "known in the future": ({"knownAt": "2999-01-01"}, "/0/known"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_refused_by_field_and_row_and_nothing_is_stored(
    client: Any, stored: Callable[[], Any], case: str
) -> None:
    members, field = BAD_ROWS[case]
    before = stored()
    response = post(client, {**ROW, **members})
    errors = faults_in(response)
    assert any(error["field"].startswith(field) and error["row"] == 1 for error in errors), errors
    assert stored() == before


def test_one_bad_row_in_ten_thousand_refuses_all_and_is_named(client: Any, stored: Callable[[], Any]) -> None:
    before = stored()
    bad = {6000: "first_applications,eurostat,NL,TOTAL,2024-02,many,2024-03-01"}
    response = client.post("/v1/realisations", content=lines(10_000, bad), headers=CSV_TYPE)
    assert response.status_code == 400
    errors = response.json()["errors"]
    # The header is line 1, so the row at place 6000 stands on line 6002.
    assert [(error["field"], error["row"]) for error in errors] == [("value", 6002)]
    assert "6002" in errors[0]["detail"] and stored() == before


def test_all_bad_rows_are_given_at_once(client: Any) -> None:
    bad = {
        2: "first_applications,eurostat,NL,TOTAL,2024-13,1,",
        5: "first_applications,eurostat,NL,TOTAL,2024-02,-1,",
    }
    response = client.post("/v1/realisations", content=lines(10, bad), headers=CSV_TYPE)
    assert [(e["field"], e["row"]) for e in response.json()["errors"]] == [("period", 4), ("value", 7)]


@pytest.mark.parametrize("column", ["v_nummer", "bsn", "geboortedatum", "V-Nummer"])
def test_a_personal_column_in_a_file_is_refused_without_repeating_a_value(
    client: Any, stored: Callable[[], Any], capsys: Any, column: str
) -> None:
    before = stored()
    text = f"{HEADER},{column}\nfirst_applications,eurostat,NL,TOTAL,2024-01,1,2024-03-01,2987654321\n"
    response = client.post("/v1/realisations", content=text, headers=CSV_TYPE)
    assert response.status_code == 400 and response.json()["errors"][0]["field"] == column
    assert "2987654321" not in response.text and "2987654321" not in capsys.readouterr().err
    assert stored() == before


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", CSV_TYPE),
        (b"hello", CSV_TYPE),
        (HEADER.encode(), CSV_TYPE),
        (b"\xff\xfe\x00", CSV_TYPE),
        (b"[]", JSON_TYPE),
        (b"{}", JSON_TYPE),
        (b"[1]", JSON_TYPE),
        (b"not json", JSON_TYPE),
        (b"[" * 100_000, JSON_TYPE),
    ],
)
def test_what_is_not_a_delivery_is_refused(
    client: Any, stored: Callable[[], Any], body: bytes, headers: dict[str, str]
) -> None:
    before = stored()
    response = client.post("/v1/realisations", content=body, headers=headers)
    assert response.status_code in (400, 415)
    assert response.headers["content-type"] == "application/problem+json"
    assert stored() == before


def test_fifty_megabytes_are_refused(client: Any, stored: Callable[[], Any]) -> None:
    before = stored()
    response = client.post("/v1/realisations", content=b"x" * 50_000_000, headers=CSV_TYPE)
    assert response.status_code == 413 and response.headers["content-type"] == "application/problem+json"
    assert stored() == before


class TestOut:
    @pytest.fixture(autouse=True)
    def delivered(self, client: Any) -> None:
        rows = [
            ROW,
            {**ROW, "value": 105, "knownAt": "2024-04-10"},
            {**ROW, "period": "2024-02", "value": 90, "knownAt": "2024-04-10"},
            {**ROW, "period": "2024-03", "value": None, "knownAt": "2024-04-10"},
            {**ROW, "series": "decisions_total", "period": "2023-Q4", "value": 7},
            {**ROW, "series": "decisions_total", "period": "2024-Q1", "value": 8, "knownAt": "2024-04-10"},
        ]
        assert client.post("/v1/realisations", json=rows).status_code == 201

    def known(self, client: Any, query: str) -> list[tuple[str, int]]:
        items = client.get(f"/v1/realisations?{query}").json()["items"]
        return [(item["period"], item["value"]) for item in items]

    @pytest.mark.parametrize(
        ("as_of", "expected"),
        [
            ("2024-02-29", []),
            ("2024-03-01", [("2024-01", 100)]),
            ("2024-04-09", [("2024-01", 100)]),
            ("2024-04-10", [("2024-01", 105), ("2024-02", 90)]),
            ("9999-12-31", [("2024-01", 105), ("2024-02", 90)]),
        ],
    )
    def test_the_day_asked_for_is_included_and_the_next_is_not(
        self, client: Any, as_of: str, expected: list[tuple[str, int]]
    ) -> None:
        assert self.known(client, f"series=first_applications&asOf={as_of}") == expected

    def test_a_window_takes_whole_periods_of_either_kind(self, client: Any) -> None:
        assert self.known(client, "from=2024-Q1&to=2024-Q1") == [
            ("2024-Q1", 8),
            ("2024-01", 105),
            ("2024-02", 90),
        ]
        assert self.known(client, "from=2024-02") == [("2024-02", 90)]
        assert self.known(client, "to=2024-02") == [("2023-Q4", 7), ("2024-01", 105), ("2024-02", 90)]
        assert self.known(client, "to=2023-11") == []

    def test_a_year_by_nationality_lies_in_a_window_as_a_whole(self, client: Any) -> None:
        year = {**ROW, "citizen": "SY", "period": "2022", "value": 900, "knownAt": "2023-04-01"}
        assert client.post("/v1/realisations", json=[year]).status_code == 201
        assert self.known(client, "citizen=SY") == [("2022", 900)]
        assert self.known(client, "citizen=SY&from=2022-01&to=2022-12") == [("2022", 900)]
        assert self.known(client, "citizen=SY&from=2022-02") == []
        total = client.post("/v1/realisations", json=[{**year, "citizen": "TOTAL"}])
        assert total.status_code == 400
        assert total.json()["errors"][0]["field"] == "/0/period"

    def test_filters_narrow(self, client: Any) -> None:
        assert len(self.known(client, "series=decisions_total")) == 2
        for query in ("geo=DE", "citizen=SY", "source=kmi", "track=4"):
            assert self.known(client, query) == []

    def test_csv_holds_the_same_rows_in_snake_case(self, client: Any) -> None:
        response = client.get("/v1/realisations?geo=NL", headers={"Accept": "text/csv"})
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(response.text)))
        items = client.get("/v1/realisations?geo=NL").json()["items"]
        assert [{**row, "knownAt": row["known_at"]} for row in rows] == [
            {**item, "value": str(item["value"]), "known_at": item["knownAt"]} for item in items
        ]

    def test_json_is_preferred_when_both_will_do(self, client: Any) -> None:
        for accept in ("*/*", "text/csv;q=0.5, application/json", "application/json"):
            response = client.get("/v1/realisations", headers={"Accept": accept})
            assert response.headers["content-type"] == "application/json"

    def test_pages_add_up(self, client: Any) -> None:
        pages = [client.get(f"/v1/realisations?page={page}&pageSize=3") for page in (1, 2)]
        items = [item for page in pages for item in page.json()["items"]]
        assert items == client.get("/v1/realisations").json()["items"]
        assert 'rel="next"' in pages[0].headers["link"] and 'rel="prev"' in pages[1].headers["link"]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("asOf=12", "asOf"),
            ("asOf=2024-02-30", "asOf"),
            ("asOf=2024-01-01T00:00:00Z", "asOf"),
            ("from=2024-13", "from"),
            ("to=2024", "to"),
            ("page=0", "page"),
            ("pageSize=0", "pageSize"),
            ("pageSize=100001", "pageSize"),
            ("geo=a%00b", "geo"),
            ("as_of=2024-01-01", "as_of"),
        ],
    )
    def test_a_question_that_makes_no_sense_is_named(self, client: Any, query: str, field: str) -> None:
        response = client.get(f"/v1/realisations?{query}")
        assert response.status_code == 400
        assert [error["field"] for error in response.json()["errors"]] == [field]


def test_the_answer_is_json_even_when_nothing_is_known(client: Any) -> None:
    body = client.get("/v1/realisations?series=first_applications&geo=NL").json()
    assert body == {"items": [], "page": 1, "pageSize": 10_000, "total": 0}
    text = client.get("/v1/realisations", headers={"Accept": "text/csv"}).text
    assert text.strip() == "series,source,geo,citizen,track,period,value,flag,known_at"
    assert json.loads(client.get("/v1/deliveries").text)["items"] == []
