"""Every state of the expert's page is accessible, fits a telephone, and can be reached without a mouse."""

from __future__ import annotations

import pytest

from tests.browser.conftest import NARROW, WIDE, Opener, Visit
from tests.browser.desk import Desk
from tests.browser.test_accessibility import violations
from tests.browser.test_scenarios_files import give
from tests.browser.test_scenarios_page import EXPECTED, opened

pytestmark = pytest.mark.browser

BEYOND = """Array.from(document.querySelectorAll('main *, dialog *')).filter((node) =>
  !node.closest('.scroll, thead, svg, .visually-hidden') && node.getBoundingClientRect().right > innerWidth + 0.5)
  .map((node) => node.outerHTML.slice(0, 80))"""
UNFOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"


def sound(visit: Visit, width: int) -> None:
    assert violations(visit) == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.evaluate(BEYOND) == []


@pytest.mark.parametrize(("width", "language"), [(NARROW, "nl"), (WIDE, "en")])
def test_every_state_is_accessible_and_fits(
    open_page: Opener, at_desk: Desk, width: int, language: str
) -> None:
    visit = opened(open_page, at_desk, width=width, path=f"/scenarios?lang={language}")
    page = visit.page
    page.click("#add-event")
    page.click("#add-event")
    page.check("#unforeseen-use")
    page.evaluate(UNFOLD)
    page.locator("#own-0-continuation").check()
    page.evaluate(UNFOLD)
    sound(visit, width)
    page.locator(".card__year button").first.click()
    page.locator("#elicit-roulette").check()
    page.click("#bin-4-more")
    sound(visit, width)
    page.keyboard.press("Escape")
    page.click("#save")
    page.fill("#reason", "x" * 2_001)
    sound(visit, width)
    page.keyboard.press("Escape")
    give(page, "fout.csv", "scenario;probability;year;expected;spread\na;veel;2025;1;1\n")
    page.locator("#dialog .faults").wait_for()
    sound(visit, width)
    page.keyboard.press("Escape")
    page.uncheck("#together")
    page.fill("#f-scenarios-0-probability", "90")
    page.route("**/v1/**", lambda route: route.abort())
    page.fill(EXPECTED, "41000")
    page.locator(".toolbar__state--offline").wait_for()
    sound(visit, width)
    assert visit.own_complaints() == []


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_choice_between_two_versions_and_the_ledger_are_accessible(
    open_page: Opener, at_desk: Desk, width: int
) -> None:
    visit = opened(open_page, at_desk, width=width)
    page = visit.page
    page.fill(EXPECTED, "41.000")
    at_desk.save_beside("de ander", years={"2025": {"expected": 30_000, "spread": 8_000}})
    page.click("#save")
    page.fill("#reason", "mijn reden")
    page.click("#save-submit")
    page.click("#merge-take")
    sound(visit, width)
    page.keyboard.press("Escape")
    page.goto(f"{at_desk.address}/grootboek")
    page.locator(".entry").first.wait_for()
    page.evaluate(UNFOLD)
    sound(visit, width)


def test_a_scenario_is_stated_and_saved_without_a_mouse(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.focus("#year-2025")
    page.keyboard.press("ArrowLeft")
    page.locator("#f-scenarios-0-years-2024-expected").wait_for()
    assert page.evaluate("document.activeElement.id") == "year-2024"
    page.focus("#add-scenario")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "f-scenarios-2-label"
    page.keyboard.type("Grenzen open")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "f-scenarios-2-probability-slider"
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert page.input_value("#f-scenarios-2-probability") == "10"
    assert page.input_value("#f-scenarios-0-probability") == "54"
    page.keyboard.press("Control+s")
    assert page.evaluate("document.activeElement.id") == "reason"
    page.keyboard.type("Derde mogelijkheid")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#notices", has_text="Versie 2 is bewaard").wait_for()
    stored = at_desk.stored()["scenarios"]
    assert [round(one["probability"], 6) for one in stored] == [0.54, 0.36, 0.1]


def test_focus_is_visible_on_every_control_and_returns_after_a_dialog(
    open_page: Opener, at_desk: Desk
) -> None:
    page = opened(open_page, at_desk).page
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        where = page.evaluate(
            """() => { const node = document.activeElement; const style = getComputedStyle(node);
            const marked = node.type === 'radio' ? getComputedStyle(node.nextElementSibling) : style;
            return {id: node.id, drawn: marked.outlineStyle !== 'none' && parseFloat(marked.outlineWidth) >= 2,
              body: node === document.body}; }"""
        )
        if where["body"]:
            break
        assert where["drawn"], f"no visible focus on {where['id']}"
        seen.add(where["id"])
    assert {"set-choice", "year-2025", "save", "f-scenarios-0-label", EXPECTED[1:]} <= seen
    page.fill(EXPECTED, "36000")
    page.focus("#save")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "save"
