"""In English as in Dutch: the dialogs in which experts pool their sets and settle a conflict, and the statement."""

from __future__ import annotations

import pytest

from tests.browser.conftest import NARROW, WIDE, Opener
from tests.browser.desk import Desk
from tests.browser.test_accessibility import violations
from tests.browser.test_pooling_page import higher
from tests.browser.test_scenarios_page import opened, saved_over
from tests.browser.test_scenarios_states import sound

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_sets_are_pooled_with_years_joined_as_stated(open_page: Opener, at_desk: Desk, width: int) -> None:
    at_desk.send("/scenario-sets", higher("The set of Bram"))
    visit = opened(open_page, at_desk, path=f"/scenarios?set={at_desk.set_id}&lang=en", width=width)
    page = visit.page
    page.click("#pool-sets")
    page.locator("#pool-result table").nth(1).wait_for()
    page.check("#pool-stated")
    sound(visit, width)
    page.fill("#pool-correlation", "1.5")
    page.locator("#pool-result", has_text="a number from 0 to 0.99").wait_for()
    sound(visit, width)
    page.fill("#pool-correlation", "0.35")
    page.locator("#pool-result table").nth(1).wait_for()
    page.fill("#pool-reason", "Together to the meeting")
    page.click("#pool-submit")
    page.locator("#pool").wait_for()
    assert at_desk.read("/scenario-pools")["items"][0]["yearCorrelation"] == 0.35
    assert visit.own_complaints() == []


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_conflict_is_settled(open_page: Opener, at_desk: Desk, width: int) -> None:
    visit = opened(open_page, at_desk, path=f"/scenarios?set={at_desk.set_id}&lang=en", width=width)
    page = visit.page
    saved_over(visit, at_desk, "41,000", "my reason", years={"2025": {"expected": 30_000, "spread": 8_000}})
    assert "41,000" in visit.text("#dialog") and "30,000" in visit.text("#dialog")
    sound(visit, width)
    page.click("#merge-take")
    page.locator("#dialog-fault :not(:empty)").first.wait_for()
    sound(visit, width)


def test_the_accessibility_statement_fits_a_telephone(open_page: Opener) -> None:
    visit = open_page(NARROW, "/toegankelijkheid?lang=en")
    visit.page.locator("html[lang=en] main h1").wait_for()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= NARROW
    assert violations(visit) == []
