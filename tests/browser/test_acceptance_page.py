"""The acceptance page: rates per nationality and in total, the split of their spread, counts and policy trials."""

from __future__ import annotations

import pytest

from tests.browser.conftest import NARROW, Opener, Visit
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser


@pytest.fixture(params=[1280, NARROW])
def visit(open_page: Opener, request: pytest.FixtureRequest) -> Visit:
    opened = open_page(request.param, "/acceptatie")
    opened.page.locator("#rate-chart .chart__drawing .line-median").wait_for()
    return opened


def test_the_total_comes_first_and_a_nationality_on_request(visit: Visit) -> None:
    page = visit.page
    summary = page.locator("#rates-summary")
    assert "Alle beslissingen samen" in summary.inner_text()
    before = page.locator("#rate-chart .chart__drawing .line-median").get_attribute("d")
    page.locator("#series-choice").select_option(label="Syrië")
    assert "Syrië: in 2024-Q4 85%" in summary.inner_text()
    assert page.locator("#rate-chart .chart__drawing .line-median").get_attribute("d") != before
    remark = page.locator("#warnings li")
    assert "De beslissingen zijn synthetisch" in remark.inner_text()
    assert page.locator("#warnings[lang], #warnings [lang]").count() == 0


def test_the_split_of_the_spread_is_a_picture_and_a_table(visit: Visit) -> None:
    page = visit.page
    assert page.locator("#variance-chart .chart__drawing rect.box-mix").count() == 8
    assert "samenstelling" in page.locator("#variance-summary").inner_text()
    page.locator("#variance-data summary").click()
    assert page.locator("#variance-data tbody tr").count() == 8
    assert violations(visit) == []


def test_a_number_of_decisions_becomes_counts(visit: Visit) -> None:
    page = visit.page
    page.locator("#decisions").fill("niets")
    page.locator("#capacity-form button").click()
    assert page.locator("#decisions-fault").is_visible()
    assert page.locator("#decisions").get_attribute("aria-invalid") == "true"
    page.locator("#decisions").fill("2.000")
    page.locator("#capacity-form button").click()
    page.locator("#counts table").wait_for()
    assert "1.200" in page.locator("#counts tbody tr").first.inner_text()
    assert not page.locator("#decisions-fault").is_visible()


def test_a_policy_trial_needs_a_reason_and_moves_the_picture(visit: Visit) -> None:
    page = visit.page
    before = page.locator("#rate-chart .chart__drawing .line-median").get_attribute("d")
    page.locator("#policy-form button").click()
    assert page.locator("#reason-fault").is_visible()
    page.locator("#policy-citizen").select_option(label="Syrië")
    page.locator("#policy-shift").fill("-0,5")
    page.locator("#policy-reason").fill("Andere landeninformatie")
    page.locator("#policy-form button").click()
    page.locator("#policy-outcome:not(:empty)").wait_for()
    assert "nr. 1" in page.locator("#policy-outcome").inner_text()
    assert page.locator("#rate-chart .chart__drawing .line-median").get_attribute("d") != before
    assert violations(visit) == []


def declare(visit: Visit, citizen: str, reason: str) -> None:
    page = visit.page
    page.locator("#break-citizen").select_option(label=citizen)
    page.locator("#break-reason").fill(reason)
    page.locator("#break-reason").press("Enter")


def test_a_break_is_declared_fitted_and_shown_with_the_keyboard(visit: Visit) -> None:
    page = visit.page
    before = page.locator("#rate-chart .chart__drawing .line-median").get_attribute("d")
    assert page.locator("#break-quarter").input_value() == "2024-Q4"
    assert "2022-Q1" not in page.locator("#break-quarter option").all_inner_texts()
    page.locator("#break-mean").fill("-1,5")
    declare(visit, "Syrië", "Besluit van de minister")
    shown = page.locator("#breaks button")
    shown.wait_for(timeout=15_000)
    assert "-1,25, 75% kans tussen -1,60 en -0,90" in page.locator("#breaks tbody tr").inner_text()
    assert "nr. 1" in page.locator("#break-outcome").inner_text()
    shown.focus()
    page.keyboard.press("Enter")
    page.locator("#breaks button[aria-pressed=true]").wait_for()
    assert page.locator("#rate-chart .chart__drawing .line-median").get_attribute("d") != before
    assert page.evaluate("document.activeElement.dataset.break") == "1"
    assert violations(visit) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Enter")
    page.locator("#breaks button[aria-pressed=false]").wait_for()
    assert page.locator("#rate-chart .chart__drawing .line-median").get_attribute("d") == before


def test_a_break_that_cannot_be_is_refused_where_it_stands(visit: Visit) -> None:
    page = visit.page
    page.locator("#break-sd").fill("0")
    declare(visit, "Alle nationaliteiten", "ja")
    assert page.locator("#break-sd-fault").is_visible()
    assert page.locator("#break-reason-fault").is_visible()
    assert page.locator("#break-sd").get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "break-sd"
    page.locator("#break-sd").fill("1")
    declare(visit, "Turkije", "Een gok")
    page.locator("#breaks tr", has_text="schatten mislukt").wait_for(timeout=15_000)
    assert page.locator("#breaks button").count() == 0
    assert violations(visit) == []


def test_it_speaks_english(open_page: Opener) -> None:
    visit = open_page(1280, "/acceptatie?lang=en")
    visit.page.locator("#rate-chart .chart__drawing .line-median").wait_for()
    assert "All decisions together" in visit.page.locator("#rates-summary").inner_text()
