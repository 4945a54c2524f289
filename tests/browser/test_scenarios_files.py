"""Scenario sets from and to files on the expert's page: tables become the draft, or are refused in plain words."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Opener
from tests.browser.desk import Desk
from tests.browser.test_scenarios_page import opened

pytestmark = pytest.mark.browser

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS: list[list[Any]] = [
    ["sleutel", "naam", "kans", "jaar", "verwacht", "spreiding"],
    ["rustig", "Rustig", 0.7, 2024, 30_000, 4_000],
    ["rustig", "Rustig", 0.7, 2025, 31_500.5, 5_000],
    ["druk", "Druk", 0.3, 2024, 50_000, 9_000],
    ["druk", "Druk", 0.3, 2025, 56_000, 11_000],
]


def workbook(spoil: Callable[[Any], None] = lambda _: None) -> bytes:
    """Three numbers per scenario and year, as a spreadsheet program saves them."""
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    spoil(book.active)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def with_macro(data: bytes) -> bytes:
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    return stream.getvalue()


def formula(sheet: Any) -> None:
    sheet["E2"] = "=30000+1"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("formule.xlsx", workbook(formula), "E2: een formule; plak de uitkomst als waarde"),
        (
            "samengevoegd.xlsx",
            workbook(lambda sheet: sheet.merge_cells("A2:A3")),
            "A2:A3: samengevoegde cellen; hef dat op en vul elke cel",
        ),
        ("macro.xlsx", with_macro(workbook()), "In dit werkboek zitten macro’s"),
        ("oud.xlsx", b"\xd0\xcf\x11\xe0" + bytes(600), "oud of beveiligd werkboek"),
    ],
    ids=["formula", "merged", "macro", "old"],
)
def test_a_workbook_that_cannot_be_trusted_is_refused_in_plain_words(
    open_page: Opener, at_desk: Desk, name: str, data: bytes, said: str
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.set_input_files("#import-file", {"name": name, "mimeType": XLSX, "buffer": data})
    page.locator("#dialog .faults li").first.wait_for()
    assert name in visit.text("#dialog") and "niets overgenomen" in visit.text("#dialog")
    assert said in visit.text("#dialog .faults")
    assert page.locator("#dialog [lang=en]").count() == 0
    page.keyboard.press("Escape")
    assert page.input_value("#f-scenarios-0-label") == "Voortzetting"


def test_a_workbook_becomes_the_draft_is_computed_and_saved(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.set_input_files("#import-file", {"name": "set.xlsx", "mimeType": XLSX, "buffer": workbook()})
    page.locator("#notices", has_text="overgenomen").wait_for()
    assert page.input_value("#f-scenarios-0-label") == "Rustig"
    assert page.input_value("#f-scenarios-1-probability") == "30"
    page.locator("#results-table .moved__change--up, #results-table .moved__change--down").first.wait_for()
    page.click("#save")
    page.fill("#reason", "uit het rekenblad")
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 2 is bewaard").wait_for()
    stored = {one["key"]: one for one in at_desk.stored()["scenarios"]}
    assert stored.keys() == {"rustig", "druk"}
    assert stored["rustig"]["years"]["2025"] == {"expected": 31_500.5, "spread": 5_000}
    with page.expect_download() as kept:
        page.click("#export-xlsx")
    again = kept.value.path().read_bytes()
    page.set_input_files("#import-file", {"name": "terug.xlsx", "mimeType": XLSX, "buffer": again})
    page.locator("#notices", has_text="overgenomen").wait_for()
    assert "Gelijk aan de bewaarde versie" in visit.text("#draft-state"), "out and in again changes nothing"
    assert visit.own_complaints() == []


TABLE = "scenario;label;probability;year;expected;spread\na;Rustig;0,7;2025;30000;4000\nb;Druk;0,3;2025;50000;9000\n"


def give(page: Page, name: str, content: str) -> None:
    page.set_input_files("#import-file", {"name": name, "mimeType": "text/csv", "buffer": content.encode()})


def test_a_table_becomes_the_draft_and_what_is_wrong_in_it_is_named_by_its_cell(
    open_page: Opener, at_desk: Desk, tmp_path: Path
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    give(page, "fout.csv", TABLE.replace("30000", "=30000").replace("0,3", "veel"))
    page.locator("#dialog .faults li").first.wait_for()
    faults = page.locator("#dialog .faults li").all_inner_texts()
    assert faults == ["E2: verwacht: moet een getal zijn", "C3: kans: moet een getal zijn"]
    page.keyboard.press("Escape")
    assert page.input_value("#f-scenarios-0-label") == "Voortzetting"
    give(page, "goed.csv", TABLE)
    page.locator("#notices", has_text="overgenomen").wait_for()
    assert page.input_value("#f-scenarios-0-label") == "Rustig"
    page.click("#undo")
    assert page.input_value("#f-scenarios-0-label") == "Voortzetting"
    for kind in ("csv", "xlsx"):
        with page.expect_download() as saved:
            page.click(f"#export-{kind}")
        assert saved.value.suggested_filename == f"2024-2-v1.{kind}"
        saved.value.save_as(tmp_path / kind)
    assert "Voortzetting" in (tmp_path / "csv").read_text("utf-8-sig")
    assert (tmp_path / "xlsx").read_bytes()[:2] == b"PK"


def test_events_that_cannot_be_are_refused_in_the_language_of_the_page(
    open_page: Opener, at_desk: Desk
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    for number, chance in enumerate(("70", "60")):
        page.click("#add-event")
        page.fill(f"#f-events-{number}-label", f"Gebeurtenis {chance}")
        page.fill(f"#f-events-{number}-probability", chance)
    page.click("#depends-0 summary")
    page.check("#excludes-0-event_2")
    fault = page.locator("#f-events-1-probability-error", has_text="sluiten elkaar uit")
    fault.wait_for()
    assert "‘Gebeurtenis 70’" in fault.inner_text() and "130%" in fault.inner_text()
    assert fault.locator("[lang=en]").count() == 0
    page.click("[data-language=en]")
    # A field drawn anew loses what is typed meanwhile.
    page.locator("html[lang=en]").wait_for(state="attached")
    page.fill("#f-events-1-probability", "50")
    page.locator("#f-events-1-probability-error", has_text="exclude one another").wait_for()
    page.fill("#f-events-1-probability", "20")
    page.locator("#results-fault div").wait_for(state="detached")
    assert visit.own_complaints() == []
