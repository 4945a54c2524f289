"""The meeting, played on the real service: two experts, one set, a slider, reasons, a choice, the ledger.

`instroom serve` with three tokens; its worker has computed the first forecast, so every edit is a real what-if.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import CHROMIUM, WIDE, Opener, Visit
from tests.browser.live import LONGEST_FORECAST, live_service
from tests.browser.test_accessibility import violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SLIDER = "#f-scenarios-0-years-2025-expected-slider"


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}; set INSTROOM_CHROMIUM to its path")
    folder = tmp_path_factory.mktemp("meeting")
    roles = {"anna": "expert", "bram": "expert", "chair": "admin"}
    callers = [
        {"name": name, "role": role, "sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name, role in roles.items()
    ]
    (folder / "callers.json").write_text(json.dumps(callers), encoding="utf-8")
    with live_service(folder, INSTROOM_TOKENS_FILE=str(folder / "callers.json")) as address:
        yield address


def signed_in(open_page: Opener, at: str, name: str, path: str = "/scenarios") -> Visit:
    visit = open_page(WIDE, path, at=at)
    visit.page.fill("#token", name)
    visit.page.press("#token", "Enter")
    visit.page.locator("#editor").wait_for()
    return visit


def saved(visit: Visit, reason: str) -> None:
    visit.page.click("#save")
    visit.page.fill("#reason", reason)
    visit.page.click("#save-submit")


def first_forecast_is_there(address: str) -> None:
    """Waits on the event stream of the sample's forecast, which the worker computes after the first start.

    The chair does: experts do not see it before they have stated a set of their own.
    """
    wait = LONGEST_FORECAST / 1000
    with httpx.Client(base_url=f"{address}/v1", timeout=wait) as client:
        hidden = client.get("/forecasts", headers={"Authorization": "Bearer anna"}).raise_for_status().json()
        assert hidden["items"] == []
        client.headers["Authorization"] = "Bearer chair"
        items = client.get("/forecasts").raise_for_status().json()["items"]
        told = client.get(f"/forecasts/{items[0]['id']}/events").text
    assert '"succeeded"' in told


def states_own_set(visit: Visit, reason: str) -> None:
    """A new set for the round that the forecast is about, saved as a first version."""
    page = visit.page
    page.click("#general-more summary")
    for field, value in {
        "#f-edition": "2024-2",
        "#f-cutoff": "2024-06-30",
        "#f-scenarios-0-label": "Voortzetting",
        "#f-scenarios-1-label": "Nieuwe oorlog",
    }.items():
        page.fill(field, value)
    saved(visit, reason)
    page.locator("#notices", has_text="Versie 1 is bewaard").wait_for()
    page.locator("#results-basis", has_text="Doorgerekend met de prognose").wait_for()


def adds_an_event(page: Page) -> None:
    page.locator("label.year-choice", has_text="2025").click()
    page.locator(SLIDER).wait_for()
    page.click("#add-event")
    page.fill("#f-events-0-label", "Grens dicht")
    page.fill("#f-events-0-years-2025-expected", "-6.000")
    page.locator("#results-table .moved__change--down").first.wait_for()


def moves_the_slider(page: Page) -> list[float]:
    """The density changes; gives how long each redrawing took, as the page measured it."""
    drawn = "[...document.querySelectorAll('#year-density .line-posterior')].at(-1).getAttribute('d')"
    before = page.evaluate(drawn)
    page.evaluate("performance.clearMeasures()")
    for _ in range(5):
        page.press(SLIDER, "PageUp")
    page.wait_for_function(f"(d) => {drawn} !== d", arg=before)
    page.wait_for_function("() => performance.getEntriesByName('instroom.redraw').length > 0")
    durations = "performance.getEntriesByName('instroom.redraw').map((entry) => entry.duration)"
    taken: list[float] = page.evaluate(durations)
    return taken


def changes_the_name_first(visit: Visit, set_id: str) -> None:
    page = visit.page
    page.select_option("#set-choice", set_id)
    page.locator("#set-state", has_text="anna").wait_for()
    page.fill("#f-scenarios-1-label", "Oorlog elders")
    saved(visit, "Bram noemt het anders")
    page.locator("#notices", has_text="Versie 2 is bewaard").wait_for()


def saves_without_overwriting(visit: Visit) -> None:
    saved(visit, "De grens kan dichtgaan")
    page = visit.page
    page.locator("#merge-take").wait_for()
    assert "Oorlog elders" in visit.text("#dialog") and "Nieuwe oorlog" in visit.text("#dialog")
    assert violations(visit) == []
    page.click("#merge-take")
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 3 is bewaard").wait_for()
    page.reload()
    page.locator("#f-scenarios-1-label").wait_for()
    assert page.input_value("#f-scenarios-1-label") == "Oorlog elders"
    assert page.input_value("#f-events-0-label") == "Grens dicht"


def reads_the_ledger(visit: Visit) -> None:
    visit.page.click("#set-ledger")
    visit.page.locator(".entry").nth(2).wait_for()
    entries = visit.page.locator(".entry").all_inner_texts()
    assert [("anna" in e, "bram" in e) for e in entries] == [(True, False), (False, True), (True, False)]
    assert "De grens kan dichtgaan" in entries[0] and "Bram noemt het anders" in entries[1]
    assert "Effect per jaar" in entries[0]
    assert "De keten klopt" in visit.text("#verification")


def test_two_experts_write_change_choose_and_account_for_one_set(open_page: Opener, meeting: str) -> None:
    first_forecast_is_there(meeting)
    anna = signed_in(open_page, meeting, "anna")
    states_own_set(anna, "Eerste inbreng van Anna")
    adds_an_event(anna.page)
    assert all(duration > 0 for duration in moves_the_slider(anna.page))
    assert violations(anna) == []
    found = re.search(r"set=([\w-]+)", anna.page.url)
    assert found
    bram = signed_in(open_page, meeting, "bram")
    states_own_set(bram, "Eerste inbreng van Bram")
    changes_the_name_first(bram, found.group(1))
    saves_without_overwriting(anna)
    reads_the_ledger(anna)
    assert anna.own_complaints() == [] and bram.own_complaints() == []
