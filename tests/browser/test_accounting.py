"""What the pages account for: why probabilities moved, what each part does, who tried which policy, how accessible."""

from __future__ import annotations

import pytest

from service.storage.base import writing
from service.storage.ledger import append_entry
from tests.browser.conftest import NARROW, Opener
from tests.browser.desk import AFTER_COUNTS, Desk
from tests.browser.fake_service import FakeService
from tests.browser.test_accessibility import violations
from tests.browser.test_page import number
from tests.browser.test_scenarios_page import EXPECTED, opened

pytestmark = pytest.mark.browser


def test_a_forecast_says_which_months_moved_the_scenarios_and_what_each_does(open_page: Opener) -> None:
    visit = open_page().ready()
    page = visit.page
    assert "juli 2024" in visit.text("#months-summary") and "Voortzetting" in visit.text("#months-summary")
    # Two scenarios gain 11.2 and 3.2 points together, nine tenths of it in July.
    assert "12,9" in visit.text("#months-summary")
    assert "Zoals verwacht." in visit.text("#weights") and "31,0%" in visit.text("#weights")
    page.click("#months-every summary")
    rows = page.locator("#months-every tbody tr")
    assert rows.count() == 3 and rows.nth(0).locator("th").inner_text() == "Vooraf"
    assert "71,2%" in rows.nth(2).inner_text()
    left_out = page.locator("#weights table", has_text="zonder dat onderdeel")
    assert left_out.locator("tbody tr").count() == 3
    assert "+2.345" in left_out.inner_text() and "2026" in left_out.locator("caption").inner_text()
    page.click("[data-language=en]")
    page.locator("#weights", has_text="As expected.").wait_for()
    assert "July 2024" in visit.text("#months-summary") and "+2,345" in visit.text("#weights")


def test_the_draft_says_what_each_scenario_does_to_the_four_numbers(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill(EXPECTED, "41.000")
    shown = page.locator("#left-out tbody tr")
    shown.nth(1).wait_for()
    assert shown.nth(1).locator("th").inner_text() == "Nieuwe oorlog"
    draft = {**at_desk.stored(), "reason": "r"}
    draft["scenarios"][0]["years"]["2025"]["expected"] = 41_000
    told = at_desk.preview(draft)["leaveOneOut"][1]["years"][1]
    assert told.pop("year") == 2025
    told = {name: AFTER_COUNTS * effect for name, effect in told.items()}
    page.locator("#left-out", has_text=f"{told['maximum']:+,.0f}".replace(",", ".")).wait_for()
    assert "ná weging met de tellingen" in page.locator("#left-out caption").inner_text()
    cells = shown.nth(1).locator("td").all_inner_texts()
    assert [number(cell) for cell in cells] == [
        abs(round(told[k])) for k in ("minimum", "median", "medio", "maximum")
    ]
    assert visit.own_complaints() == []


def test_a_policy_trial_stands_in_the_ledger_for_what_it_is(open_page: Opener, at_desk: Desk) -> None:
    with writing(at_desk.sessions) as session:
        append_entry(
            session,
            actor="anna",
            reason="Syrië wordt veiliger",
            subject="acceptance:fc-1",
            before=None,
            after={"name": "SY 2025-Q1", "quarter": "2025-Q1", "shift": -1.0, "citizen": "SY"},
            effect={2025: {"2025-Q1": -0.0213, "2025-Q2": -0.0307}},
        )
    at_desk.save_beside("meer aanvragen", label="Doorgaan")
    visit = open_page(NARROW, "/grootboek", at=at_desk.address)
    page = visit.page
    trial = page.locator(".entry", has_text="Beleidsproef")
    trial.wait_for()
    text = trial.inner_text()
    for part in (
        "Syrië vanaf 2025-Q1",
        "anna",
        "Syrië wordt veiliger",
        "−1,00",
        "van 50% wordt 27%",
        "−3,07",
    ):
        assert part.replace("−", "-") in text.replace("−", "-"), part
    assert "Eerste versie" not in text
    changed = page.locator(".entry", has_text="meer aanvragen")
    changed.locator("summary", has_text="Gewijzigde velden (1)").click()
    assert "Doorgaan" in changed.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    assert violations(visit) == []
    page.click("[data-language=en]")
    page.locator(".entry", has_text="Policy what-if: Syria from 2025-Q1").wait_for()
    assert visit.own_complaints() == []


def test_the_accessibility_statement_gives_the_address_of_this_installation(
    open_page: Opener, fake: FakeService
) -> None:
    visit = open_page(path="/")
    visit.page.click("footer a[href='/toegankelijkheid']")
    visit.page.locator("#report-none").wait_for()
    for part in ("WCAG 2.1", "EN 301 549", "nog niet voldoet"):
        assert part in visit.text("main")
    fake.contact = "toegankelijkheid@instroom.nl"
    visit = open_page(path="/toegankelijkheid?lang=en")
    visit.page.locator("#report-mail").wait_for()
    assert visit.page.get_attribute("#report-mail", "href") == "mailto:toegankelijkheid@instroom.nl"
    assert not visit.page.locator("#report-none").is_visible()
    assert "Accessibility statement" in visit.text("h1") and violations(visit) == []
