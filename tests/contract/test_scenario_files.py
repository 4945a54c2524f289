"""Scenario sets as tables over HTTP: what goes out comes back, and every fault is named by its cell."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest

CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
ADDRESS = "/v1/scenario-set-imports"
HEADER = ["scenario", "kans", "jaar", "verwacht", "spreiding"]


def workbook(rows: list[list[Any]], **sheets: list[list[Any]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, content in sheets.items():
        added = book.create_sheet(name)
        for row in content:
            added.append(row)
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def places(response: Any) -> set[str]:
    assert response.status_code == 400 and response.headers["content-type"] == "application/problem+json"
    return {error["field"] for error in response.json()["errors"]}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_exported_set_is_read_back_as_it_was(client: Any, scenario_set: dict[str, Any], form: str) -> None:
    scenario_set["scenarios"][0]["label"] = '=HYPERLINK("x") <b>'
    scenario_set["scenarios"][1]["years"]["2024"] = {"expected": 44_100.5, "spread": 123.456}
    scenario_set["unforeseen"]["probability"] = 0.125
    location = client.post("/v1/scenario-sets", json=scenario_set).headers["location"]
    exported = client.get(f"{location}/export?format={form}")
    assert exported.status_code == 200
    assert f".{form}" in exported.headers["content-disposition"]
    read = client.post(ADDRESS, content=exported.content, headers=CSV if form == "csv" else XLSX)
    assert read.status_code == 200, read.text
    found = read.json()
    for one, other in zip(found["scenarios"], scenario_set["scenarios"], strict=True):
        kept = ("key", "label", "probability", "family", "spreadMeaning", "years")
        assert {name: one[name] for name in kept} == {name: other[name] for name in kept}
    assert found["unforeseen"]["probability"] == 0.125
    again = client.put(
        location, json={**scenario_set, **found}, headers={"If-Match": client.get(location).headers["etag"]}
    )
    assert again.status_code == 200


def test_a_dutch_table_of_three_numbers_is_enough(client: Any) -> None:
    text = "scenario;kans;jaar;verwacht;spreiding\r\nrust;60%;2025;34000;5000,5\r\noorlog;0,4;2025;45000;9000\r\n"
    found = client.post(ADDRESS, content=text.encode(), headers=CSV).json()
    assert found["scenarios"][0] == {
        "key": "rust", "label": "", "probability": 0.6, "years": {"2025": {"expected": 34000, "spread": 5000.5}},
    }  # fmt: skip
    assert found["scenarios"][1]["probability"] == 0.4


def test_nothing_is_stored(client: Any, stored: Any) -> None:
    before = stored()
    text = "scenario,probability,year,expected,spread\na,1,2025,30000,5000\n"
    assert client.post(ADDRESS, content=text.encode(), headers=CSV).status_code == 200
    assert stored() == before


def test_every_faulty_cell_is_named(client: Any) -> None:
    rows = ["a,1.2x,2025,34.000,5000", "a,0.5,25,34000,5000", "a,0.5,2026,,5000", "a,0.4,2026,3e4,5000"]
    text = "\n".join(["scenario,probability,year,expected,spread", *rows])
    found = places(client.post(ADDRESS, content=text.encode(), headers=CSV))
    assert {"B2", "D2", "C3", "D4", "C5"} <= found


def test_formulas_and_merged_cells_are_refused_by_cell(client: Any) -> None:
    book = workbook([HEADER, ["a", 1, 2025, "=3*1000", 500], ["a", 1, 2026, 3000, 500]])
    book.active.merge_cells("A3:A4")
    assert places(client.post(ADDRESS, content=saved(book), headers=XLSX)) == {"D2", "A3:A4"}


def test_macros_and_what_is_no_workbook_are_refused(client: Any) -> None:
    plain = saved(workbook([HEADER, ["a", 1, 2025, 30000, 500]]))
    stream = io.BytesIO(plain)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    for content in (stream.getvalue(), plain[:200], b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"", b"\xff\xfea"):
        answer = client.post(ADDRESS, content=content, headers=XLSX)
        assert places(answer) and "stack" not in answer.text


def test_of_two_sheets_ours_is_read_and_none_is_guessed(client: Any) -> None:
    rows = [HEADER, ["a", 1, 2025, 30000, 500]]
    named = workbook([["notes"]], scenarios=rows)
    assert client.post(ADDRESS, content=saved(named), headers=XLSX).status_code == 200
    assert places(client.post(ADDRESS, content=saved(workbook(rows, other=rows)), headers=XLSX)) == {"file"}


def test_columns_must_be_known_and_complete(client: Any) -> None:
    text = "scenario,probability,year,expected,surname\na,1,2025,30000,x\n"
    assert places(client.post(ADDRESS, content=text.encode(), headers=CSV)) == {"E1", "header"}


def test_another_kind_of_file_is_not_taken(client: Any) -> None:
    answer = client.post(ADDRESS, content=b"{}", headers={"Content-Type": "application/json"})
    assert answer.status_code == 415


def test_an_unknown_set_or_format_is_not_exported(client: Any, scenario_set: dict[str, Any]) -> None:
    assert client.get("/v1/scenario-sets/unknown/export?format=csv").status_code == 404
    location = client.post("/v1/scenario-sets", json=scenario_set).headers["location"]
    assert client.get(f"{location}/export?format=pdf").status_code == 400
    first = client.get(f"{location}/export?format=csv")
    again = client.get(f"{location}/export?format=csv", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
