"""What the expert's page keeps and gives: drafts without a network, the language's numbers, keys alone, one sheet."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from playwright.sync_api import Error, Route

from tests.browser.conftest import Opener
from tests.browser.desk import STATED, Desk
from tests.browser.test_scenarios_page import EXPECTED, opened

pytestmark = pytest.mark.browser


def test_a_draft_outlives_a_network_that_is_gone_and_a_reload_without_it(
    open_page: Opener, at_desk: Desk
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.context.set_offline(True)
    page.fill(EXPECTED, "41.000")
    page.click("#add-event")
    page.fill("#f-events-0-label", "Grens dicht")
    page.locator("#draft-state", has_text="Geen verbinding").wait_for()
    page.click("#undo")
    page.click("#redo")
    page.wait_for_function(
        "() => localStorage.getItem(Object.keys(localStorage).find((k) => k.includes('draft')))"
    )
    page.wait_for_timeout(400)
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        page.reload()
    page.context.set_offline(False)
    page.goto(f"{at_desk.address}/scenarios?set={at_desk.set_id}")
    visit.computed()
    assert page.input_value(EXPECTED) == "41.000"
    assert page.input_value("#f-events-0-label") == "Grens dicht"
    assert "teruggehaald" in visit.text("#notices")


def test_a_network_that_comes_back_takes_the_draft_along_by_itself(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.context.set_offline(True)
    page.fill(EXPECTED, "42.500")
    page.locator("#draft-state", has_text="Geen verbinding").wait_for()
    page.context.set_offline(False)
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    page.locator("#results-table .moved__change--up").first.wait_for()
    kept = at_desk.read(f"/scenario-set-drafts/{at_desk.set_id}")
    assert kept["set"]["scenarios"][0]["years"]["2025"]["expected"] == 42_500


def test_a_draft_still_on_its_way_does_not_come_back_after_saving(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill(EXPECTED, "41.000")
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        held.append(route)

    page.route("**/scenario-set-drafts/*", hold_the_first)
    page.fill(EXPECTED, "42.500")
    page.wait_for_timeout(2_000)
    assert [route.request.method for route in held] == ["PUT"]
    page.click("#save")
    page.fill("#reason", "Meer uit Syrië")
    page.click("#save-submit")
    page.wait_for_timeout(1_000)
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        held[0].continue_()
    page.locator("#notices", has_text="is bewaard").wait_for()
    assert at_desk.draft().status_code == 404
    assert visit.own_complaints() == []


def test_a_draft_that_another_window_took_away_is_kept_anew(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill(EXPECTED, "41.000")
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    at_desk.throw_draft_away()
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.status == 201):
        page.fill(EXPECTED, "42.500")
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    kept = at_desk.draft().json()
    assert kept["set"]["scenarios"][0]["years"]["2025"]["expected"] == 42_500
    assert visit.own_complaints() == []


def test_numbers_are_written_and_read_as_the_language_has_them(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk, path="/scenarios?lang=en")
    page = visit.page
    assert page.input_value(EXPECTED) == "35,000"
    page.fill(EXPECTED, "41,250.5")
    page.fill("#f-scenarios-0-probability", "62.5")
    page.press("#f-scenarios-0-probability", "Tab")
    assert page.input_value("#f-scenarios-0-probability") == "62.5"
    assert re.search(r"\d\d,\d{3}", visit.text("#results-table"))
    page.click("[data-language=nl]")
    page.locator("html[lang=nl]").wait_for(state="attached")
    assert page.input_value(EXPECTED) in ("41.250", "41.251")
    assert page.input_value("#f-scenarios-0-probability") == "62,5"
    page.fill(EXPECTED, "41.250,5")
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    kept = at_desk.read(f"/scenario-set-drafts/{at_desk.set_id}")["set"]["scenarios"][0]
    assert (kept["years"]["2025"]["expected"], kept["probability"]) == (41_250.5, 0.625)


def test_a_slider_a_number_an_event_and_saving_need_no_mouse(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id"))

    page.focus("#f-scenarios-0-probability")
    page.keyboard.press("Tab")
    assert focused() == f"{EXPECTED[1:]}-slider"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    assert focused() == EXPECTED[1:]
    moved = int(page.input_value(EXPECTED).replace(".", ""))
    assert moved > 35_000
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("9.500")
    page.focus("#add-event")
    page.keyboard.press("Enter")
    assert focused() == "f-events-0-label"
    page.keyboard.type("Grens dicht")
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    for _ in range(2):
        page.keyboard.press("PageUp")
    page.keyboard.press("Tab")
    assert page.input_value("#f-events-0-probability") == "20"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused() == "f-events-0-years-2025-expected"
    page.keyboard.press("Control+A")
    page.keyboard.type("-6.000")
    page.keyboard.press("Control+s")
    page.keyboard.type("Zonder muis")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#notices", has_text="Versie 2 is bewaard").wait_for()
    stored = at_desk.stored()
    assert stored["scenarios"][0]["years"]["2025"] == {"expected": moved, "spread": 9_500}
    (event,) = stored["events"]
    assert (event["label"], event["probability"]) == ("Grens dicht", 0.2)
    assert event["years"]["2025"]["expected"] == -6_000


def wide_set(scenarios: int) -> dict[str, Any]:
    """A set of so many scenarios, all five years stated, with two events and an unforeseen part."""
    made = copy.deepcopy(STATED) | {"name": "Alles ingevuld: eerste asielinstroom, editie 2024-2"}
    years = {str(y): {"expected": 30_000 + 1_000 * (y - 2024), "spread": 6_000} for y in range(2024, 2029)}
    made["scenarios"] = [
        {"key": f"s{n}", "label": f"Scenario met een lange naam, nummer {n}", "probability": 1 / scenarios,
         "years": {y: {**b, "expected": b["expected"] + 7_000 * n} for y, b in years.items()}}
        for n in range(scenarios)
    ]  # fmt: skip
    change = {"2025": {"expected": 5_000, "spread": 900}, "2026": {"expected": 6_000, "spread": 900}}
    made["events"] = [
        {"key": f"e{n}", "label": f"Gebeurtenis {n}", "probability": 0.2, "years": change} for n in range(2)
    ]
    made["unforeseen"] = {"probability": 0.05, "years": years}
    return made


@pytest.mark.parametrize("scenarios", [2, 4])
def test_the_summary_is_exactly_one_sheet(open_page: Opener, at_desk: Desk, scenarios: int) -> None:
    made = at_desk.send("/scenario-sets", wide_set(scenarios))["id"]
    visit = opened(open_page, at_desk, path=f"/scenarios?set={made}")
    page = visit.page
    page.locator("#feedback li").first.wait_for()
    page.check("#layer-model")
    page.locator("#year-density .chart__drawing .line-model").wait_for(state="attached")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 1
    assert visit.text("#summary").count("lange naam") == scenarios
